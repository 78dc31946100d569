"""What the queue and the schedule hold: one key for each thing to do."""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from typing import NamedTuple

from secrets_manager.backends.base import Source
from secrets_manager.domain.definition import Ref

_BACKEND = "backend "


class KeyKind(StrEnum):
    """The kind of work that a key stands for."""

    DEFINITION = "definition"
    STATUS = "status"
    SOURCE = "source"
    SURVEY = "survey"
    RESTARTS = "restarts"


class Key(NamedTuple):
    """One thing to do: reconcile a definition, write its status, poll a source or the backend as a whole, or
    restart workloads of a namespace.

    The kind is part of the key since one subject may be due for more than one reason.
    """

    kind: KeyKind
    subject: Ref | Source

    @classmethod
    def definition(cls, ref: Ref) -> Key:
        """The key of a definition."""
        return cls(KeyKind.DEFINITION, ref)

    @classmethod
    def status(cls, ref: Ref) -> Key:
        """The key of a definition's status, where that is written apart from the reconcile."""
        return cls(KeyKind.STATUS, ref)

    @classmethod
    def restarts(cls, namespace: str) -> Key:
        """The key of the restarts of a namespace, which are made together."""
        return cls(KeyKind.RESTARTS, Ref(namespace, ""))

    @classmethod
    def source(cls, source: Source) -> Key:
        """The key of a source."""
        return cls(KeyKind.SOURCE, source)

    @classmethod
    def survey(cls, backend: str) -> Key:
        """The key of the backend of that name as a whole; it stands for no source."""
        return cls(KeyKind.SURVEY, Source("", backend=backend))


def group_of(key: Key) -> str:
    """The group of a key: its namespace, so that no namespace waits for all keys of another."""
    return key.subject.namespace if isinstance(key.subject, Ref) else ""


def group_of_several(key: Key) -> str:
    """The same where there are several backends: each is a group, so that none waits for a slow one."""
    # No namespace has a blank in its name.
    return key.subject.namespace if isinstance(key.subject, Ref) else f"{_BACKEND}{key.subject.backend}"


def is_backend(group: Hashable) -> bool:
    """Whether a group of `group_of_several` is a backend."""
    return isinstance(group, str) and group.startswith(_BACKEND)
