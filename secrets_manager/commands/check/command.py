"""The command line of ``check``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import click

from secrets_manager.commands import output
from secrets_manager.commands.check import junit, lines
from secrets_manager.commands.check.checking import Checker, Verdict
from secrets_manager.commands.engine.sources import Wanted, engine_of, source_options
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.options import Files, file_options
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.problems import Problem, Severity, code_of
from secrets_manager.daemon.std_streams import say


class Form(StrEnum):
    """The forms of the answer."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    GITHUB = "github"
    JUNIT = "junit"


@click.command("check", cls=WithFlags)
@file_options()
@source_options()
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice([str(form) for form in Form], case_sensitive=False),
    default=str(Form.TEXT),
    show_default=True,
    help="Form of the answer; github annotates the lines of files, junit is XML for other systems.",
)
@click.pass_obj
def command(surroundings: Surroundings, *, files: Files, wanted: Wanted, strict: bool, form: str) -> int:
    """Check definitions in files, without a cluster.

    What the API server would refuse is found, templates that are none, and definitions in each other's way.
    With flags of the daemon behind -- they are checked against its settings: the path policy, the backends,
    the namespaces. With --backend, or --values, each path and key has to be there.

    It needs no right in a cluster, and with --backend the daemon's login or one like it. The exit code is 1
    if something is wrong, 2 if a file or the settings cannot be read, and 3 if a backend could not be asked.
    """
    with engine_of(wanted, surroundings) as engine:
        checker = Checker(engine=engine, namespace=files.namespace, reads=wanted.reads)
        verdicts = tuple(checker.verdicts(files.manifests(checker.passed)))
    found = Found(verdicts, checker.passed.others)
    output.write(_FORMS[Form(form)](found))
    if not found.definitions:
        say(f"no SecretDefinition in these files; other objects: {found.others}\n", sys.stderr)
    return found.code(strict=strict)


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was found, and how many objects of other kinds were passed over."""

    verdicts: Sequence[Verdict]
    others: int

    @property
    def definitions(self) -> int:
        """How many definitions there were."""
        return sum(bool(verdict.definition) for verdict in self.verdicts)

    @property
    def problems(self) -> list[Problem]:
        """All of them, in the order of the files."""
        return [problem for verdict in self.verdicts for problem in verdict.problems]

    def count(self, severity: Severity) -> int:
        """How many are so severe."""
        return sum(problem.severity is severity for problem in self.problems)

    def code(self, *, strict: bool) -> Exit:
        """What the command ends with."""
        code = code_of(self.problems)
        return Exit.NO if code is Exit.OK and strict and self.problems else code


def _text(found: Found) -> str:
    return "".join(f"{lines.plain(str(problem))}\n" for problem in found.problems) + _tally(found)


def _tally(found: Found) -> str:
    counted = (
        (found.definitions, "definition"),
        (found.count(Severity.ERROR), "error"),
        (found.count(Severity.WARNING), "warning"),
    )
    said = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counted)
    return f"{said}\n"


def _github(found: Found) -> str:
    return "".join(f"{lines.annotation(problem)}\n" for problem in found.problems) + _tally(found)


def _data(found: Found) -> dict[str, Any]:
    return {
        "definitions": found.definitions,
        "others": found.others,
        "errors": found.count(Severity.ERROR),
        "warnings": found.count(Severity.WARNING),
        "problems": [_of(problem) for problem in found.problems],
    }


def _of(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.mark.line if problem.mark else None,
        "column": problem.mark.column if problem.mark else None,
        "definition": problem.definition or None,
        "severity": str(problem.severity),
        "reason": problem.reason,
        "message": problem.message,
    }


_FORMS: dict[Form, Callable[[Found], str]] = {
    Form.TEXT: _text,
    Form.JSON: lambda found: output.json_of(_data(found)),
    Form.YAML: lambda found: output.yaml_of(_data(found)),
    Form.GITHUB: _github,
    Form.JUNIT: lambda found: junit.junit(found.verdicts),
}
