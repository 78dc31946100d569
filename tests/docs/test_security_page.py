"""SECURITY.md keeps what it says: each area of the checklist has a test, or the reason why none can be."""

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
    "RBAC",
    "Vault policy",
    "Pod",
    "Metrics port",
    "Untrusted replies",
    "Supply chain",
    "Process",
}
ACTORS = [
    "Who may write SecretDefinitions in a namespace",
    "The backend, and whoever answers in its place",
    "Whoever reaches the metrics port",
    "Whoever may exec into the pod, or make pods in its namespace",
    "Another replica, another installation, another controller",
    "What is not defended against",
]
EVALUATORS = {
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


def test_every_area_stands_in_the_table_once() -> None:
    areas = [row[0] for row in _table()]

    assert len(areas) == len(set(areas))
    assert AREAS - set(areas) == set()


@pytest.mark.parametrize("row", _table(), ids=lambda row: row[0])
def test_every_rule_has_tests_that_are_there_or_a_reason(row: list[str]) -> None:
    _area, rule, shown = row
    assert len(rule) > 20
    if shown.startswith("stated: "):
        assert len(shown) > 50
        return

    named = plain(shown)

    assert named
    assert [name for name in named if not is_there(name)] == []


def test_the_threat_model_speaks_of_everybody() -> None:
    text = page("SECURITY.md").text

    assert [actor for actor in ACTORS if f"\n### {actor}\n" not in text] == []


def test_nothing_that_evaluates_templates_is_installed() -> None:
    locked = (ROOT / "requirements/run.txt").read_text(encoding="utf-8").lower()
    names = set(re.findall(r"^([a-z0-9._-]+)==", locked, re.MULTILINE))

    assert len(names) > 20
    assert names & EVALUATORS == set()


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert is_there("tests/docs/test_security_page.py::test_a_test_that_is_not_there_is_noticed")
    assert not is_there("tests/docs/test_security_page.py::test_nothing")
    assert not is_there("tests/docs/no_such_file.py::test_nothing")
    assert not is_there("test_nothing")
