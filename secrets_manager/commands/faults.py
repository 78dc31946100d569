"""Errors as a person at a terminal is told them: one sentence about what failed, and what to do."""

from __future__ import annotations

from secrets_manager.cluster.base import DEFINITIONS, NotFound
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnauthorized,
    ClusterUnavailable,
    ConfigError,
    Conflict,
    Forbidden,
    SecretsManagerError,
)
from secrets_manager.domain.wording import printable


class NoSuchObject(SecretsManagerError):
    """What was named is not there; the question itself has a fault."""


class NotToldError(SecretsManagerError):
    """Nobody could be told the answer: standard output is closed or full."""


class HungUp(Exception):
    """Whoever read standard output has gone, as `head` does when it has seen enough. No fault of anybody."""


_ADVICE: tuple[tuple[type[SecretsManagerError], str], ...] = (
    (ClusterUnauthorized, "log in to the cluster again, or choose another --context"),
    (Forbidden, "ask for that right, or choose another namespace with -n"),
    (AdmissionDenied, "ask those who run that check"),
    (Conflict, "somebody else changed it just now; try again"),
    (ClusterUnavailable, "check --context and the way to that API server, and try again"),
)
# The API client speaks for the daemon; here it was called for a person.
_FOR_A_PERSON = (
    ("does not grant the daemon verb", "does not grant you the verb"),
    ("refuses the daemon verb", "refuses you the verb"),
    ("the daemon's credentials", "your credentials"),
)


def told(error: SecretsManagerError) -> str:
    """The error as one line, with what to do where that is known."""
    text = error.message
    for daemons, persons in _FOR_A_PERSON:
        text = text.replace(daemons, persons)
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), "")
    if isinstance(error, NotFound) and f"list {DEFINITIONS.plural}" in text:
        advice = "the cluster has no SecretDefinitions; install the CRD, or choose another --context"
    if isinstance(error, ClusterUnavailable) and "answered 404" in text:
        advice = "does it have the CRD? install it, or choose another --context"
    return printable("; ".join(filter(None, (text, advice))))


def told_all(error: SecretsManagerError) -> str:
    """The error as lines: settings have a line for each of their faults."""
    if isinstance(error, ConfigError):
        return "\n".join(map(printable, error.message.splitlines()))
    return told(error)


def code_of(error: SecretsManagerError) -> Exit:
    """The exit code that says what kind of error it was."""
    return Exit.FAULT if isinstance(error, ConfigError | NoSuchObject | NotToldError) else Exit.UNREACHED
