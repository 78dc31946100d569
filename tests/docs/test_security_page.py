"""SECURITY.md is true: each area of the checklist has a test, or the reason why it cannot have one."""

from __future__ import annotations

import re

import pytest

from tests.docs.named_tests import is_there
from tests.docs.pages import ROOT, page, plain

AREAS = {
    "Tenancy",
    "Target types",
    "Copied metadata",
    "Templates",
    "Namespaces",
    "SSRF",
    "Path injection",
    "Logs",
    "Events, status, labels",
    "argv, env",
    "Memory, core",
    "TLS",
    "Lease",
    "RBAC",
    "Vault policy",
    "Pod",
    "Metrics port",
    "Untrusted replies",
    "Supply chain",
    "Process",
}
ACTORS = [
    "An author of SecretDefinitions in a namespace",
    "The backend, and a server that answers in its place",
    "A client that reaches the metrics port",
    "Anybody who may exec into the pod, or make pods in its namespace",
    "Another replica, another installation, another controller",
    "What is not defended against",
]
# Those whose section has a list of what they cannot do.
LISTED = ACTORS[:3]
ATTACKED = ACTORS[:5]
EVALUATORS = {
    "minijinja",
    "jinja2",
    "mako",
    "chameleon",
    "cheetah3",
    "genshi",
    "simpleeval",
    "asteval",
    "restrictedpython",
}


def _table() -> list[list[str]]:
    return [row for row in page("SECURITY.md").rows("What is checked") if row[0] != "area"]


def test_every_area_stands_in_the_security_table_once() -> None:
    areas = [row[0] for row in _table()]

    assert len(areas) == len(set(areas))
    assert AREAS - set(areas) == set()


@pytest.mark.parametrize("row", _table(), ids=lambda row: row[0])
def test_every_security_rule_names_existing_tests_or_a_reason(row: list[str]) -> None:
    _area, rule, shown = row
    assert len(rule) > 20
    if shown.startswith("stated: "):
        assert len(shown) > 50
        return

    named = plain(shown)

    assert named
    assert [name for name in named if not is_there(name)] == []


def test_the_threat_model_covers_every_actor() -> None:
    text = page("SECURITY.md").text

    assert [actor for actor in ACTORS if f"\n### {actor}\n" not in text] == []


def _section(actor: str) -> str:
    return page("SECURITY.md").text.partition(f"\n### {actor}\n")[2].partition("\n### ")[0]


def _cannot(actor: str) -> list[str]:
    """The items of the list of what this one cannot do."""
    _, found, rest = _section(actor).partition(" *cannot*:\n\n")
    assert found, actor
    return re.findall(r"^- (.+)$", rest.partition("\n\n")[0], re.MULTILINE)


def _attacks(actor: str) -> list[tuple[str, str]]:
    """Each promise that is attacked, and the cell with its tests."""
    rows = page("docs/security-tests.md").rows(actor)
    return [(promise, tests) for promise, tests in rows if promise != "promise"]


@pytest.mark.parametrize("actor", LISTED)
def test_each_thing_that_somebody_cannot_do_is_attacked_in_one_row(actor: str) -> None:
    promises = [promise for promise, _tests in _attacks(actor)]
    items = _cannot(actor)

    assert len(items) >= 4
    assert [item for item in items if sum(map(item.startswith, promises)) != 1] == []


@pytest.mark.parametrize("actor", ATTACKED)
def test_each_attack_is_on_a_promise_that_is_made_and_names_existing_tests(actor: str) -> None:
    attacks = _attacks(actor)
    made = " ".join(_section(actor).split())

    assert attacks
    assert [promise for promise, _tests in attacks if promise not in made] == []
    for promise, tests in attacks:
        named = plain(tests)
        assert named, promise
        assert [name for name in named if not is_there(name)] == []


def test_minijinja_is_the_only_evaluator_of_texts_that_is_installed() -> None:
    locked = (ROOT / "requirements/run.txt").read_text(encoding="utf-8").lower()
    names = set(re.findall(r"^([a-z0-9._-]+)==", locked, re.MULTILINE))

    assert len(names) > 20
    assert names & EVALUATORS == {"minijinja"}


def test_a_named_test_that_does_not_exist_is_noticed() -> None:
    assert is_there("tests/docs/test_security_page.py::test_a_named_test_that_does_not_exist_is_noticed")
    assert not is_there("tests/docs/test_security_page.py::test_nothing")
    assert not is_there("tests/docs/no_such_file.py::test_nothing")
    assert not is_there("test_nothing")
