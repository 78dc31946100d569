"""Follows the commands of a page in a scene, and compares the outputs that the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.docs.pages import Fence
from tests.docs.scenes import NOT_RUN, Scene
from tests.docs.shell import commands_of


def follow(here: Scene, fences: Iterable[Fence]) -> None:
    """Run the commands of the fences in their order; their outputs must be those that are shown."""
    said = ""
    for fence in fences:
        if fence.output:
            assert steady(said) == steady(fence.text), f"{fence}: the command says\n{said}"
        elif fence.language == "sh":
            said = _run(here, fence)


_CHANGING = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8200"),
    (r"\bv1\.\d+\.\d+\b", "v1.36.0"),
    (r"\bversion \d+\.\d+\.\d+\S*", "version 2.0.0"),
    (r"'\S+_[0-9a-f-]{36}'", "'secrets-manager-7d4b9c6f5-x2x7k_0f3c'"),
    (r"\b\d+d\b", "32d"),
)


def steady(said: str) -> str:
    """An output with times and ages that are the same at each run, and columns that are as wide as before.

    So are ports, versions of servers, and the names of the processes that lead.
    """
    for changing, kept in _CHANGING:
        said = re.sub(changing, kept, said)
    said = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-05-04T12:00:00Z", said)
    return re.sub(r"\b\d{1,2}s( *)", lambda found: "1s".ljust(len(found[0])), said).rstrip("\n")


def _run(here: Scene, fence: Fence) -> str:
    """Run a block; returns its last output. Jobs of a shell end with it, so a block with jobs stays whole."""
    commands = commands_of(fence.text)
    if any(command.endswith(" &") for command in commands):
        runnable = [command for command in commands if not command.startswith(tuple(NOT_RUN))]
        return here.shell.run("\n".join(map(here.substituted, runnable)))
    said = ""
    for command in commands:
        said = here.run(command)
    return said
