"""Objects that the tests of this folder share."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.domain.definition import DataSource, Definition, Ref, SecretSpec
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret, Owner

DIGESTER = Digester(b"0123456789abcdef")
REF = Ref("shop", "db")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def raw_definition(name: str = "db", *, spec: Any = None, status: Any = None, **metadata: Any) -> Json:
    """A SecretDefinition as the API server sends it."""
    keys = {"password": {"path": "secret/data/db", "key": "password"}}
    body: Json = {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "5",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "generation": 1,
            **metadata,
        },
        "spec": {"name": name, "keysMap": keys} if spec is None else spec,
    }
    return body if status is None else {**body, "status": status}


def raw_secret(name: str = "db", *, data: Mapping[str, bytes] | None = None, **metadata: Any) -> Json:
    """A Secret as the API server sends it."""
    values = {"password": b"p"} if data is None else data
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-secret-{name}",
            "resourceVersion": "7",
            **metadata,
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }


def a_definition(name: str = "db", *, target: str = "db", uid: str = "", **more: Any) -> Definition:
    """A valid definition that wants the Secret ``target``."""
    spec = SecretSpec(
        secret_name=target, keys={"password": DataSource(path="secret/data/db", key="password")}
    )
    fields: dict[str, Any] = {"created": "2026-01-01T00:00:00Z", "generation": 1, "spec": spec, **more}
    return Definition(ref=Ref("shop", name), uid=uid or f"uid-{name}", secret_name=target, **fields)


def observed(name: str = "db", *, version: str = "7", uid: str = "", **more: Any) -> ObservedSecret:
    """A Secret as seen."""
    return ObservedSecret(
        ref=Ref("shop", name), uid=uid or f"uid-secret-{name}", resource_version=version, **more
    )


def owner(uid: str = "uid-db") -> Owner:
    """The owner mark of a definition."""
    return Owner(
        api_version="secrets-manager.tuenti.io/v1alpha1",
        kind="SecretDefinition",
        name="db",
        uid=uid,
        controller=False,
        block_owner_deletion=False,
    )


def desired(data: Mapping[str, bytes] | None = None, **more: Any) -> DesiredSecret:
    """A Secret as wanted."""
    values = {"password": b"p"} if data is None else data
    fields: dict[str, Any] = {"type": "Opaque", "owner": owner(), **more}
    return DesiredSecret(ref=REF, data=values, digests=DIGESTER.each(values), **fields)
