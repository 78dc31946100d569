"""Runs the commands of a page as a reader would: one shell, from the first block to the last.

Each block is a bash of its own, with the environment and the folder that the block before left. It knows
nothing about the commands.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 120
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?")
# Runs the commands, then leaves the environment and the folder to the next block, whatever the exit code.
_FRAME = """\
set -euo pipefail
trap 'code=$?; export -p > "$DOCS_STATE"; printf "cd %q\\n" "$PWD" >> "$DOCS_STATE"; exit $code' EXIT
"""


class CommandFailed(AssertionError):
    """A command of a page ended with something but 0, which ends the block."""


@dataclass(eq=False)
class Shell:
    """Runs blocks in ``folder`` with ``environ``; ``programs`` come first in PATH."""

    folder: Path
    environ: Mapping[str, str]
    state: Path
    transcript: list[str] = field(default_factory=list)

    def run(self, commands: str) -> str:
        """Run commands; returns their standard output, raises CommandFailed."""
        before = self.state.read_text(encoding="utf-8") if self.state.exists() else ""
        process = subprocess.Popen(
            ["/bin/bash", "-c", f"{before}\n{_FRAME}{commands}"],
            cwd=self.folder,
            env={**self.environ, "DOCS_STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said, complaints = _outcome(process)
        self.transcript.append(f"{commands}\n{said}{complaints}")
        if process.returncode:
            raise CommandFailed("\n".join(self.transcript))
        return said


def _outcome(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The output of a shell; a shell that takes too long is ended with everything that it started."""
    try:
        return process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, complaints = process.communicate()
        return said, f"{complaints}\nended after {_SECONDS} s"


def commands_of(block: str) -> list[str]:
    """The commands of a block, each with its continuation lines and here-documents."""
    found: list[str] = []
    lines = iter(block.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command += "\n" + next(lines)
        here = _HEREDOC.search(command)
        while here and command.rpartition("\n")[2] != here[1]:
            command += "\n" + next(lines)
        if command.strip() and not command.startswith("#"):
            found.append(command)
    return found
