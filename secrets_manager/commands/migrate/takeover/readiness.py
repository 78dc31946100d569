"""Whether Secrets can be handed to a daemon at all: the CRD is there, and a daemon leads and sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from secrets_manager.cluster.base import DEFINITIONS, NotFound, PersonsApi
from secrets_manager.cluster.lead.lease import record_of
from secrets_manager.commands.doctor.findings import Level
from secrets_manager.commands.doctor.of_election import LEASES, lease_finding
from secrets_manager.commands.doctor.rights import lease_near
from secrets_manager.daemon.core import namespaces_of
from secrets_manager.domain.secret import DEFINITION_GROUP
from secrets_manager.settings import Settings

__all__ = ["Readiness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """``namespace`` is where the daemon is thought to run, ``now`` the wall clock."""

    api: PersonsApi
    settings: Settings
    namespace: str
    now: Callable[[], datetime]

    def why_not(self) -> str:
        """Why no Secret can be handed over, "" if some can; raises what the API raises."""
        version = DEFINITIONS.prefix.rpartition("/")[2]
        if version not in self.api.versions_of(DEFINITION_GROUP):
            return "the cluster has no SecretDefinitions; install the CRD first"
        if not self.settings.election.enabled:
            return ""
        ref = lease_near(self.settings, self.namespace)
        try:
            found = lease_finding(record_of(self.api.get(LEASES, ref)), self.now())
        except NotFound:
            return (
                f"there is no Lease {ref}, so no daemon leads; start it, or say where it runs with "
                "--daemon-namespace"
            )
        return found.found if found.level is Level.FAIL else ""

    def why_not_in(self, namespace: str) -> str:
        """Why the daemon of these settings does not work in a namespace, "" if it does."""
        controller = self.settings.controller
        scope = namespaces_of(self.settings)
        if namespace in controller.exclude_namespaces or (scope != [None] and namespace not in scope):
            return f"the settings keep the daemon out of namespace {namespace}"
        return ""
