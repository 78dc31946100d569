"""Settings say the same in a file, in the environment and on the command line.

A file of any content is read or refused, and never shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from secrets_manager.settings.go_literals import format_duration
from secrets_manager.settings.kinds import COUNT, DURATION, LIST, SWITCH, TEXT, WHOLE_SECONDS
from secrets_manager.settings.option import options_of
from tests.unit.foreign_input import mangled

NOWHERE = Path("/nowhere")
CANARY = "canary-5f2c"
# What TOML and Kubernetes would not carry as it stands is left to the tests of single values.
WORDS = st.text(st.characters(categories=["L", "N", "P", "S"], codec="utf-8"), min_size=1, max_size=10)
NAMESPACES = st.from_regex(r"[a-z]([-a-z0-9]{0,4}[a-z0-9])?", fullmatch=True)
BY_KIND: dict[object, st.SearchStrategy[Any]] = {
    SWITCH: st.booleans(),
    # More digits than a second has nanoseconds, or than a float holds, would be rounded.
    DURATION: st.integers(10, 10**9).map(lambda milliseconds: milliseconds / 1000),
    COUNT: st.integers(1, 1024),
    WHOLE_SECONDS: st.integers(1, 10**6),
    TEXT: WORDS,
    LIST: st.lists(NAMESPACES, max_size=3, unique=True).map(tuple),
}
CHOSEN = [
    "enable-debug-log",
    "enable-leader-election",
    "reconcile-period",
    "config.backend-timeout",
    "vault.token-polling-period",
    "resync-period",
    "workers",
    "vault.max-token-ttl",
    "vault.renew-ttl-increment",
    "vault.namespace",
    "vault.role-id",
    "vault.kubernetes-role",
    "watch-namespaces",
    "exclude-namespaces",
]
VALUES = st.fixed_dictionaries({}, optional={name: BY_KIND[OPTIONS.by_name[name].kind] for name in CHOSEN})
LOGIN = {"SECRETS_MANAGER_VAULT__ROLE_ID": "role", "SECRETS_MANAGER_VAULT__SECRET_ID": "secret"}


def as_text(name: str, value: Any) -> str:
    """The value as a person writes it on the command line."""
    kind = OPTIONS.by_name[name].kind
    if kind is DURATION:
        return format_duration(round(value * 10**9))
    if kind is SWITCH:
        return "true" if value else "false"
    if kind is LIST:
        return ", ".join(value)
    return hex(value) if kind in {COUNT, WHOLE_SECONDS} else str(value)


def as_toml(name: str, value: Any) -> str:
    """The line of a settings file."""
    native = list(value) if isinstance(value, tuple) else value
    written = as_text(name, value) if OPTIONS.by_name[name].kind is DURATION else native
    return f"{name} = {json.dumps(written, ensure_ascii=False)}"


def bare(settings: object) -> Settings:
    assert isinstance(settings, Settings)
    # What is said about the command line is said about the command line.
    return replace(settings, notices=())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "settings.toml"


@given(values=VALUES)
def test_every_source_says_the_same_in_its_own_words(file: Path, values: dict[str, Any]) -> None:
    environ = {OPTIONS.by_name[name].environment: as_text(name, value) for name, value in values.items()}
    file.write_text("\n".join(as_toml(name, value) for name, value in values.items()), encoding="utf-8")
    without = {name: text for name, text in LOGIN.items() if name not in environ}
    in_file = {name: t for name, t in without.items() if not ("vault.role-id" in values and "ROLE" in name)}

    by_flag = bare(
        load([f"-{n}={as_text(n, v)}" for n, v in values.items()], without, NOWHERE, system_file=NOWHERE)
    )
    by_environment = bare(load([], {**without, **environ}, NOWHERE, system_file=NOWHERE))
    by_file = bare(load([], in_file, NOWHERE, system_file=file))

    assert by_flag == by_environment == by_file
    for name, value in values.items():
        assert setting(by_flag, name) in {value, OPTIONS.by_name[name].check(value)}


def setting(settings: Settings, name: str) -> Any:
    """What the settings hold for an option; the log level stands for the switch that sets it."""
    if name == "enable-debug-log":
        return settings.logging.level <= 10
    names = (option.name for option in options_of(Settings))
    return dict(zip(names, described(settings), strict=True))[name]


def described(group: Any) -> Iterator[Any]:
    """What the fields hold that have an option, in order."""
    for field in fields(group):
        if "group" in field.metadata:
            yield from described(getattr(group, field.name))
        elif "option" in field.metadata:
            yield getattr(group, field.name)


VALID = f"""
reconcile-period = "5s"
workers = 8
watch-namespaces = ["a", "b"]
[vault]
url = "https://vault.example:8200"
role-id = "{CANARY}"
secret_id = "{CANARY}"
[policy]
paths = ["secret/data/{{namespace}}/*"]
""".encode()
HOSTILE = {
    "lists in lists": b"a = " + b"[" * 5000,
    "tables in tables": b"a = " + b"{a=" * 5000,
    "a key of many parts": b"a" + b".a" * 5000 + b" = 1",
    "an integer of many digits": b"workers = " + b"9" * 5000,
    "a table in place of a text": b"[vault.url]\na = 1",
    "a list of tables": b'[[vault]]\nurl = "x"',
    "dates": b"workers = 2026-01-01",
    "not a number": b"workers = nan",
    "half a character": b'workers = "\\ud800"',
}


def refusal(file: Path, content: bytes) -> ConfigError | None:
    file.write_bytes(content)
    try:
        load([], LOGIN, NOWHERE, system_file=file)
    except ConfigError as error:
        return error
    return None


@given(
    content=mangled(VALID)
    | st.binary(max_size=30)
    | st.text(max_size=30).map(lambda text: text.encode(errors="ignore"))
)
def test_a_file_of_any_content_is_read_or_refused_without_showing_it(file: Path, content: bytes) -> None:
    refused = refusal(file, content)

    if refused is not None:
        assert refused.exit_code in {1, 2}
        assert CANARY[:-2] not in refused.message
        assert all(str(file) in line or "setting " in line for line in refused.message.splitlines())


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_made_to_break_its_reader_is_refused(file: Path, content: bytes) -> None:
    assert refusal(file, content) is not None
