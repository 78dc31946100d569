"""What tells the Secret of another operator from the one that a definition would make."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from secrets_manager.commands.diff.differences import Names
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.migrate.comparing import Comparison, Sameness, compare, not_compared
from secrets_manager.commands.migrate.verify import as_data, as_text, exit_of
from secrets_manager.domain.definition import OPAQUE, Ref
from secrets_manager.domain.errors import (
    BackendSealed,
    Forbidden,
    KeyNotFound,
    SecretsManagerError,
)
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret, Owner

REF, SECRET = Ref("shop", "app"), Ref("shop", "app-secret")
DIGESTER = Digester(b"k" * 32)
US = Owner(api_version="secrets-manager.tuenti.io/v1alpha1", kind="SecretDefinition", name="app", uid="u")


def compared(
    there: Mapping[str, str] | None,
    wanted: Mapping[str, str],
    *,
    type_there: str = OPAQUE,
    type_wanted: str = OPAQUE,
) -> Comparison:
    data = {key: value.encode() for key, value in wanted.items()}
    desired = DesiredSecret(ref=SECRET, type=type_wanted, data=data, digests=DIGESTER.each(data), owner=US)
    found = {key: value.encode() for key, value in (there or {}).items()}
    observed = ObservedSecret(
        ref=SECRET, uid="s", resource_version="1", type=type_there, digests=DIGESTER.each(found)
    )
    return compare(REF, desired, None if there is None else observed)


def test_a_secret_with_the_same_keys_values_and_type_is_equal() -> None:
    found = compared({"a": "1", "empty": ""}, {"empty": "", "a": "1"})

    assert (found.sameness, found.keys, found.types) == (Sameness.EQUAL, Names(), None)
    assert exit_of([found]) is Exit.OK


def test_keys_that_are_new_gone_or_of_another_value_are_told_apart() -> None:
    found = compared({"same": "1", "other": "1", "gone": "1"}, {"same": "1", "other": "2", "new": "1"})

    assert found.sameness is Sameness.DIFFERS
    assert found.keys == Names(added=("new",), changed=("other",), removed=("gone",))
    assert exit_of([found]) is Exit.NO


def test_a_value_that_became_empty_is_another_value() -> None:
    assert compared({"a": "1"}, {"a": ""}).keys == Names(changed=("a",))


def test_a_secret_of_another_type_differs_though_its_data_is_equal() -> None:
    found = compared({"a": "1"}, {"a": "1"}, type_there="example.test/theirs")

    assert (found.sameness, found.types) == (Sameness.DIFFERS, ("example.test/theirs", OPAQUE))


def test_a_secret_that_is_not_there_is_no_difference_of_keys() -> None:
    found = compared(None, {"a": "1"})

    assert (found.sameness, found.keys) == (Sameness.MISSING, Names())
    assert exit_of([found]) is Exit.NO


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyNotFound("secret/data/app", "k"), Exit.NO),
        (BackendSealed("sealed"), Exit.UNREACHED),
        (Forbidden("no"), Exit.UNREACHED),
    ],
)
def test_what_nobody_knows_is_told_from_what_cannot_be(error: SecretsManagerError, code: Exit) -> None:
    found = not_compared(REF, SECRET.name, error)

    assert found.sameness is Sameness.UNREAD
    # A difference beside it does not hide that the answer is not known.
    assert exit_of([compared({"a": "1"}, {}), found]) is code


def test_text_names_what_is_not_equal_and_data_has_all() -> None:
    found = [
        compared({"a": "1"}, {"a": "1"}),
        compared({"a\n": "1", "b": "1"}, {"b": "2", "c": "1"}, type_wanted="example.test/x"),
        compared(None, {}),
        not_compared(REF, SECRET.name, KeyNotFound("secret/data/app", "k")),
    ]

    text = as_text(found).plain.split("\n")

    assert text[:6] == [
        "shop/app Secret app-secret: differs",
        "  ~ type Opaque -> example.test/x",
        "  + key c",
        "  ~ key b",
        "  - key a\\n",
        "shop/app Secret app-secret: missing",
    ]
    assert text[6].startswith("shop/app Secret app-secret: unread (KeyNotFound): ")
    assert text[7:] == ["1 equal, 1 differs, 1 missing, 1 unread"]
    assert [each["verdict"] for each in as_data(found)["definitions"]] == [
        "equal",
        "differs",
        "missing",
        "unread",
    ]


def test_nothing_that_is_said_depends_on_a_value() -> None:
    said = [
        (as_text([found]).plain, json.dumps(as_data([found])), repr(found))
        for value in ("x", "x" * 4000)
        for found in [compared({"a": value}, {"a": f"{value}2"})]
    ]

    assert said[0] == said[1]
