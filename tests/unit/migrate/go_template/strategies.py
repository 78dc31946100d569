"""Go templates made at random, most of them such that Go takes them, and values for them."""

# ruff: noqa: SIM905 - words are read more easily than words in quotes

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ("user", "password", "host", "list", "data", "if", "a-b")
_TEXTS = st.text(
    st.sampled_from(list("ab,./:-_ \"\\'<>&%\n\r\t{}$=+@é\u00df\u00a0\u2028\x07\x7f😀")), max_size=8
)
_SHAPED = st.sampled_from(
    ["", "shop", "p/w&1 %+<x>", "a,b,c", "eA==", "no base64", '{"a": "1", "b": {"c": "x"}}', '["x","y"]']
)
VALUES = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, _SHAPED | _TEXTS))
FULL_VALUES = st.fixed_dictionaries(dict.fromkeys(NAMES, _SHAPED | _TEXTS))

_PLAIN = st.sampled_from(
    ["", " ", "\n", "a", "x=", "{", "}", "{%", "{#", "#}", "%}", "}}", " \n- ", "\t", "{ ", "é", '"', "\r\n"]
)
_FIELD = st.sampled_from(
    [".user", ".password", ".host", ".list", ".data", ".if", "$.user", '(index . "a-b")', "."]
)
_QUOTED = st.sampled_from(
    ['""', '"a"', '","', '"/"', '"\\n\\u00e9\\\\"', '`raw "x"`', '"%s"', '"sh"', '"a-b"', '"{{"', '"}} %}"']
)
_WHOLE = st.sampled_from(["0", "1", "2", "-1", "5", "0x10"])
_ONE = st.sampled_from(
    "b64enc b64dec quote squote toString trim upper lower toJson toRawJson toPrettyJson sha256sum urlquery"
    " len not empty fromJson print println cat list first last rest initial mustFromJson mustToJson reverse"
    " sortAlpha coalesce and or add1 now nosuch html".split()
)
_TWO = st.sampled_from(
    "default eq ne lt ge and or trimSuffix trimPrefix trimAll trunc indent nindent contains hasPrefix"
    " hasSuffix split splitList join printf print println list dict index cat coalesce has hasKey get add sub"
    " ternary".split()
)
_FORMAT = st.sampled_from(['"%s"', '"%s:%s"', '"%d"', '"%v-%q"', '"100%% %s"', '"%5s"', '"%s %s %s"'])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operand = inner.map(lambda text: text if " " not in text or text.startswith("(") else f"({text})")
    return st.one_of(
        st.builds("{} {}".format, _ONE, operand),
        st.builds("{} | {}".format, inner, _ONE),
        st.builds("{} {} {}".format, _TWO, _QUOTED | _WHOLE, operand),
        st.builds("{} | {} {}".format, inner, _TWO, _QUOTED | _WHOLE),
        st.builds("{} {} {}".format, _TWO, operand, operand),
        st.builds("replace {} {} {}".format, _QUOTED, operand, operand),
        st.builds("printf {} {} {}".format, _FORMAT, operand, operand),
        st.builds("printf {} {}".format, _FORMAT, operand),
        st.builds("dict {} {} {} {}".format, _QUOTED, operand, _QUOTED, operand),
        st.builds("ternary {} {} {}".format, operand, operand, operand),
        st.builds("({}).{}".format, inner, st.sampled_from(["_0", "_1", "a", "b.c", "items"])),
        st.builds("index {} {}".format, operand, _QUOTED | _WHOLE),
    )


EXPRESSIONS = st.recursive(
    _FIELD | _QUOTED | _WHOLE | st.sampled_from(["true", "$v", "nil"]), _grown, max_leaves=5
)
# Texts out of texts, right to Go; the point stands for a pipe.
_BY = (
    "b64enc quote squote trim upper sha256sum urlquery toJson toRawJson toString println cat"
    ' dict~"k".toPrettyJson fromJson.toJson default~"x~y" trimSuffix~"/" trimPrefix~"a" trunc~3 trunc~-2'
    ' indent~2 nindent~1 trimAll~"/a" replace~"a"~"\\n" splitList~",".join~";" printf~"<%s>" printf~"%q"'
    ' list~"q".toJson len.toString splitList~"a".last splitList~",".rest.join~","'
).split()
_ROOTED = st.sampled_from(["$.user", "$.password", "$.host", "$.list", "$.data", '(index $ "a-b")'])
SOUND = st.recursive(
    _ROOTED | _QUOTED,
    lambda inner: st.one_of(
        st.builds(
            "({} | {})".format,
            inner,
            st.sampled_from(_BY).map(lambda by: by.replace("~", " ").replace(".", "|")),
        ),
        st.builds('(printf "%s:%s" {} {})'.format, inner, inner),
        st.builds("(ternary {} {} (contains {} {}))".format, inner, inner, inner, inner),
        st.builds("(or {} {})".format, inner, inner),
        st.builds('(split "," {})._0'.format, inner),
    ),
    max_leaves=4,
)
SOUND_CONDITIONS = st.one_of(
    SOUND,
    st.builds(
        "{} {} {}".format, st.sampled_from(["eq", "ne", "lt", "ge", "contains", "hasPrefix"]), SOUND, SOUND
    ),
    st.builds("and (not {}) (eq {} {} {})".format, SOUND, SOUND, SOUND, SOUND),
    st.builds('has {} (splitList "," {})'.format, SOUND, SOUND),
    st.builds("gt (len {}) 3".format, _ROOTED),
)
_OPEN = st.sampled_from(["{{", "{{ ", "{{- "])
_CLOSE = st.sampled_from(["}}", " }}", " -}}"])


def _actions(expressions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{}{}{}".format, _OPEN, expressions, _CLOSE)


def _blocks(
    inner: st.SearchStrategy[str], of: st.SearchStrategy[str], when: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """Blocks; none goes over what it is not known to be a list."""
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{{{if {}}}}}{}{{{{end}}}}".format, when, inner),
        st.builds(
            "{{{{- if {} }}}}{}{{{{- else if {}}}}}{}{{{{ else -}}}}{}{{{{end -}}}}".format,
            when,
            inner,
            when,
            inner,
            inner,
        ),
        st.builds("{{{{with {}}}}}{}{{{{.}}}}{{{{else}}}}{}{{{{end}}}}".format, of, inner, inner),
        st.builds("{{{{with $v := {}}}}}{}{{{{$v}}}}{{{{else with {}}}}}-{{{{end}}}}".format, of, inner, of),
        st.builds(
            '{{{{range $i, $e := splitList "," {}}}}}{{{{$i}}}}{}{{{{$e}}}}{{{{end}}}}'.format, of, inner
        ),
        st.builds("{{{{range $k, $v := dict `a` {}}}}}{}{{{{$k}}}}{{{{end}}}}".format, of, inner),
        st.builds("{{{{$v := {}}}}}{}{{{{$v}}}}".format, of, inner),
        st.builds(
            '{{{{$v := ""}}}}{{{{if {}}}}}{{{{$v = {}}}}}{}{{{{end}}}}{{{{$v}}}}'.format, when, of, inner
        ),
        st.builds(
            "{{{{range splitList `,` {}}}}}{}{{{{if eq . `b`}}}}{{{{break}}}}{{{{end}}}}/{{{{end}}}}".format,
            of,
            inner,
        ),
        st.builds("{{{{range $k, $v := dict `b` {} `a` ``}}}}{{{{$k}}}}{}{{{{end}}}}".format, of, inner),
        st.builds(
            "{{{{$v := ``}}}}{{{{range until {}}}}}{}{{{{else}}}}{{{{$v = {}}}}}{{{{end}}}}{{{{$v}}}}".format,
            st.sampled_from(["0", "2"]),
            inner,
            of,
        ),
        st.builds("{}{{{{- /* {{ c */ -}}}}{}".format, inner, inner),
    )


def _templates(of: st.SearchStrategy[str], when: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(_PLAIN | _actions(of), lambda inner: _blocks(inner, of, when), max_leaves=6)


TEMPLATES = _templates(EXPRESSIONS, EXPRESSIONS)
SOUND_TEMPLATES = _templates(SOUND, SOUND_CONDITIONS)
NONSENSE = st.text(
    st.sampled_from(list("{}-%#()|.$\"`'\\ \n=:,/*0aé\ud800\x00")) | st.characters(), max_size=30
) | st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{{-",
            " -}}",
            "if",
            "end",
            "else",
            "range",
            "with",
            " ",
            "(",
            ")",
            "|",
            ".a",
            "$x",
            ":=",
            "/*",
            "*/",
            '"',
            "`",
        ]
    ),
    max_size=20,
).map("".join)
