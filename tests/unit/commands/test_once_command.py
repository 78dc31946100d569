"""`secrets-manager once` is the daemon's `--once`, flags, exit codes and messages included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from secrets_manager.commands.exit_codes import Exit
from secrets_manager.daemon import cli
from tests.unit.commands.conftest import Desk


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    seen: list[Sequence[str]] = []

    def main(argv: Sequence[str], _environ: Mapping[str, str], **_: object) -> int:
        seen.append(argv)
        return 7

    monkeypatch.setattr(cli, "main", main)
    return seen


@pytest.mark.parametrize("words", [("-vault.url=x", "-backend", "vault"), ("--", "-vault.url=x")])
def test_its_arguments_are_the_daemons(
    desk: Desk, given: list[Sequence[str]], words: tuple[str, ...]
) -> None:
    assert desk.run("once", *words) == 7
    assert given == [["-once", *(word for word in words if word != "--")]]


def test_its_help_is_its_own(desk: Desk, given: list[Sequence[str]]) -> None:
    assert desk.run("once", "-h") == Exit.OK
    assert desk.out.startswith("Usage: secrets-manager once [FLAG...]\n")
    assert given == []


def test_a_wrong_flag_is_refused_as_by_the_daemon(desk: Desk) -> None:
    assert desk.run("once", "-nope") == 2
    assert desk.err.startswith("flag provided but not defined: -nope\n")
