"""Who may write. Asked before each job, each object and each write."""

from __future__ import annotations

from typing import Protocol

from secrets_manager.domain.definition import Ref


class Leadership(Protocol):
    """Computed anew at each question; never a flag that a stuck thread could leave true."""

    def holds(self, key: Ref | None) -> bool:
        """Whether this process may write for ``key`` (None: at all), with time enough left for one write."""


class SoleReplica:
    """Leads always: the election is switched off, so there is one replica."""

    def holds(self, key: Ref | None) -> bool:  # noqa: ARG002 - the question is the port's
        """Yes."""
        return True
