"""What Go makes of a template with the functions of External Secrets and others, asked line by line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.testbed.module_programs import go_templates_program

__all__ = ["GoTemplates", "Rendered", "go_templates"]


class Rendered(NamedTuple):
    """``output`` is None where Go failed, which ``error`` tells; ``parsed`` says whether Go could read it."""

    output: str | None
    error: str
    parsed: bool


class GoTemplates:
    """The program while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def render(
        self,
        template: str,
        dot: Mapping[str, Any],
        mode: str = "sprig",
        delims: tuple[str, str] = ("{{", "}}"),
    ) -> Rendered:
        """What Go makes of ``template``; the modes are those of the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"template": template, "delims": delims, "dot": dict(dot), "mode": mode}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        error = answer.get("error") or answer.get("refused") or ""
        return Rendered(answer.get("output"), error, "refused" not in answer)


@contextmanager
def go_templates() -> Iterator[GoTemplates]:
    """The program, which ends with the block."""
    command = [go_templates_program()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield GoTemplates(process)
        assert process.stdin is not None
        process.stdin.close()
