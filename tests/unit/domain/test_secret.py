"""Secrets as values: what they show, and how we know our own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.domain.secret import Digester
from tests.builders import DIGESTER, desired, foreign, foreign_owner, observed, owner

CANARY = b"canary-4711"


def test_equal_values_have_equal_digests_and_others_differ() -> None:
    assert DIGESTER.of(b"a") == DIGESTER.of(b"a")
    assert DIGESTER.of(b"a") != DIGESTER.of(b"b")
    assert len(DIGESTER.of(b"a" * 1000)) == 16


def test_digests_of_another_process_cannot_be_compared() -> None:
    assert Digester(b"k" * 32).of(b"a") != Digester(b"l" * 32).of(b"a")


def test_each_value_is_digested_under_its_key() -> None:
    assert DIGESTER.each({"x": b"1", "y": b"2"}) == {"x": DIGESTER.of(b"1"), "y": DIGESTER.of(b"2")}


def test_neither_values_nor_digests_show_in_a_repr() -> None:
    data = {"user": CANARY}
    shown = repr(desired(data)) + repr(observed(data)) + repr(DIGESTER)

    assert "canary" not in shown
    assert repr(DIGESTER.of(CANARY)) not in shown
    assert "a key of the tests" not in shown


@pytest.mark.parametrize(
    ("marks", "ours"),
    [
        ({"labels": {"app.kubernetes.io/managed-by": "secrets-manager"}}, True),
        ({"labels": {"managedBy": "secrets-manager"}}, True),
        ({"annotations": {"secrets-manager.tuenti.io/lastUpdateTime": ""}}, True),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, False),
        ({"labels": {"managedBy": "somebody"}}, False),
        ({"annotations": {"secrets-manager.tuenti.io/copied": "{}"}}, False),
        ({"owners": (owner(),)}, False),
        ({}, False),
    ],
)
def test_each_mark_of_a_release_proves_that_it_wrote_the_secret(marks: dict[str, Any], *, ours: bool) -> None:
    assert foreign(**marks).has_our_mark is ours


def test_the_owning_definition_is_found_among_other_owners() -> None:
    assert observed(owners=(foreign_owner(), owner())).definition_owner == owner()


def test_a_secret_may_have_no_owning_definition() -> None:
    assert observed(owners=(foreign_owner(),)).definition_owner is None


@pytest.mark.parametrize(
    ("api_version", "kind", "counts"),
    [
        ("secrets-manager.tuenti.io/v1alpha1", "SecretDefinition", True),
        ("secrets-manager.tuenti.io/v2", "SecretDefinition", True),
        ("secrets-manager.tuenti.io/v1alpha1", "Other", False),
        ("example.org/v1", "SecretDefinition", False),
        ("v1", "SecretDefinition", False),
    ],
)
def test_an_owner_is_a_definition_by_group_and_kind(api_version: str, kind: str, *, counts: bool) -> None:
    assert replace(owner(), api_version=api_version, kind=kind).is_definition is counts
