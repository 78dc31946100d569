"""The filters and functions that the program adds, and MiniJinja's own as they are here."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given

from tests.unit.foreign_input import ANY_JSON
from tests.unit.templates.words import CANARY, failure, said

BINARY = b"\xff\x00\xfe"
LEVELS: list[Any] = []
for _ in range(150):
    LEVELS = [LEVELS]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ 'a/b c&é' | urlencode }}", "a%2Fb%20c%26%C3%A9"),
        ("{{ {'q': 'a b', 'n': 1} | urlencode }}", "n=1&q=a%20b"),
        ("{{ 'user' | b64encode }}", "dXNlcg=="),
        ("{{ 5 | b64encode }}", "NQ=="),
        ("{{ ' dXN\nlcg== ' | b64decode }}", "user"),
        ("{{ 'a' | sha256 }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("{{ ('{\"a\": [1, 2]}' | fromjson).a[1] }}", "2"),
        ("{{ {'b': 'é', 'a': [1, none, true]} | tojson }}", '{"a":[1,null,true],"b":"é"}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        ("{{ '<é&\u2028>' | tojson(html=true) }}", '"\\u003cé\\u0026\\u2028\\u003e"'),
        ("{{ {'a&': 1} | tojson(indent=1, html=true) }}", '{\n "a\\u0026": 1\n}'),
        (
            "{{ 'a' | text }} {{ 1 | text }} {{ true | text }} {{ {'b': [1.5]} | text }}",
            'a 1 true {"b":[1.5]}',
        ),
        ("{{ [{'a': 1, 'b': []}, [2]] | toyaml }}", '- "a": 1\n  "b": []\n- - 2'),
        ("{{ [0.00001, 1e22, 1.5, 3] | toyaml }}", "- 1.0e-05\n- 1.0e+22\n- 1.5\n- 3"),
        ("{{ 'a\"\\n' | quote }}", '"a\\"\\n"'),
        ("{{ '<&\\'' | e }}", "&lt;&amp;&#x27;"),
        ("{{ 'a,b' | split(',') | join(';') }}{{ ' a  b ' | split | join('|') }}", "a;ba|b"),
        ("{{ 'a\r\nb' | lines | join('|') }}", "a|b"),
        (
            "{{ range(3) | join }}{{ range(1, 3) | join }}{{ range(3, 0, -2) | join }}{{ range(0) | join }}",
            "0121231",
        ),
        (
            "{{ dockerconfig('r', 'u', 'p') }}",
            '{"auths":{"r":{"username":"u","password":"p","auth":"dTpw"}}}',
        ),
        ("{{ '%s:%05d' | format('a', 42) }}", "a:00042"),
        ("{{ bin | b64encode }} {{ bin | sha256 | length }}", "/wD+ 64"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{% for k, v in map | items %}{{ k }}={{ v }};{% endfor %}{{ map | length }}", "a=1;b=2;2"),
        (
            "{{ list | first }}{{ list | last }}{{ list[1:] | join }}{{ list == list }}{{ 'x' in list }}",
            "xyyTrueTrue",
        ),
        (
            "{{ map == map }}{{ map == list }}{{ map == 'x' }}{{ map is mapping }}{{ list is sequence }}",
            "TrueFalseFalseTrueTrue",
        ),
        ("{{ list | sort(reverse=true) | join }}{{ map | dictsort | tojson }}", 'yx[["a",1],["b",2]]'),
        ("{{ 1.5 }} {{ true }} {{ 12345678901234567890123 }}", "1.5 True 12345678901234567890123"),
    ],
)
def test_they_do_as_the_page_says(text: str, shown: str) -> None:
    assert said(text, bin=BINARY, map={"b": 2, "a": 1, "n": None}, list=["x", "y"]) == shown


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{{ bin }}", "'bin' is binary, where a text is needed"),
        ("{{ bin ~ '' }}", "'bin' is binary"),
        ("{{ bin | upper }}", "'bin' is binary"),
        ("{{ bin | quote }}", "quote got binary, where a text is needed"),
        ("{{ {'a': bin} | tojson }}", "tojson got something binary"),
        ("{{ bin | text }}", "text got something binary"),
        ("{{ none | text }}", "text got nothing: undefined or null"),
        ("{{ [bin] }}", "'bin' is binary"),
        ("{{ map }}", "'map' is a map"),
        ("{{ list ~ '' }}", "'list' is a list"),
        ("{{ half }}", "'half' is binary"),
        ("{{ half | b64encode }}", "b64encode got binary, where a text is needed"),
        ("{{ [1e308 + 1e308] | tojson }}", "tojson got something that cannot be written"),
        ("{{ (1e308 + 1e308) | tojson }}", "tojson got something that cannot be written"),
        ("{{ bin ~ '' }}{% for i in range(999) %}{% set x = big | tojson %}{% endfor %}", "'bin' is binary"),
        ("{{ levels | tojson }}", "tojson got more than 100 levels"),
        ("{{ map.items }}", "'map' is a method"),
        ("{{ huge }}", "'huge' is a number that cannot be written"),
        ("{{ huge | tojson }}", "tojson got something that cannot be written"),
        ("{{ odd }}", "'odd' is nothing that is known"),
        ("{{ map.nope | b64encode }}", "b64encode got nothing (undefined or null)"),
        ("{{ map.nope | tojson }}", "tojson got nothing: undefined or null"),
        ("{{ true | b64encode }}", "b64encode got a bool"),
        ("{{ 1.5 | b64encode }}", "b64encode got a float"),
        ("{{ text | b64decode }}", "b64decode got something that is not base64"),
        ("{{ text | fromjson }}", "fromjson got something that is not JSON"),
        ("{{ deep | fromjson }}", "fromjson got something that is not JSON"),
        ("{{ map | tojson(indent=9) }}", "tojson takes an indent from 0 to 8"),
        ("{{ text | split('') }}", "split got an empty text to split by"),
        ("{{ text | quote(1, 2, 3) }}", "quote got arguments that it does not take"),
        ("{{ range('a') }}", "range takes one to three whole numbers"),
        ("{{ range(0, 9, 0) }}", "range takes one to three whole numbers"),
        ("{{ range(10002) }}", "range gives more than 10000 numbers"),
        ("{{ text + 1 }}", "does something that its values do not allow"),
        ("{{ text | int }}", "does something that its values do not allow"),
        ("{% set a, b = list3 %}", "takes apart something that has another number of parts"),
        ("{{ text | upper(1, 2) }}", "gives too many arguments"),
        ("{{ text | replace }}", "gives too few arguments"),
        (
            "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
            "takes too many steps",
        ),
        (
            "{% for i in range(10000) %}{% if big | tojson %}{% endif %}{% endfor %}",
            "goes through too many values",
        ),
    ],
)
def test_what_they_refuse_is_told_with_its_line_and_without_the_value(text: str, kind: str) -> None:
    values: dict[str, Any] = {"bin": BINARY, "map": {"a": CANARY}, "list": [CANARY], "list3": [CANARY] * 3}
    values |= {
        "half": "\ud800",
        "levels": LEVELS,
        "huge": 10**50,
        "odd": object(),
        "text": CANARY,
        "deep": "[" * 900,
        "big": list(range(20_000)),
    }

    told = failure("\n\n" + text, **values)

    assert told.startswith("spec.template[k], line 3: ")
    assert kind in told
    assert CANARY not in told


def test_a_fault_whose_place_is_not_known_names_every_line_of_it() -> None:
    told = failure("{{ 'e30=' | b64decode }}\n" * 3 + "{{ a | b64decode }}\n{{ 'e30=' | b64decode }}", a="!")

    assert told.startswith("spec.template[k], line 1 or 2 or 3 or later: b64decode got something")


@given(ANY_JSON)
def test_json_and_yaml_are_read_back_as_the_value(value: Any) -> None:
    if value is None:
        return
    assert json.loads(said("{{ a | tojson }}", a=value)) == value
    assert yaml.safe_load(said("{{ a | toyaml }}", a=value)) == value


def test_a_text_of_bytes_is_a_text() -> None:
    assert said("{{ a }}{{ a | upper }}", a="é".encode()) == "éÉ"
