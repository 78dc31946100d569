"""All that checks look at: the settings, the cluster and the clocks; and what several of them share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.commands.doctor.estate import Estate, read_estate
from secrets_manager.daemon.core import namespaces_of
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import Settings


@dataclass(eq=False, kw_only=True)
class Patient:
    """What is examined.

    Attributes:
        settings: those of the daemon, or the defaults where they cannot be read.
        settings_fault: why they cannot be, "" if they can.
        api: the API server, with the user's own rights.
        reviewer: the same, as whom rights are asked for.
        as_user: whose rights those are, "" for the user's own.
        namespace: where the daemon is thought to run.
        now: the wall clock.

    """

    settings: Settings
    settings_fault: str
    api: HttpKubernetesApi
    reviewer: HttpKubernetesApi
    as_user: str
    namespace: str
    now: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _estate: Estate | SecretsManagerError | None = None

    @property
    def scope(self) -> list[str | None]:
        """The namespaces that the daemon works in, or None for all."""
        return namespaces_of(self.settings)

    def estate(self) -> Estate:
        """The definitions of the cluster, read once for all checks; raises what the API raises."""
        with self._lock:
            if self._estate is None:
                try:
                    self._estate = read_estate(self.api, self.settings, self.scope)
                except SecretsManagerError as error:
                    self._estate = error.bare()
        if isinstance(self._estate, SecretsManagerError):
            raise self._estate.bare()
        return self._estate
