"""What holds for settings as values.

Every default that users were promised stands in settings.toml and docs/configuration.md, which are compared
with the program and read back by it.
"""

from __future__ import annotations

import dataclasses
import logging

import pytest

from secrets_manager.settings import LogSettings, Settings
from secrets_manager.settings.listening import ListenAddress
from secrets_manager.settings.option import build_group, options_of


def test_logs_are_json_from_info_on_with_stack_traces_of_errors() -> None:
    assert Settings().logging == LogSettings(
        level=logging.INFO, encoder="json", development=False, stacktrace_level=logging.ERROR
    )


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().backend = "azure-kv"  # type: ignore[misc]


SECRETS = [option.name for option in options_of(Settings) if option.secret]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_setting_has_no_repr(name: str) -> None:
    settings = build_group(Settings, {name: "http://user:canary@proxy"})

    assert settings != Settings()
    assert "canary" not in repr(settings)


def test_secrets_of_the_command_line_have_no_repr() -> None:
    assert "canary" not in repr(Settings(secrets_in_arguments=("canary",)))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (ListenAddress(), ":8080"),
        (ListenAddress(host="127.0.0.1", port=1), "127.0.0.1:1"),
        (ListenAddress(host="::1", port=0), "[::1]:0"),
    ],
)
def test_an_address_is_written_as_it_is_given(address: ListenAddress, text: str) -> None:
    assert str(address) == text
