"""The texts that are picked from an answer of the vault."""

from __future__ import annotations

import base64

import pytest

from secrets_manager.backends.azure_key_vault.objects import item_of, locate
from secrets_manager.backends.azure_key_vault.readings import Validity, refuse_invalid, secret_reading
from secrets_manager.backends.base import Reading
from secrets_manager.domain.errors import (
    DecodeError,
    EngineMismatch,
    KeyNotFound,
    NotAString,
    SecretsManagerError,
    SourceExpired,
)
from secrets_manager.settings import AzureKvSettings
from tests.unit.backends.tables import rows


def reading_of(value: str | None, path: str = "app", caution: str = "") -> Reading:
    source = locate(path)
    return secret_reading(item_of(source), source, "v", value, caution)


@pytest.mark.parametrize("key", ["", "data", "anything", "a/b", "#", "/a"])
def test_a_plain_key_means_the_value_as_it_is(key: str) -> None:
    text = '{"anything": "not this"}'

    assert reading_of(text).pick(key) == text


def test_an_empty_value_is_a_value() -> None:
    assert reading_of("").pick("") == ""


def test_a_pointer_picks_a_member() -> None:
    assert reading_of('{"db": {"users": ["u", "v"]}}').pick("#/db/users/1") == "v"


@pytest.mark.parametrize(
    ("value", "key", "error", "words"),
    rows(
        {
            "no value at all": (None, "", NotAString, "is a null"),
            "nothing to point into": (None, "#/a", NotAString, "is a null"),
            "no JSON": ("canary", "#/a", DecodeError, "not valid JSON"),
            "half of JSON": ('{"a": "canary', "#/a", DecodeError, "not valid JSON"),
            "JSON without end": ("[" * 100_000, "#/a", DecodeError, "not valid JSON"),
            "a missing member": ('{"b": "canary"}', "#/a", KeyNotFound, "no key '#/a'"),
            "null": ('{"a": null}', "#/a", KeyNotFound, "no key '#/a'"),
            "a number": ('{"a": 4711}', "#/a", NotAString, "is a number"),
            "a bool": ('{"a": true}', "#/a", NotAString, "is a bool"),
            "a list": ('{"a": ["canary"]}', "#/a", NotAString, "is a list"),
            "a map": ('{"a": {"b": "canary"}}', "#/a", NotAString, "is a map"),
            "a text instead of a map": ('"canary"', "#/a", KeyNotFound, "no key"),
        }
    ),
)
def test_a_member_that_cannot_be_picked_is_named_without_its_value(
    value: str | None, key: str, error: type[SecretsManagerError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        reading_of(value).pick(key)

    assert "canary" not in caught.value.message
    assert "4711" not in caught.value.message


def test_an_invalid_certificate_is_reported() -> None:
    with pytest.raises(EngineMismatch, match="certificates/tls"):
        reading_of(base64.b64encode(b"canary").decode(), "certificates/tls")


def test_a_reading_shows_no_value() -> None:
    assert "canary" not in repr(reading_of("canary"))


def test_a_caution_makes_another_reading_of_the_same_value() -> None:
    assert reading_of("x").canonical() != reading_of("x", caution="'app' expired").canonical()


# ── validity ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("validity", "now", "caution"),
    rows(
        {
            "no limits": (Validity(), 1000.0, ""),
            "within them": (Validity(not_before=1.0, expires=2000.0), 1000.0, ""),
            "at its end": (Validity(expires=1000.0), 1000.0, "'app' expired at 1970-01-01T00:16:40Z"),
            "before its begin": (
                Validity(not_before=1000.0),
                999.0,
                "'app' is not valid before 1970-01-01T00:16:40Z",
            ),
            "at its begin": (Validity(not_before=1000.0), 1000.0, ""),
        }
    ),
)
def test_a_caution_says_what_is_wrong_with_the_dates(validity: Validity, now: float, caution: str) -> None:
    assert validity.caution("app", now) == caution


def test_only_strict_settings_refuse_a_value_that_is_not_valid() -> None:
    refuse_invalid("'app' expired at noon", AzureKvSettings())
    refuse_invalid("", AzureKvSettings(strict_expiry=True))
    with pytest.raises(SourceExpired, match=r"'app' expired at noon, and azure-kv\.strict-expiry is on"):
        refuse_invalid("'app' expired at noon", AzureKvSettings(strict_expiry=True))


def test_many_pointers_into_one_value_find_the_same_as_each_alone() -> None:
    keys = ["#/a", "#/b/0", "#/missing", "#/b", "plain"]
    for value in ('{"a":"1","b":["2"]}', "canary", "[]", ""):
        alone = reading_of(value)
        together = alone.narrow(keys)

        assert [outcome(together, key) for key in keys] == [outcome(alone, key) for key in keys]
        assert "canary" not in repr(together)


def outcome(found: Reading, key: str) -> str | SecretsManagerError:
    try:
        return found.pick(key)
    except SecretsManagerError as error:
        return error


def test_the_size_of_a_value_is_known_before_it_is_used() -> None:
    found = reading_of("12345\r\n")

    assert [found.floor("any"), found.floor("#/a"), reading_of(None).floor("any")] == [5, 0, 0]
