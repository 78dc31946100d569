"""The definitions that a command changes: those that are named, or all of a namespace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Json, KubernetesApi, Scope
from secrets_manager.commands.cluster import Cluster
from secrets_manager.commands.completing import complete_definitions
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import NoSuchObject, code_of, told
from secrets_manager.commands.listing import read
from secrets_manager.commands.named import refs_named
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, Conflict, SecretsManagerError

_TRIES = 3

# Changes a definition, given as it is now; returns what to say about it.
Act = Callable[[Json], dict[str, Any]]


def choice_options() -> Callable[[Any], Any]:
    """The arguments NAME... and ``--all``, for the parameters ``names`` and ``everything``."""
    names = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_definitions)
    everything = click.option("--all", "everything", is_flag=True, help="All definitions of the namespace.")
    return lambda command: names(everything(command))


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done to some definitions, in their order, and the exit code."""

    each: list[dict[str, Any]]
    code: int


def act_on_each(cluster: Cluster, words: Sequence[str], act: Act, *, everything: bool) -> Done:
    """Change each definition; what fails for one of them is said, and stops none of the others."""
    if bool(words) is everything:
        raise click.UsageError("name definitions, or give --all with -n NAMESPACE")
    done: list[dict[str, Any]] = []
    code: int = Exit.OK
    for ref in _chosen(cluster, words, everything=everything):
        try:
            done.append({"namespace": ref.namespace, "name": ref.name, **_tried(cluster.api, ref, act)})
        except ClusterUnauthorized:
            # So it would be for all.
            raise
        except SecretsManagerError as error:
            if everything and isinstance(error, NoSuchObject):
                # It went away since the list.
                continue
            say(f"{ref}: {told(error)}\n", sys.stderr)
            code = max(code, code_of(error))
    return Done(each=done, code=code)


def _chosen(cluster: Cluster, words: Sequence[str], *, everything: bool) -> Iterator[Ref]:
    if not everything:
        yield from refs_named(words, cluster.namespace)
        return
    scope = Scope(resource=DEFINITIONS, namespace=cluster.namespace)
    # All names first: a list that is read slowly grows too old.
    yield from [manifests.ref_of(raw) for page in cluster.api.pages(scope) for raw in page.items]


def _tried(api: KubernetesApi, ref: Ref, act: Act) -> dict[str, Any]:
    """Act on the newest state, also when somebody else writes at the same time."""
    for _ in range(_TRIES - 1):
        try:
            return act(read(api, ref))
        except Conflict:
            continue
    return act(read(api, ref))
