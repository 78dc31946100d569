"""The kinds that can be converted, by group and kind: one table for all operators. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.migrate.external_secrets import fields as eso
from secrets_manager.migrate.external_secrets import secrets as eso_secrets
from secrets_manager.migrate.external_secrets import store_fields as eso_store_fields
from secrets_manager.migrate.external_secrets import stores as eso_stores
from secrets_manager.migrate.fields import Table
from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.results import Converted
from secrets_manager.migrate.stores import Store, Stores

__all__ = ["KINDS", "Kind", "group_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of another operator.

    Attributes:
        operator: what people call it.
        group: the API group.
        kind: the kind.
        versions: the versions of the API whose objects are understood.
        cluster_wide: whether its objects are in no namespace.
        table: what becomes of its fields, by version.
        store: what makes a store of one; None for a kind that makes Secrets.
        convert: what makes definitions of one; None for a store.

    """

    operator: str
    group: str
    kind: str
    versions: tuple[str, ...]
    table: Callable[[str], Table]
    cluster_wide: bool = False
    store: Callable[[Original], Store] | None = None
    convert: Callable[[Original, Stores], Converted] | None = None


_ESO = "external-secrets.io"
_ESO_VERSIONS = ("v1", "v1beta1", "v1alpha1")

_ALL: tuple[Kind, ...] = (
    Kind(
        operator=eso.OPERATOR,
        group=_ESO,
        kind="SecretStore",
        versions=_ESO_VERSIONS,
        table=eso_store_fields.store,
        store=eso_stores.convert,
    ),
    Kind(
        operator=eso.OPERATOR,
        group=_ESO,
        kind="ClusterSecretStore",
        versions=_ESO_VERSIONS,
        table=eso_store_fields.store,
        cluster_wide=True,
        store=eso_stores.convert,
    ),
    Kind(
        operator=eso.OPERATOR,
        group=_ESO,
        kind="ExternalSecret",
        versions=_ESO_VERSIONS,
        table=eso.external_secret,
        convert=eso_secrets.convert,
    ),
    Kind(
        operator=eso.OPERATOR,
        group=_ESO,
        kind="ClusterExternalSecret",
        versions=_ESO_VERSIONS,
        table=eso.cluster_external_secret,
        cluster_wide=True,
        convert=eso_secrets.convert_cluster,
    ),
)
KINDS: dict[tuple[str, str], Kind] = {(kind.group, kind.kind): kind for kind in _ALL}
_GROUPS = frozenset(kind.group for kind in _ALL)


def group_of(api_version: str) -> str | None:
    """The group of an apiVersion if any of its kinds is known here."""
    group = api_version.partition("/")[0]
    return group if group in _GROUPS else None
