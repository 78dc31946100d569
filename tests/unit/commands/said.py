"""Runs a command in this process, and keeps what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from secrets_manager import commands

CANARY = "canary-7f3a"


@dataclass(frozen=True, slots=True)
class Said:
    """The exit code, and both streams."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line, run in a folder."""

    word: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, environ: Mapping[str, str] | None = None) -> Said:
        """Run it; no value that a test planted may ever show."""
        code = commands.run([self.word, *words], dict(environ or {}), self.folder)
        said = Said(code, *self.capsys.readouterr())
        assert CANARY not in said.out + said.err
        return said

    def openly(self, *words: str, environ: Mapping[str, str] | None = None) -> Said:
        """Run it where values are wished for."""
        code = commands.run([self.word, *words], dict(environ or {}), self.folder)
        return Said(code, *self.capsys.readouterr())
