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
from secrets_manager.migrate.remarks import Remark
from secrets_manager.migrate.results import Converted
from secrets_manager.migrate.stores import Store, Stores
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secret import fields as vault_secret
from secrets_manager.migrate.vault_secret import logins as vault_secret_logins
from secrets_manager.migrate.vault_secret import secrets as vault_secret_secrets
from secrets_manager.migrate.vault_secrets_operator import connections as vso_connections
from secrets_manager.migrate.vault_secrets_operator import fields as vso
from secrets_manager.migrate.vault_secrets_operator import login_fields as vso_login_fields
from secrets_manager.migrate.vault_secrets_operator import logins as vso_logins
from secrets_manager.migrate.vault_secrets_operator import others as vso_others
from secrets_manager.migrate.vault_secrets_operator import secrets as vso_secrets
from secrets_manager.migrate.vault_secrets_operator import transformations as vso_transformations

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
        logins: what makes the stores that one reads with, where no object is such a store by itself.
        part: what is to be said of one that is neither, and that others refer to.

    """

    operator: str
    group: str
    kind: str
    versions: tuple[str, ...]
    table: Callable[[str], Table]
    cluster_wide: bool = False
    store: Callable[[Original], Store] | None = None
    convert: Callable[[Original, Stores], Converted] | None = None
    logins: Callable[[Original, Surroundings], tuple[Store, ...]] | None = None
    part: Callable[[Original, Surroundings], tuple[Remark, ...]] | None = None


_ESO = "external-secrets.io"
_ESO_VERSIONS = ("v1", "v1beta1", "v1alpha1")

_VSO = "secrets.hashicorp.com"
_VSO_VERSIONS = ("v1beta1",)

_OF_VSO: tuple[Kind, ...] = (
    Kind(
        operator=vso.OPERATOR,
        group=_VSO,
        kind="VaultConnection",
        versions=_VSO_VERSIONS,
        table=vso_login_fields.vault_connection,
        part=vso_connections.remarks,
    ),
    Kind(
        operator=vso.OPERATOR,
        group=_VSO,
        kind="VaultAuth",
        versions=_VSO_VERSIONS,
        table=vso_login_fields.vault_auth,
        part=vso_logins.remarks,
    ),
    Kind(
        operator=vso.OPERATOR,
        group=_VSO,
        kind="SecretTransformation",
        versions=_VSO_VERSIONS,
        table=vso.secret_transformation,
        part=vso_transformations.remarks,
    ),
    Kind(
        operator=vso.OPERATOR,
        group=_VSO,
        kind="VaultStaticSecret",
        versions=_VSO_VERSIONS,
        table=vso.static_secret,
        logins=vso_logins.logins,
        convert=vso_secrets.convert,
    ),
    *(
        Kind(
            operator=vso.OPERATOR,
            group=_VSO,
            kind=kind,
            versions=_VSO_VERSIONS,
            table=vso_others.table(kind),
            part=vso_others.part(kind),
        )
        for kind in vso_others.REASONS
    ),
)

_OF_ESO: tuple[Kind, ...] = (
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
_OF_VAULT_SECRET: tuple[Kind, ...] = (
    Kind(
        operator=vault_secret.OPERATOR,
        group="ricoberger.de",
        kind="VaultSecret",
        versions=("v1alpha1",),
        table=vault_secret.vault_secret,
        logins=vault_secret_logins.logins,
        convert=vault_secret_secrets.convert,
    ),
)

_ALL = (*_OF_ESO, *_OF_VSO, *_OF_VAULT_SECRET)
KINDS: dict[tuple[str, str], Kind] = {(kind.group, kind.kind): kind for kind in _ALL}
_GROUPS = frozenset(kind.group for kind in _ALL)


def group_of(api_version: str) -> str | None:
    """The group of an apiVersion if any of its kinds is known here."""
    group = api_version.partition("/")[0]
    return group if group in _GROUPS else None
