"""Reads definitions from the cluster, as lines of an overview: some by name, or all of a scope.

Lists come page by page, and of each object only its line is kept. Of Secrets the metadata alone is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import (
    DEFINITIONS,
    SECRET_METADATA,
    Expired,
    Json,
    KubernetesApi,
    NotFound,
    Scope,
)
from secrets_manager.commands.faults import NoSuchObject
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL
from secrets_manager.overview.definitions import last_change_of, line_of
from secrets_manager.overview.model import DefinitionLine

# A list whose version grows too old while it is read is made again so often in all.
_LISTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The definitions, in the order of namespaces and names, and the version of the list to watch from."""

    lines: tuple[DefinitionLine, ...]
    version: str = ""


@dataclass(slots=True)
class LastChanges:
    """When Secrets were last written, as far as the user may know: whoever may not, gets no fault."""

    api: KubernetesApi
    _listed: dict[Ref, datetime | None] = field(default_factory=dict)
    _forbidden: bool = False

    def list(self, namespace: str | None) -> None:
        """Learn of all Secrets with the daemon's label."""
        label = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
        scope = Scope(resource=SECRET_METADATA, namespace=namespace, selector=label)
        try:
            self._listed = {
                manifests.ref_of(secret): last_change_of(secret)
                for page in self.api.pages(scope)
                for secret in page.items
            }
        except Forbidden:
            self._forbidden = True
        except SecretsManagerError:
            # Where one Secret cannot be decrypted no list works, and status is needed most.
            self._listed = {}

    def of(self, secret: Ref) -> datetime | None:
        """As listed."""
        return self._listed.get(secret)

    def now(self, secret: Ref) -> datetime | None:
        """As it is now; forgotten while Secrets may not be read."""
        if self._forbidden:
            return None
        try:
            return last_change_of(self.api.get(SECRET_METADATA, secret))
        except Forbidden:
            self._forbidden = True
            return None
        except SecretsManagerError:
            return None


def list_all(api: KubernetesApi, namespace: str | None, changes: LastChanges) -> Listing:
    """All definitions of a namespace, or of the cluster; raises what the API raises."""
    changes.list(namespace)
    scope = Scope(resource=DEFINITIONS, namespace=namespace)
    for _ in range(_LISTS - 1):
        try:
            return _listed(api, scope, changes)
        except Expired:
            continue
    return _listed(api, scope, changes)


def read_named(api: KubernetesApi, names: Sequence[Ref], changes: LastChanges) -> Listing:
    """These definitions; raises NoSuchObject for the first that is not there."""
    return Listing(lines=tuple(_line(read(api, ref), changes.now) for ref in sorted(set(names))))


def read(api: KubernetesApi, ref: Ref) -> Json:
    """One definition; raises NoSuchObject where there is none."""
    try:
        return api.get(DEFINITIONS, ref)
    except NotFound:
        raise NoSuchObject(
            f"there is no SecretDefinition {ref.name!r} in namespace {ref.namespace!r}"
        ) from None


def line_now(raw: Json, changes: LastChanges) -> DefinitionLine:
    """The line of a definition that was just seen."""
    return _line(raw, changes.now)


def _listed(api: KubernetesApi, scope: Scope, changes: LastChanges) -> Listing:
    lines: list[DefinitionLine] = []
    version = ""
    for page in api.pages(scope):
        lines += [_line(raw, changes.of) for raw in page.items]
        version = page.resource_version
    return Listing(lines=tuple(sorted(lines, key=_place)), version=version)


def _line(raw: Json, last_change: Callable[[Ref], datetime | None]) -> DefinitionLine:
    wanting = manifests.definition(raw)
    changed = last_change(wanting.target) if wanting.target else None
    return line_of(wanting, manifests.status(raw), changed)


def _place(line: DefinitionLine) -> tuple[str, str]:
    return line.namespace, line.name
