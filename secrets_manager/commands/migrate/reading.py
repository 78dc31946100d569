"""Compares the Secrets of a cluster with what definitions would make of them, by digests in memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import SECRETS, KubernetesApi, NotFound
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.migrate.comparing import Comparison, compare, not_compared
from secrets_manager.commands.migrate.wished import Wish
from secrets_manager.commands.render.rendering import render
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, SecretsManagerError
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret

__all__ = ["Comparer", "observed"]

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Reads Secrets and sources. Safe from many threads."""

    api: KubernetesApi
    engine: Engine

    def all(self, wishes: Sequence[Wish]) -> list[Comparison]:
        """The comparisons, in the order of the wishes; raises what `one` raises."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self.one, wishes))

    def one(self, wish: Wish) -> Comparison:
        """The comparison for one definition; raises ClusterUnavailable and ClusterUnauthorized."""
        try:
            return compare(wish.ref, self._desired(wish), self.observed(wish.target))
        except (ClusterUnavailable, ClusterUnauthorized):
            # So it would be for all.
            raise
        except SecretsManagerError as error:
            return not_compared(wish.ref, wish.target.name, error)

    def observed(self, target: Ref) -> ObservedSecret | None:
        """The Secret as it is now; raises what the API raises."""
        return observed(self.api, self.engine.digester, target)

    def _desired(self, wish: Wish) -> DesiredSecret:
        try:
            return render(wish.examined, wish.spec, self.engine, reads=True).desired
        finally:
            self.engine.forget(wish.ref)


def observed(api: KubernetesApi, digester: Digester, target: Ref) -> ObservedSecret | None:
    """A Secret without its values, None where there is none; raises what the API raises."""
    try:
        return manifests.observed_secret(api.get(SECRETS, target), digester)
    except NotFound:
        return None
