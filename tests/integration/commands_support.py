"""Runs commands as a pipeline would, in the environment of a World."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, NamedTuple

from secrets_manager import commands
from secrets_manager.commands.output import yaml_of
from tests.integration.world import Json, World
from tests.testbed.daemon import base_environment


class Done(NamedTuple):
    """What a command ended with, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def command(world: World, *words: str, **environ: str) -> Done:
    """`secrets-manager` with these words, to its end, in this process: what it takes to start is left out."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = commands.run(words, {**base_environment(), **world.environ, **environ}, world.folder)
    return Done(code, out.getvalue(), err.getvalue())


def write_manifests(folder: Path, namespace: str, *definitions: Json) -> str:
    """A file with these definitions, all in one namespace."""
    file = folder / f"{namespace}.yaml"
    placed: list[Any] = [
        {**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in definitions
    ]
    file.write_text("---\n".join(map(yaml_of, placed)), encoding="utf-8")
    return str(file)
