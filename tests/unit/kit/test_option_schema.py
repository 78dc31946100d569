"""The schema of the settings has every option but those that cannot stand in values, as its kind wants it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kit.option_schema import (
    BACKEND_NAME,
    LEFT_OUT,
    WORDS,
    credential_names,
    decided_names,
    definitions,
    is_left_out,
    key_of,
    options_of_named,
)
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import BACKENDS, kinds
from secrets_manager.settings.checks import backend_name
from secrets_manager.settings.option import Option

IN_FILE = [option for option in OPTIONS if option.in_file]
DEFINED = definitions()


def _schema(option: Option) -> dict[str, Any] | None:
    found: Any = DEFINED["settings"]
    for part in option.name.split("."):
        found = found["properties"].get(part)
        if found is None:
            return None
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("option", IN_FILE, ids=lambda option: option.name)
def test_an_option_is_in_the_schema_unless_it_is_left_out(option: Option) -> None:
    schema = _schema(option)

    assert (schema is None) == is_left_out(option)
    assert schema is None or schema["description"] == option.help


def test_what_is_left_out_is_an_option_and_has_a_reason() -> None:
    assert {name for name in LEFT_OUT if name not in OPTIONS.by_key} == set()
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


def test_every_secret_is_left_out_but_the_addresses_of_proxies() -> None:
    assert {key_of(option) for option in IN_FILE if option.secret and not is_left_out(option)} == {
        "http-proxy",
        "https-proxy",
    }


def test_words_are_those_that_the_program_takes() -> None:
    of_words = [option for option in IN_FILE if option.check.__qualname__.startswith("one_of.")]

    # Plug-ins bring more kinds of backends, so the chart itself looks at that one.
    assert {key_of(option) for option in of_words} - {"backend"} == set(WORDS)
    for option in of_words:
        for word in WORDS.get(key_of(option), ()):
            assert option.check(word) == word
        with pytest.raises(ValueError, match="must be"):
            option.check("none-of-them")


@pytest.mark.parametrize(
    "text", ["5s", ".5s", "1.s", "1m30s", "300ms", "2h45m", "1µs", "5", "", "s", "-5s", "5 s"]
)
def test_durations_are_those_of_the_program_without_a_sign(text: str) -> None:
    pattern = DEFINED["settings"]["properties"]["reconcile-period"]["pattern"]

    assert bool(re.search(pattern, text)) == _is_duration(text)


def _is_duration(text: str) -> bool:
    try:
        return bool(kinds.DURATION.parse(text)) and not text.startswith("-")
    except kinds.ValueKindError:
        return False


@pytest.mark.parametrize("name", ["eu", "a-b", "0", "a--b", "A", "-a", "a-", "a_b", "", "é", "a.b"])
def test_names_of_backends_are_those_of_the_program(name: str) -> None:
    try:
        known = backend_name(name) == name
    except ValueError:
        known = False

    assert bool(re.search(BACKEND_NAME, name)) == known


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_backend_with_a_name_has_the_options_of_its_kind(kind: str) -> None:
    named = DEFINED[f"namedBackend-{kind}"]

    assert set(named["properties"]) == {
        key_of(option) for option in options_of_named(kind) if not is_left_out(option)
    }
    assert named["additionalProperties"] is False
    assert named["properties"]["kind"] == {"const": kind}


@pytest.mark.parametrize(
    "name",
    [
        *("VAULT_SECRET_ID", "SECRETS_MANAGER_VAULT__PASSWORD", "AZURE_CLIENT_SECRET", "AWS_SESSION_TOKEN"),
        *("SECRETS_MANAGER_BACKENDS__EU__SECRET_ID", "SECRETS_MANAGER_BACKENDS__A_B__CLIENT_SECRET"),
    ],
)
def test_names_that_hold_a_credential_are_known(name: str) -> None:
    assert re.search(credential_names(), name)


@pytest.mark.parametrize(
    "name", ["VAULT_ADDR", "HTTPS_PROXY", "SECRETS_MANAGER_VAULT__SECRET_ID_FILE", "MY_VAULT_SECRET_ID"]
)
def test_other_names_are_no_credentials(name: str) -> None:
    assert not re.search(credential_names(), name)


@pytest.mark.parametrize(
    "name",
    [
        *("SECRETS_MANAGER_CONFIG", "SECRETS_MANAGER_VERSION", "SECRETS_MANAGER_ENABLE_LEADER_ELECTION"),
        *(OPTIONS.by_key[name].environment for name in LEFT_OUT),
        *(option.environment for option in IN_FILE if option.name.startswith("election.")),
    ],
)
def test_what_the_chart_decides_has_its_name_in_the_environment(name: str) -> None:
    assert re.search(decided_names(), name)


@pytest.mark.parametrize(
    "name", ["SECRETS_MANAGER_CONFIG__BACKEND_TIMEOUT", "SECRETS_MANAGER_WORKERS", "MY_SECRETS_MANAGER_ONCE"]
)
def test_other_options_are_for_everybody_to_decide(name: str) -> None:
    assert not re.search(decided_names(), name)
