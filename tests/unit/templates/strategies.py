"""Templates and values made at random: texts that mostly are templates, so that they get past the scan."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from secrets_manager.templates import vocabulary
from tests.unit.foreign_input import ANY_JSON

# Everything secret in the values holds this word.
CANARY = "c4n4ry"
NAMES = ("a", "b", "db", "l", "items", "data")

_SECRETS = st.sampled_from(
    [CANARY, f"{CANARY}=", f'{{"{CANARY}": 1}}', f"{CANARY},x y\n<&>", f"\x00{CANARY}é\U0001f600"]
)
_LEAVES = _SECRETS | ANY_JSON | st.binary(max_size=6) | st.just(10**50) | st.just(CANARY.encode() + b"\xff")
ANY_VALUE: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
VALUES = st.dictionaries(st.sampled_from(NAMES), ANY_VALUE, max_size=6)

_NAME = st.sampled_from(NAMES)
_CONSTANT = st.sampled_from(
    ["1", "0", "-3", "2.5", "'x'", '"a,b"', "true", "none", "[]", "{}", "9" * 30, "1e300", "'%s'"]
)
_FILTER = st.sampled_from(sorted(vocabulary.FILTERS))
_TEST = st.sampled_from(sorted(vocabulary.TESTS))
_OPERATOR = st.sampled_from(
    ["+", "-", "/", "//", "%", "~", "==", "!=", "<", "<=", "in", "not in", "and", "or"]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}.{}".format, inner, _NAME),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[{}:{}]".format, inner, inner, inner),
        st.builds("({} | {})".format, inner, _FILTER),
        st.builds("({} | {}({}))".format, inner, _FILTER, inner),
        st.builds("({} | {}({}, {}))".format, inner, _FILTER, inner, inner),
        st.builds("({} {} {})".format, inner, _OPERATOR, inner),
        st.builds("({} is {})".format, inner, _TEST),
        st.builds("({} is not {}({}))".format, inner, _TEST, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds('{{"k": {}, "a": {}}}'.format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("range({})".format, inner),
        st.builds("dockerconfig({}, {}, {})".format, inner, inner, inner),
    )


EXPRESSIONS = st.recursive(_NAME | _CONSTANT, _grown, max_leaves=6)
_LITERAL = st.sampled_from(
    ["", "x", "\n", " \r\n", "{", "}}", "%}", "é", "\x00", "{# c #}", "{% raw %}{{ x }}{% endraw %}"]
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, inner, inner),
        st.builds("{{%- for {} in {} -%}}{}{{% endfor %}}".format, _NAME, EXPRESSIONS, inner),
        st.builds("{{% for a, b in {} | items %}}{}{{% endfor %}}".format, EXPRESSIONS, inner),
        st.builds("{{% set {} = {} %}}{}".format, _NAME, EXPRESSIONS, inner),
        st.builds("{{% set {} %}}{}{{% endset %}}".format, _NAME, inner),
        st.builds("{{% with {} = {} %}}{}{{% endwith %}}".format, _NAME, EXPRESSIONS, inner),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, _FILTER, inner),
    )


TEMPLATES = st.recursive(_LITERAL | st.builds("{{{{ {} }}}}".format, EXPRESSIONS), _nested, max_leaves=5)

# Pieces of syntax in any order: hardly ever a template.
_PIECES = (
    "{{ }} {% %} {# #} {{- -%} {%+ - + "
    "' \" \\ ( ) [ ] { } . | ~ * , : = a 1 _ é if for in set is not loop self"
    " loop self endif endfor raw endraw include macro call upper debug"
)
NONSENSE = st.lists(st.sampled_from([*_PIECES.split(" "), " ", "\n", "\x00", "\u2028"]), max_size=24).map(
    "".join
)
BARE = st.lists(
    _LITERAL
    | st.sampled_from(["{{ a }}", "{{b}}", "{{\tdb.a\n}}", "{{ db.items }}", "{{ data.a.b }}", "{{ l }}"]),
    max_size=6,
).map("".join)
