"""The kinds that can be converted, by group and kind: one table for all operators. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secrets_manager.migrate.argocd_vault_plugin import fields as avp
from secrets_manager.migrate.argocd_vault_plugin import others as avp_others
from secrets_manager.migrate.argocd_vault_plugin import placeholders
from secrets_manager.migrate.argocd_vault_plugin import secrets as avp_secrets
from secrets_manager.migrate.argocd_vault_plugin import vaults as avp_vaults
from secrets_manager.migrate.azure_key_vault_secret import fields as akv
from secrets_manager.migrate.azure_key_vault_secret import groups as akv_groups
from secrets_manager.migrate.azure_key_vault_secret import vaults as akv_vaults
from secrets_manager.migrate.external_secrets import fields as eso
from secrets_manager.migrate.external_secrets import secrets as eso_secrets
from secrets_manager.migrate.external_secrets import store_fields as eso_store_fields
from secrets_manager.migrate.external_secrets import stores as eso_stores
from secrets_manager.migrate.fields import Table
from secrets_manager.migrate.originals import Json, Original
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

__all__ = ["FILLED_SECRET", "GROUPS", "KINDS", "Kind", "is_foreign", "kind_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of another operator.

    Attributes:
        operator: what people call it.
        group: the API group.
        kind: the kind.
        versions: the versions of the API whose objects are understood; all if there are none.
        cluster_wide: whether its objects are in no namespace.
        table: what becomes of its fields, by version.
        store: what makes a store of one; None for a kind that makes Secrets.
        convert: what makes definitions of one; None for a store.
        logins: what makes the stores that one reads with, where no object is such a store by itself.
        part: what is to be said of one that is neither, and that others refer to.
        convert_all: the same for all objects of the kind at once, where several make one Secret.

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
    convert_all: Callable[[Sequence[Original], Stores], list[Converted]] | None = None


_ESO = "external-secrets.io"
_AKV = "spv.no"
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
        logins=eso_stores.of_namespaces,
    ),
    Kind(
        operator=eso.OPERATOR,
        group=_ESO,
        kind="ClusterExternalSecret",
        versions=_ESO_VERSIONS,
        table=eso.cluster_external_secret,
        cluster_wide=True,
        convert=eso_secrets.convert_cluster,
        logins=eso_stores.of_namespaces,
    ),
    Kind(
        operator=akv.OPERATOR,
        group=_AKV,
        kind="AzureKeyVaultSecret",
        versions=("v2beta1", "v2alpha1", "v1"),
        table=akv.azure_key_vault_secret,
        logins=akv_vaults.logins,
        convert_all=akv_groups.convert_all,
    ),
)
# Those of argocd-vault-plugin are found by what they say, whatever their kind.
FILLED_SECRET = Kind(
    operator=avp.OPERATOR,
    group="",
    kind="Secret",
    versions=("v1",),
    table=avp.secret,
    logins=avp_vaults.logins,
    convert=avp_secrets.convert,
)
_OTHER_WITH_PLACEHOLDERS = Kind(
    operator=avp.OPERATOR, group="", kind="", versions=(), table=avp.other, convert=avp_others.convert
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
GROUPS = frozenset(kind.group for kind in _ALL)


def kind_of(group: str, kind: str, body: Json) -> Kind | None:
    """The kind of an object, None where it is none that is known here."""
    if group in GROUPS:
        return KINDS.get((group, kind))
    if not placeholders.are_in(body):
        return None
    return FILLED_SECRET if (group, kind) == ("", "Secret") else _OTHER_WITH_PLACEHOLDERS


def is_foreign(group: str, kind: str, body: Json) -> bool:
    """Whether an object is one of another operator."""
    return group in GROUPS or kind_of(group, kind, body) is not None
