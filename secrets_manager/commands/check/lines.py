"""Lines for logs of CI systems, in which nothing that a file says is taken for a command.

GitHub's runner takes a line that begins with ``::`` for a command, and ``##[`` anywhere in one; Azure
Pipelines and TeamCity take ``##vso[`` and ``##teamcity[``.
Source: github.com/actions/runner, src/Runner.Common/ActionCommand.cs.
"""

from __future__ import annotations

import re

from secrets_manager.commands.problems import Problem, Severity
from secrets_manager.domain.wording import printable

_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")


def plain(text: str) -> str:
    """A line that no runner takes for a command."""
    shown = _COMMAND.sub(r"#\\#", printable(text))
    return f".{shown}" if shown.lstrip().startswith("::") else shown


def annotation(problem: Problem) -> str:
    """The command by which GitHub shows a problem at its line."""
    word = "error" if problem.severity is Severity.ERROR else "warning"
    properties = {"file": problem.file, "title": problem.reason}
    if problem.mark is not None:
        properties |= {"line": str(problem.mark.line), "col": str(problem.mark.column)}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    about = f"{problem.definition}: " if problem.definition else ""
    return f"::{word} {told}::{_data(f'{about}{problem.message}')}"


def _data(text: str) -> str:
    shown = _COMMAND.sub(r"#\\#", printable(text))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
