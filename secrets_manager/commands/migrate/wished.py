"""The definitions that a migration wishes for: those of the folder that ``migrate plan`` wrote."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from secrets_manager.commands.cluster import Asked, Cluster
from secrets_manager.commands.definitions import Examined, examine
from secrets_manager.commands.faults import NoSuchObject
from secrets_manager.commands.files.manifests import Passed, Trouble
from secrets_manager.commands.files.options import Files
from secrets_manager.commands.problems import Problem, of_trouble
from secrets_manager.domain.definition import Ref, SecretSpec

__all__ = ["Wish", "Wished", "wish_options", "wished"]

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A definition of a file that can be used."""

    examined: Examined
    spec: SecretSpec

    @property
    def ref(self) -> Ref:
        """Its namespace and name."""
        return self.examined.definition.ref

    @property
    def target(self) -> Ref:
        """The Secret that it makes."""
        return Ref(self.ref.namespace, self.spec.secret_name)


@dataclass(slots=True)
class Wished:
    """The definitions, in the order of namespaces and names, and what is wrong with the files."""

    each: list[Wish] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def wish_options() -> Callable[[_Callback], _Callback]:
    """``-f``, as the parameter ``files`` of type `Files`; folders are read with all folders in them."""

    def decorate(callback: _Callback) -> _Callback:
        @functools.wraps(callback)
        def called(*args: Any, **options: Any) -> Any:
            files = Files(names=options.pop("filenames"), recursive=True)
            if not files.names:
                raise click.UsageError("name the folder that `migrate plan --out` wrote with -f")
            return callback(*args, files=files, **options)

        option = click.option(
            "-f",
            "--filename",
            "filenames",
            multiple=True,
            metavar="FILE",
            help="File of definitions, or the folder that `migrate plan --out` wrote, with all in it; "
            "- is standard input.",
        )
        return option(called)  # type: ignore[return-value] # an option returns what it is given

    return decorate


def wished(files: Files, cluster: Cluster, asked: Asked) -> Wished:
    """The definitions in the files; with ``-n`` those of that namespace alone.

    Raises NoSuchObject where there are none, and nothing is wrong with a file.
    """
    found = Wished()
    by_ref: dict[Ref, Wish] = {}
    for manifest in files.manifests(Passed()):
        if isinstance(manifest, Trouble):
            found.problems.append(of_trouble(manifest))
            continue
        examined = examine(manifest, cluster.namespace)
        if asked.namespace not in (None, examined.definition.ref.namespace):
            continue
        found.problems += examined.problems
        if (spec := examined.spec) is not None:
            by_ref[examined.definition.ref] = Wish(examined=examined, spec=spec)
    if not by_ref and not found.problems:
        raise NoSuchObject(
            "there is no SecretDefinition in the files"
            + (f" for namespace {asked.namespace!r}" if asked.namespace else "")
        )
    found.each = [by_ref[ref] for ref in sorted(by_ref)]
    return found
