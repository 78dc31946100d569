"""The calls of one user to the two servers, read from their audit logs as these grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.audit import BackendCall, KubernetesCall, backend_calls, kubernetes_calls
from tests.testbed.growing_file import Tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose calls are counted: the user of the API server and the AppRole of OpenBao."""

    user: str
    role: str


class Traffic:
    """The calls of one identity since they were last taken; both logs are read independently."""

    def __init__(self, *, kubernetes_log: Path, backend_log: Path, identity: Identity) -> None:
        self._kubernetes = Tail(kubernetes_log)
        self._backend = Tail(backend_log)
        self._identity = identity

    def skip(self) -> None:
        """Let go of everything up to now."""
        self._kubernetes.take()
        self._backend.take()

    def take_kubernetes(self) -> Sequence[KubernetesCall]:
        """The calls to the API server since the last take."""
        return kubernetes_calls(self._kubernetes.take(), self._identity.user)

    def take_backend(self) -> Sequence[BackendCall]:
        """The requests to OpenBao since the last take."""
        return backend_calls(self._backend.take(), self._identity.role)
