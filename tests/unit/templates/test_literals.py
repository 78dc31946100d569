"""What stands in a list or map that a template writes has to be there, as everywhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.templates import compile_templates

VALUES = {"db": {"host": "h", "port": 5432, "note": None, "hosts": ["a", "b"]}, "user": "u"}


def rendered(text: str) -> str:
    return compile_templates({"k": text}).render(VALUES)["k"].decode()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('{{ {"a": db.x} | tojson }}', "db.x"),
        ('{{ [db.x, "b"] | join(",") }}', "db.x"),
        ('{{ ["b", db["x"]] | join(",") }}', "db.x"),
        ('{{ {"a": {"b": [user, db.x]}} | toyaml }}', "db.x"),
        ("{{ [db.note] | tojson }}", "db.note"),
        ("{{ (user, db.x) | join }}", "db.x"),
        ("{{ [[db.x]][0] | join }}", "db.x"),
        ("{{ [user if false else db.x] | join }}", "db.x"),
        ("{{ [db.x if true else user] | join }}", "db.x"),
        ("{% set all = [user, db.x] %}{{ all | length }}", "db.x"),
        ("{% set all = user, db.x %}{{ all | join }}", "db.x"),
        ("{% for each in [db.x] %}{% endfor %}", "db.x"),
        ("{% with all = [db.x] %}{{ all | length }}{% endwith %}", "db.x"),
        ("{% if [db.x] %}a{% endif %}", "db.x"),
        ("line\n{{ [user,\n db.x] | join }}", "db.x"),
    ],
)
def test_what_is_not_there_fails_and_is_named(text: str, missing: str) -> None:
    with pytest.raises(TemplateFailed, match=f"'{missing}' is not there, or null"):
        rendered(text)


@pytest.mark.parametrize("text", ["{{ [db.hosts[7]] | join }}", "{{ [(db.x)] | length }}"])
def test_it_fails_too_where_it_has_no_name(text: str) -> None:
    with pytest.raises(TemplateFailed, match="not there, or null"):
        rendered(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{{ [db.x | default("d"), user] | join(",") }}', "d,u"),
        ('{{ [(db.x) | default("d")] | join }}', "d"),
        ('{{ [db.x if db.x is defined else "e"] | join }}', "e"),
        ("{{ [db.x is defined, not db.host is defined] | tojson }}", "[false,false]"),
        ("{{ [1, none, true, user] | tojson }}", '[1,null,true,"u"]'),
        ('{{ {"a": user, "b": {"c": db.port}} | tojson }}', '{"a":"u","b":{"c":5432}}'),
        ('{{ [user == "u", not user, user in ["u"]] | tojson }}', "[true,false,true]"),
        ("{{ [db.hosts[0], db.host[:1], [user][0]] | join }}", "ahu"),
        ('{{ ["%s!" | format(user), user | upper] | join }}', "u!U"),
        ("{{ dockerconfig('r', user, db.host) | length > 9 }}", "True"),
        ('{% for each in db.hosts %}{{ {"n": each, "i": loop.index} | tojson }}{% endfor %}', None),
        ("{{ db['host'] }}{{ (user) }}{{ range(2) | join }}", "hu01"),
        ('{{ [db["host"], (user)] | join }}', "hu"),
        ("{% raw %}{{ [x] }}{% endraw %}{# [x] #}[user]", "{{ [x] }}[user]"),
    ],
)
def test_all_else_is_as_it_was(text: str, result: str | None) -> None:
    assert rendered(text) == (result or '{"i":1,"n":"a"}{"i":2,"n":"b"}')


def test_an_if_that_leaves_a_hole_is_no_template() -> None:
    for text in (
        "{{ [user if true] }}",
        '{{ {"a": user if user, "b": 1} | tojson }}',
        "{{ (user if 1, 2) }}",
    ):
        with pytest.raises(InvalidTemplate, match="an if in a list or map has no else"):
            rendered(text)


PARTS = st.sampled_from(["user", "db.host", "'text'", "1", "true", "(user)", "user | upper", "db['host']"])
MISSING = st.sampled_from(["db.x", "db['x']", "(db.x)", "db.hosts[9]", "db.note", "user if false else db.x"])


@st.composite
def literals(draw: st.DrawFn, inner: str) -> str:
    """A list, map or tuple that holds ``inner`` at some depth beside values that are there."""
    made = inner
    for _ in range(draw(st.integers(1, 3))):
        parts = [*draw(st.lists(PARTS, max_size=2)), made]
        order = draw(st.permutations(parts))
        match draw(st.sampled_from("[{(")):
            case "[":
                made = f"[{', '.join(order)}]"
            case "{":
                made = "{" + ", ".join(f'"k{at}": {part}' for at, part in enumerate(order)) + "}"
            case _:
                made = f"({', '.join(order)},)"
    return made


@given(data=st.data())
def test_a_hole_at_any_depth_fails_and_nothing_else_does(data: st.DataObject) -> None:
    holed, whole = data.draw(literals(data.draw(MISSING))), data.draw(literals(data.draw(PARTS)))

    with pytest.raises(TemplateFailed):
        rendered(f"{{{{ {holed} | tojson }}}}")
    assert rendered(f"{{{{ {whole} | tojson }}}}")
