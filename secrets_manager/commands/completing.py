"""Names from the cluster for the completion of a command line: quickly, or none; never a message."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice

import click

from secrets_manager.cluster.base import DEFINITIONS, Resource, Scope
from secrets_manager.cluster.manifests import ref_of
from secrets_manager.commands.cluster import NAMESPACES, Asked, Cluster, cluster_of

# Somebody waits at the keyboard, and more names than that help nobody.
_PATIENCE_SECONDS = 2.0
_MOST_NAMES = 500


def complete_definitions(context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    """Definitions that begin so: NAME, or NAMESPACE/NAME where a namespace was begun."""
    namespace, slash, _ = incomplete.rpartition("/")

    def names(cluster: Cluster) -> Iterator[str]:
        where = namespace if slash else cluster.namespace
        for name in _names(cluster, DEFINITIONS, where):
            yield f"{namespace}/{name}" if slash else name

    return _found(context, names, incomplete)


def complete_namespaces(context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """Namespaces that begin so."""
    return _found(context, lambda cluster: _names(cluster, NAMESPACES, None), incomplete)


def _names(cluster: Cluster, resource: Resource, namespace: str | None) -> Iterator[str]:
    scope = Scope(resource=resource._replace(metadata_only=True), namespace=namespace)
    for page in cluster.api.pages(scope):
        for item in page.items:
            yield ref_of(item).name


def _found(context: click.Context, names: Callable[[Cluster], Iterator[str]], incomplete: str) -> list[str]:
    """The names, asked for on a thread that is left alone when it takes too long."""
    found: list[str] = []

    def ask() -> None:
        try:
            options = context.params
            asked = Asked(
                kubeconfig=options.get("kubeconfig"),
                context=options.get("context"),
                namespace=options.get("namespace"),
                timeout=_PATIENCE_SECONDS,
            )
            with cluster_of(asked, context.obj) as cluster:
                begun = (name for name in names(cluster) if name.startswith(incomplete))
                found.extend(islice(begun, _MOST_NAMES))
        except Exception:  # noqa: BLE001, S110 - a message would land in the middle of a command line
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_SECONDS)
    return found.copy()
