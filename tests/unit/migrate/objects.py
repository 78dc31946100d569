"""Objects of other operators for tests, and what becomes of them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from secrets_manager.migrate.operators import kind_of
from secrets_manager.migrate.originals import Json, Original, key_of
from secrets_manager.migrate.plan import Plan, Report, plan
from secrets_manager.migrate.surroundings import NOTHING_SAID, Options

__all__ = [
    "azure_object",
    "external_secret",
    "filled_secret",
    "made_of",
    "original",
    "plan_of",
    "put",
    "report_of",
    "vault_store",
]


def original(body: Json, file: str = "objects.yaml") -> Original:
    """The object of a document."""
    group, _, version = body["apiVersion"].rpartition("/")
    kind = kind_of(group, body["kind"], body)
    key = key_of(body, cluster_wide=kind is not None and kind.cluster_wide, namespace=None)
    return Original(key=key, group=group, version=version, body=body, file=file)


def plan_of(*bodies: Json, options: Options = NOTHING_SAID) -> Plan:
    """The plan for documents."""
    return plan(map(original, bodies), options)


def report_of(made: Plan, name: str) -> Report:
    """The report of the object of that name."""
    (found,) = (report for report in made.reports if report.original.key.name == name)
    return found


def made_of(made: Plan) -> Json:
    """The manifest of the only definition."""
    (found,) = made.definitions
    return found.manifest


def put(body: Json, path: str, value: Any) -> Json:
    """A copy of the object with a field; ``[]`` is the first item of a list, ``*`` some name."""
    changed = copy.deepcopy(body)
    steps: list[str] = path.removesuffix(".**").replace("[]", ".[]").replace("*", "any").split(".")
    _put(changed, steps, value)
    return changed


def _put(place: Any, steps: list[str], value: Any) -> None:
    step, rest = steps[0], steps[1:]
    at: Any = 0 if step == "[]" else step
    if not rest:
        new = value
    else:
        old = place[0] if step == "[]" and place else None if step == "[]" else place.get(step)
        new = old if isinstance(old, (dict, list)) else [] if rest[0] == "[]" else {}
        _put(new, rest, value)
    if step == "[]" and not place:
        place.append(new)
    else:
        place[at] = new


def vault_store(name: str = "vault", of: str = "", **vault: Any) -> Json:
    """A store that reads a Vault, for all namespaces or for the one that it is ``of``."""
    kind = "SecretStore" if of else "ClusterSecretStore"
    provider = {
        "server": "https://vault.example.test:8200",
        "path": "secret",
        "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "reader"}},
        **vault,
    }
    metadata = {"name": name, **({"namespace": of} if of else {})}
    spec = {"provider": {"vault": provider}}
    return {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def external_secret(
    name: str = "db", namespace: str = "shop", version: str = "v1", marks: Iterable[str] = (), **spec: Any
) -> Json:
    """An ExternalSecret that reads one key with the store `vault`, unless the spec says otherwise."""
    data = [{"secretKey": "PASSWORD", "remoteRef": {"key": "shop/db", "property": "password"}}]
    usual: Json = {"secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"}}
    if "dataFrom" not in spec:
        usual["data"] = data
    metadata: Json = {"name": name, "namespace": namespace}
    if marks:
        metadata["labels"] = dict.fromkeys(marks, "yes")
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ExternalSecret",
        "metadata": metadata,
        "spec": usual | spec,
    }


def azure_object(name: str = "password", version: str = "v2beta1", **fields: Any) -> Json:
    """An AzureKeyVaultSecret that writes a key of the Secret `db`, with fields by their paths in the spec."""
    body: Json = {
        "apiVersion": f"spv.no/{version}",
        "kind": "AzureKeyVaultSecret",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "vault": {"name": "shop-vault", "object": {"name": name, "type": "secret"}},
            "output": {"secret": {"name": "db", "dataKey": name}},
        },
    }
    for path, value in fields.items():
        body = put(body, f"spec.{path.replace('__', '.')}", value)
    return body


def filled_secret(text: str = "<path:secret/data/shop/db#password>", **body: Any) -> Json:
    """A Secret that argocd-vault-plugin fills in, with a text in stringData and other fields."""
    annotations = body.pop("annotations", None)
    metadata: Json = {
        "name": "db",
        "namespace": "shop",
        **({"annotations": annotations} if annotations else {}),
    }
    usual: Json = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"KEY": text}}
    return usual | body
