"""The options that say what no object of another operator does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from secrets_manager.migrate.surroundings import Options

__all__ = ["operator_options"]

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def operator_options() -> Callable[[_Callback], _Callback]:
    """The parameter ``options`` of type `Options`."""

    def decorate(callback: _Callback) -> _Callback:
        @functools.wraps(callback)
        def called(*args: Any, **given: Any) -> Any:
            options = Options(
                operator_namespace=given.pop("operator_namespace"),
                kv1_mounts=_mounts(given.pop("kv1_mounts")),
                kv2_mounts=_mounts(given.pop("kv2_mounts")),
            )
            if both := sorted(options.kv1_mounts & options.kv2_mounts):
                raise click.UsageError(f"the mount {both[0]} cannot be of both versions of the engine")
            return callback(*args, options=options, **given)

        for option in (
            click.option(
                "--kv2-mount",
                "kv2_mounts",
                multiple=True,
                metavar="MOUNT",
                help="For VaultSecret: a mount of version 2 of the key-value engine. May be given again.",
            ),
            click.option(
                "--kv1-mount",
                "kv1_mounts",
                multiple=True,
                metavar="MOUNT",
                help="For VaultSecret: a mount of version 1 of the key-value engine. May be given again.",
            ),
            click.option(
                "--operator-namespace",
                default="",
                metavar="NAMESPACE",
                help="Namespace of the Vault Secrets Operator, which has its objects named default.",
            ),
        ):
            called = option(called)
        return called  # type: ignore[return-value] # an option returns what it is given

    return decorate


def _mounts(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip("/") for name in names) - {""}
