"""What is wrong with a definition in a file: the place, the reason, and what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.manifests import Manifest, Trouble
from secrets_manager.commands.files.tree import Mark
from secrets_manager.commands.schema.faults import Path, SchemaFault
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.errors import SecretsManagerError, TemporaryError
from secrets_manager.domain.location import Location
from secrets_manager.domain.wording import printable

# The beginning of messages of the daemon that name a field of the spec.
_FIELD = re.compile(r"spec((?:\.[a-zA-Z]+|\[[^\]]*\])+)")
_STEP = re.compile(r"\.([a-zA-Z]+)|\[([^\]]*)\]")
_GROUPS = ("keysMap", "inputs", "dataFrom")


class Severity(StrEnum):
    """Whether it must be mended, or only known."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file, mark: where, the mark as far as it is known.
        definition: namespace and name, "" where it is about the file.
        reason: the daemon's own word for it where there is one.
        code: what a command ends with because of it.

    """

    file: str
    mark: Mark | None
    definition: str = ""
    severity: Severity = Severity.ERROR
    reason: str
    message: str
    code: Exit = Exit.NO

    def __str__(self) -> str:
        """One line."""
        place = f"{self.file}:{self.mark.line}:{self.mark.column}" if self.mark else self.file
        about = f"{self.definition}: " if self.definition else ""
        word = "warning: " if self.severity is Severity.WARNING else ""
        return printable(f"{place}: {word}{about}{self.reason}: {self.message}")


def code_of(problems: Iterable[Problem]) -> Exit:
    """What a command ends with: the worst counts, and warnings do not."""
    codes = {problem.code for problem in problems if problem.severity is Severity.ERROR}
    return next((code for code in (Exit.FAULT, Exit.UNREACHED, Exit.NO) if code in codes), Exit.OK)


def say_problems(problems: Iterable[Problem]) -> None:
    """A line for each on standard error."""
    say("".join(f"{problem}\n" for problem in problems), sys.stderr)


def of_trouble(trouble: Trouble) -> Problem:
    """The problem of a file, or of a document in one."""
    reason = "Unreadable" if trouble.unread else "InvalidManifest"
    return Problem(file=trouble.file, mark=trouble.mark, reason=reason, message=trouble.why, code=Exit.FAULT)


def of_fault(manifest: Manifest, definition: str, fault: SchemaFault) -> Problem:
    """The problem of what the API server would refuse."""
    return Problem(
        file=manifest.file,
        mark=manifest.node.place(fault.path),
        definition=definition,
        reason="InvalidManifest",
        message=str(fault),
        code=Exit.FAULT,
    )


def of_error(
    manifest: Manifest, definition: str, error: SecretsManagerError, about: Location | Path | None = None
) -> Problem:
    """The problem of what the daemon would say; ``about`` is the path or the field, where that is known."""
    return Problem(
        file=manifest.file,
        mark=manifest.node.place(_place(manifest, error, about)),
        definition=definition,
        reason=error.reason,
        message=error.message,
        code=Exit.UNREACHED if isinstance(error, TemporaryError) else Exit.NO,
    )


def warning(manifest: Manifest, definition: str, field: Path, reason: str, message: str) -> Problem:
    """What is allowed, and should be known."""
    return Problem(
        file=manifest.file,
        mark=manifest.node.place(field),
        definition=definition,
        severity=Severity.WARNING,
        reason=reason,
        message=message,
    )


def _place(manifest: Manifest, error: SecretsManagerError, about: Location | Path | None) -> Path:
    if isinstance(about, Location):
        spec = manifest.raw.get("spec")
        return next(_places_of(spec, about.path), ("spec",)) if isinstance(spec, dict) else ("spec",)
    if about is not None:
        return about
    found = _FIELD.match(error.message)
    return ("spec", *_steps(found[1])) if found else ("spec",)


def _steps(text: str) -> Iterator[str | int]:
    for found in _STEP.finditer(text):
        inside = found[2]
        yield found[1] if inside is None else int(inside) if inside.isdecimal() else inside


def _places_of(spec: Mapping[str, Any], path: str) -> Iterator[Path]:
    """Where the spec names the path."""
    for group in _GROUPS:
        found = spec.get(group)
        named = found.items() if isinstance(found, dict) else enumerate(found or ())
        for name, entry in named:
            if isinstance(entry, dict) and entry.get("path") == path:
                yield ("spec", group, name, "path")
