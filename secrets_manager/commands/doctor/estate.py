"""The definitions of a cluster, as much of them as checks need: names and counts, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from secrets_manager.backends.base import Source
from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Expired, Json, KubernetesApi, Scope
from secrets_manager.commands.engine.sources import engine_offline
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.settings import Settings
from secrets_manager.sync.reading.upstream import Upstreams

# A list whose version grows too old while it is read is made again so often in all.
_LISTS = 3


@dataclass(eq=False)
class Estate:
    """What is known of all definitions.

    Attributes:
        count: how many there are.
        suspended: how many of them are left alone.
        targets: the Secrets that are wanted, each with the first definition that wants it.
        fights: definitions that want a Secret which another one wants, too, each with that one.
        uids: of all definitions.
        retained: Secrets that stay when their definitions go.
        refused: for each reason, the definitions whose paths lead nowhere, or whose spec cannot be used.
        sources: the paths that are read, by backend.
        unready: how many are not in step, by reason.
        restarting: whether any wants workloads to be restarted.

    """

    count: int = 0
    suspended: int = 0
    targets: dict[Ref, Ref] = field(default_factory=dict)
    fights: list[tuple[Ref, Ref]] = field(default_factory=list)
    uids: set[str] = field(default_factory=set)
    retained: set[Ref] = field(default_factory=set)
    refused: dict[str, dict[Ref, str]] = field(default_factory=dict)
    sources: dict[str, set[Source]] = field(default_factory=dict)
    unready: Counter[str] = field(default_factory=Counter)
    restarting: bool = False

    def take(self, raw: Json, upstreams: Upstreams) -> None:
        """Take one definition."""
        definition = manifests.definition(raw)
        self.count += 1
        self.uids.add(definition.uid)
        self._take_target(definition)
        status = manifests.status(raw)
        current = status is not None and status.observed_generation == definition.generation
        if status is not None and current and not status.condition.ready:
            self.unready[status.condition.reason] += 1
        if not isinstance(definition.spec, SecretSpec):
            self._refuse(definition.ref, definition.spec)
            return
        self.suspended += definition.spec.suspended
        self.restarting = self.restarting or definition.spec.restart is not None
        self._take_paths(definition.ref, definition.spec, upstreams)

    def _take_target(self, definition: Definition) -> None:
        target = definition.target
        if target is None or definition.deleting:
            return
        if definition.retains:
            self.retained.add(target)
        first = self.targets.setdefault(target, definition.ref)
        if first != definition.ref:
            self.fights.append((definition.ref, first))

    def _take_paths(self, ref: Ref, spec: SecretSpec, upstreams: Upstreams) -> None:
        for location in spec.locations:
            try:
                source = upstreams.locate(location, ref.namespace)
            except DefinitionError as error:
                self._refuse(ref, error)
            else:
                self.sources.setdefault(source.backend, set()).add(source)

    def _refuse(self, ref: Ref, error: DefinitionError) -> None:
        self.refused.setdefault(error.reason, {}).setdefault(ref, error.message)


def read_estate(api: KubernetesApi, settings: Settings, scope: Sequence[str | None]) -> Estate:
    """All definitions that a daemon with these settings works on; raises what the API raises."""
    excluded = frozenset(settings.controller.exclude_namespaces)
    with engine_offline(settings) as engine:
        for _ in range(_LISTS - 1):
            try:
                return _read(api, scope, excluded, engine.core.upstreams)
            except Expired:
                continue
        return _read(api, scope, excluded, engine.core.upstreams)


def _read(
    api: KubernetesApi, scope: Sequence[str | None], excluded: frozenset[str], upstreams: Upstreams
) -> Estate:
    found = Estate()
    for raw in _all(api, scope):
        if manifests.ref_of(raw).namespace not in excluded:
            found.take(raw, upstreams)
    return found


def _all(api: KubernetesApi, scope: Sequence[str | None]) -> Iterator[Json]:
    for namespace in scope:
        for page in api.pages(Scope(resource=DEFINITIONS, namespace=namespace)):
            yield from page.items
