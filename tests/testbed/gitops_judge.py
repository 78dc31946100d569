"""How GitOps tools judge an object: kstatus in its own words, and Argo CD's Lua scripts in Argo CD's Lua."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.testbed.module_programs import gitops_program

__all__ = ["Verdict", "kstatus", "run_lua"]

Json = Mapping[str, Any]


class Verdict(NamedTuple):
    """`status` is Current, InProgress, Failed or Terminating."""

    status: str
    message: str


def kstatus(objects: Sequence[Json]) -> list[Verdict]:
    """What kstatus says of each object."""
    return [Verdict(found["status"], found["message"]) for found in _ask(objects, "kstatus")]


def run_lua(script: Path, objects: Sequence[Json]) -> list[Any]:
    """What the script returns for each object, which it finds as `obj`; an empty table is a list."""
    return _ask(objects, "lua", str(script))


def _ask(objects: Sequence[Json], *command: str) -> list[Any]:
    done = subprocess.run(
        [gitops_program(), *command],
        input=json.dumps(list(objects)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers
