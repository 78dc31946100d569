"""What Go templates become: source, names, notes; and what is refused, with its place and reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_manager.migrate.go_template import (
    EXTERNAL_SECRETS,
    EXTERNAL_SECRETS_V1,
    VAULT_SECRET,
    VAULT_SECRETS_OPERATOR,
    Dialect,
    NotTranslatable,
    notes,
    translate,
)
from secrets_manager.migrate.go_template.functions import REFUSED, TABLES
from secrets_manager.migrate.go_template.kinds import Kind
from tests.unit.migrate.go_template.real import REAL


def source(template: str, dialect: Dialect = EXTERNAL_SECRETS) -> str:
    return translate(template, dialect).source


def refusal(template: str, dialect: Dialect = EXTERNAL_SECRETS) -> NotTranslatable:
    with pytest.raises(NotTranslatable) as caught:
        translate(template, dialect)
    return caught.value


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("plain text\r\n", "plain text\r\n"),
        ("{{ .user }}:{{.password}}", "{{ user }}:{{ password }}"),
        ("{{ .user | toString }}", "{{ user }}"),
        ('{{ index . "a-b" }}', '{{ data["a-b"] }}'),
        ("{{ .data }}{{ .range }}{{ .é }}", '{{ data["data"] }}{{ data["range"] }}{{ data["é"] }}'),
        (
            '{{ printf "%s:%s" .user .password | b64enc }}',
            '{{ (user ~ ":" ~ password) | b64encode }}',
        ),
        ("{{ .password | urlquery }}", '{{ password | urlencode | replace("%20", "+") }}'),
        (
            '{{ dict "user" .user "port" 5432 | toJson }}',
            '{{ {"port": 5432, "user": user | string} | tojson(html=true) }}',
        ),
        ('{{ .user | default "x" }}', '{{ user or "x" }}'),
        ('{{ index . "user" | default "x" }}', '{{ data["user"] | default("") or "x" }}'),
        ('{{ .host | trimSuffix "/" }}', '{{ host[:-1] if host is endingwith("/") else host }}'),
        ('{{ (split "," .hosts)._1 }}', '{{ (hosts | split(","))[1] }}'),
        ("{{ .ca | nindent 2 }}", '{{ "\\n  " ~ ca | replace("\\n", "\\n  ") }}'),
        ("{{ (fromJson .x).a.b }}", "{{ (x | fromjson).a.b }}"),
        (
            "{{ if .a }}1{{ else if eq .b `x` }}2{{ else }}3{{ end }}",
            '{% if a %}1{% elif b == "x" %}2{% else %}3{% endif %}',
        ),
        ("{{ with .a }}{{ . }}{{ end }}", "{% if a %}{{ a }}{% endif %}"),
        (
            '{{ range $i, $h := splitList "," .h }}{{ $i }}={{ $h }}{{ end }}',
            '{% for h_2 in h | split(",") %}{% set i = loop.index0 %}{{ i }}={{ h_2 }}{% endfor %}',
        ),
        (
            "{{ range $k, $v := . }}{{ $k }}={{ $v }};{{ end }}",
            "{% for k, v in data | items %}{{ k }}={{ v }};{% endfor %}",
        ),
        (
            "{{ $a := .user }}{{ if .b }}{{ $a = .b }}{{ end }}{{ $a }}",
            "{% set a = user | string %}{% if b %}{% set a = b | string %}{% endif %}{{ a }}",
        ),
        ("{{ eq .a .b }}", "{{ (a == b) | tojson }}"),
        ("{{ 5 }}{{ `x` }}{{ 1.5 }}", "5x1.5"),
    ],
)
def test_a_template_becomes_one_that_reads_well(template: str, made: str) -> None:
    assert source(template) == made


@pytest.mark.parametrize("kind", REAL)
def test_what_people_have_is_translated(kind: str) -> None:
    assert translate(REAL[kind], EXTERNAL_SECRETS).source


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{{{ `x` }}", None),
        ("{ {{ .a }} } }}", "{ {{ a }} } }}"),
        ("{{ `{{ .Values.x }}` }}{# a #}{% b %}", '{{ "{{" }} .Values.x }}{{ "{#" }} a #}{{ "{%" }} b %}'),
        ("{{/* c */}}{ {{- /* d */ -}} \n%", '{{ "{%" }}'),
        ("{{`{`}}{{ .a }}", '{{ "{" }}{{ a }}'),
    ],
)
def test_text_that_looks_like_a_tag_is_printed(template: str, made: str | None) -> None:
    if made is None:
        assert refusal(template).what == "`{`"
    else:
        assert source(template) == made


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("a \n\t {{- .x -}} \r\n b", "a{{ x }}b"),
        ("a {{ .x }} b", "a {{ x }} b"),
        ("a {{.x -}}  ", "a {{ x }}"),
        ("a\u00a0{{- `b` }}", "a\u00a0b"),
        ("{{-3}}", "-3"),
        ("a {{/* x -}} */ -}} b", "a b"),
        ("a {{- /* x */}} b", "a b"),
    ],
)
def test_trim_markers_take_away_what_they_do_in_go(template: str, made: str) -> None:
    assert source(template) == made


def test_names_are_those_that_the_definition_must_have() -> None:
    text = '{{ .a }}{{ $.b.c }}{{ index . "d-e" }}{{ (fromJson .f).g }}{{ $h := 1 }}'
    made = translate(text, replace(EXTERNAL_SECRETS, kind=Kind.ANY))

    assert made.names == {"a", "b", "d-e", "f"}
    assert not made.whole
    assert translate("{{ . | toJson }}", EXTERNAL_SECRETS).whole


def test_a_template_that_makes_the_same_in_every_case_has_no_note() -> None:
    assert translate("{{ .a | b64enc }}{{ printf `%s@%s` .a .b | urlquery }}", EXTERNAL_SECRETS).notes == ()


@pytest.mark.parametrize(
    ("template", "note"),
    [
        ("{{ .a | b64dec }}", notes.BAD_BASE64),
        ("{{ .a | upper }}", notes.CASE),
        ("{{ .a | trunc 3 }}", notes.LETTERS),
        ("{{ .a | quote }}", notes.QUOTED),
        ("{{ .a | toRawJson }}", notes.RAW_JSON),
        ("{{ .a | fromJson | toJson }}", notes.BAD_JSON),
        ("{{ (.a | fromJson).b }}", notes.OUT_OF_JSON),
        ("{{ .a | default .b }}", notes.LAZY),
        ('{{ index . "a" }}', notes.NO_ENTRY),
        ("{{ dict `a` .a | toYaml }}", notes.YAML),
        ("{{ . | toJson }}", notes.ALL_NAMES),
        ("{{ range fromJson .a }}{{ . }}{{ end }}", notes.TAKEN_FOR_A_LIST),
        ("{{ range $k, $v := fromJson .a }}{{ $k }}{{ end }}", notes.TAKEN_FOR_A_MAP),
        ("{{ splitList `,` .a | rest | first }}", notes.EMPTY_LIST),
    ],
)
def test_a_note_says_in_which_case_it_differs(template: str, note: str) -> None:
    assert note in translate(template, EXTERNAL_SECRETS).notes


def test_the_same_note_is_there_once() -> None:
    assert translate("{{ .a | upper }}{{ .b | upper }}", EXTERNAL_SECRETS).notes == (notes.CASE,)


@pytest.mark.parametrize(
    ("template", "what", "reason"),
    [
        ("{{ now }}", "`now`", "each time"),
        ("{{ htpasswd .a .b }}", "`htpasswd`", "each time"),
        ("{{ genPrivateKey `rsa` }}", "`genPrivateKey`", "each time"),
        ("{{ env `HOME` }}", "`env`", "outside of the template"),
        ("{{ keys . }}", "`keys`", "no fixed order"),
        ("{{ .a | pkcs12key }}", "`pkcs12key`", "certificates and keys"),
        ("{{ .a | filterPEM `CERTIFICATE` }}", "`filterPEM`", "certificates and keys"),
        ("{{ .a | regexReplaceAll `a` `b` }}", "`regexReplaceAll`", "no filter"),
        ("{{ nosuch .a }}", "`nosuch`", "is no function"),
        ("{{ define `x` }}{{ end }}", "`define`", "other templates"),
        ("{{ template `x` . }}", "`template`", "other templates"),
        ("{{ block `x` . }}{{ end }}", "`block`", "other templates"),
        ("{{ .a.b }}", "`.b`", "asked for in a text"),
        ("{{ . }}", "a map", "Go's own"),
        ("{{ eq .a 5 }}", "`eq`", "a text and a whole number"),
        ("{{ printf `%d` .a }}", "`printf`", "%d for a text"),
        ("{{ printf `%s` }}", "`printf`", "more verbs"),
        ("{{ hasKey . `a` }}", "`hasKey`", "use index"),
        ("{{ get . `a` }}", "`get`", "use index"),
        ("{{ range .a }}{{ end }}", "`range`", "goes over a text"),
        ("{{ $x }}", "`$x`", "not set"),
        ("{{ $x := `a` }}{{ range splitList `,` .a }}{{ $x = . }}{{ end }}", "`$x`", "inside of a loop"),
        ("{{ if .a }}", "`if`", "has no end"),
        ("{{ end }}", "`end`", "belongs to nothing"),
        ("{{ break }}", "`break`", "outside of a range"),
        ("{{ .a", "an action", "has no end"),
        ("{{ /* x }}", "`/`", "no meaning"),
        ("{{/* x }}", "a comment", "has no end"),
        ("{{ .a.b.c( }}", "`(`", "not expected"),
        ('{{ "a }}', "a text in quotes", "has no end"),
        ('{{ "\\xff" }}', "a text in quotes", "no UTF-8"),
        ("{{ 'a' }}", "a letter in single quotes", "number to Go"),
        ("{{ 1e3 }}", "`1e3`", "another way"),
        ("{{ 007 }}", "`007`", "begins with 0"),
        ("{{ nil }}", "`nil`", "alone"),
        ("{{ $ := `a` }}{{ $ }}", "`$`", "stays so"),
        ("{{ .a .b }}", "a value", "no function"),
        ("{{ .a | `b` }}", "a value after |", "no argument"),
        ("{{ dict .a 1 | toJson }}", "`dict`", "constant text"),
        ("{{ splitList `` .a | join `,` }}", "`splitList`", "into letters"),
        ("{{ repeat 1000000 .a }}", "`repeat`", "no filter"),
        ("{{ indent 1000000 .a }}", "`indent`", "width"),
        ("{{ until 1000000 | join `,` }}", "`until`", "10000"),
    ],
)
def test_what_has_no_equal_is_refused_with_its_reason(template: str, what: str, reason: str) -> None:
    refused = refusal(template)

    assert refused.what == what
    assert reason in refused.reason
    assert str(refused) == f"line {refused.line}, column {refused.column}: {refused.what} {refused.reason}"


def test_the_place_is_that_of_the_go_template() -> None:
    refused = refusal('é\n{{ if .a }}\n  é {{ .b | default (now | date "2006") }}\n{{ end }}')

    assert (refused.line, refused.column, refused.what) == (3, 22, "`now`")


def test_no_function_is_both_known_and_refused() -> None:
    assert not set(TABLES["sprig"]) & set(REFUSED)


def test_values_of_the_first_engine_of_external_secrets_are_bytes() -> None:
    assert source("{{ .a | toString }}", EXTERNAL_SECRETS_V1) == "{{ a }}"
    assert source("{{ .a | base64encode | toString }}", EXTERNAL_SECRETS_V1) == "{{ a | b64encode }}"
    assert "Go's own" in refusal("{{ .a }}", EXTERNAL_SECRETS_V1).reason
    assert "gets bytes" in refusal("{{ .a | upper }}", EXTERNAL_SECRETS_V1).reason
    assert notes.NO_ENTRY in translate("{{ .a | toString }}", EXTERNAL_SECRETS_V1).notes


def test_values_of_the_vault_secrets_operator_are_in_a_field() -> None:
    dialect = replace(VAULT_SECRETS_OPERATOR, texts={"Labels.app": "shop"})
    made = translate('{{ .Secrets.a }}{{ get .Secrets "b-c" }}{{ .Labels.app }}', dialect)

    assert made.source == '{{ a }}{{ data["b-c"] }}shop'
    assert made.names == {"a", "b-c"}
    assert refusal("{{ .Metadata.x }}", dialect).what == "`.Metadata`"
    assert refusal("{{ .Labels.other }}", dialect).what == "`.Labels.other`"
    assert refusal("{{ .Labels }}", dialect).what == "the dot itself"


def test_a_vault_secret_has_signs_of_its_own() -> None:
    made = source("{{ x }} {%- .Secrets.a | b64enc -%} {%/* c */%}", VAULT_SECRET)

    assert made == '{{ "{{" }} x }}{{ a | b64encode }}'


def test_a_variable_never_has_the_name_of_a_value() -> None:
    made = translate("{{ $user := .a }}{{ $user }}{{ .user }}{{ $if := .b }}{{ $if }}", EXTERNAL_SECRETS)

    assert made.source == (
        "{% set user_2 = a | string %}{{ user_2 }}{{ user }}{% set value = b | string %}{{ value }}"
    )
    assert made.names == {"a", "b", "user"}
