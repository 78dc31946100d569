"""The objects of other operators in a cluster. Secrets and other kinds of Kubernetes are not read."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.cluster.base import Expired, Json, NotFound, Resource, Scope
from secrets_manager.commands.cluster import Cluster
from secrets_manager.commands.migrate.finding import Found
from secrets_manager.migrate.operators import KINDS, Kind
from secrets_manager.migrate.originals import Original, key_of

__all__ = ["find_live"]

# A list whose version grows too old while it is read is made again so often in all.
_LISTS = 3


def find_live(cluster: Cluster) -> Found:
    """What is in the namespace that was asked for, or in all, and what is in none.

    Raises SecretsManagerError where a kind that is there cannot be listed.
    """
    found = Found()
    served = {
        group: cluster.api.versions_of(group) for group in sorted({kind.group for kind in KINDS.values()})
    }
    for kind in KINDS.values():
        version = _version(kind, served[kind.group])
        if version:
            found.originals += (_original(kind, version, item) for item in _items(cluster, kind, version))
    return found


def _version(kind: Kind, served: tuple[str, ...]) -> str:
    """The version to ask for, the first that is understood; "" where none is served."""
    return next((each for each in kind.versions or served if each in served), "")


def _items(cluster: Cluster, kind: Kind, version: str) -> list[Json]:
    # By the convention of Kubernetes, which all of these keep to.
    resource = Resource(
        f"apis/{kind.group}/{version}", f"{kind.kind.lower()}s", namespaced=not kind.cluster_wide
    )
    scope = Scope(resource=resource) if kind.cluster_wide else cluster.scope(resource)
    for left in reversed(range(_LISTS)):
        try:
            return list(_listed(cluster, scope))
        except NotFound:
            # The group is served without this kind.
            return []
        except Expired:
            if not left:
                raise
    return []


def _listed(cluster: Cluster, scope: Scope) -> Iterator[Json]:
    for page in cluster.api.pages(scope):
        yield from page.items


def _original(kind: Kind, version: str, item: Json) -> Original:
    # The items of a list need not say what they are.
    body = {"apiVersion": f"{kind.group}/{version}", "kind": kind.kind, **item}
    key = key_of(body, cluster_wide=kind.cluster_wide, namespace=None)
    return Original(key=key, group=kind.group, version=version, body=body)
