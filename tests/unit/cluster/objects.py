"""Objects that the tests of this folder share: all in one namespace, about one definition and its Secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secrets_manager.domain.definition import DataSource, Definition, Ref
from secrets_manager.domain.secret import DesiredSecret, ObservedSecret, Owner
from tests import builders
from tests.builders import DIGESTER, Clock, raw_definition, raw_secret, unborn

__all__ = [
    "DIGESTER",
    "REF",
    "Clock",
    "a_definition",
    "desired",
    "observed",
    "owner",
    "raw_definition",
    "raw_secret",
    "unborn",
]

REF = Ref("shop", "db")


def a_definition(name: str = "db", *, target: str = "db", uid: str = "", **more: Any) -> Definition:
    """A valid definition that wants the Secret ``target``."""
    keys = {"password": DataSource(path="secret/data/db", key="password")}
    spec = builders.spec(secret_name=target, keys=keys)
    fields = {"uid": uid or f"uid-{name}", "secret_name": target, "spec": spec, **more}
    return builders.definition(ref=Ref("shop", name), **fields)


def observed(name: str = "db", *, version: str = "7", uid: str = "", **more: Any) -> ObservedSecret:
    """A Secret as seen, without marks."""
    uid = uid or f"uid-secret-{name}"
    return ObservedSecret(ref=Ref("shop", name), uid=uid, resource_version=version, **more)


def owner(uid: str = "uid-db") -> Owner:
    """The owner mark of a definition."""
    return builders.owner(uid, "db")


def desired(data: Mapping[str, bytes] | None = None, **more: Any) -> DesiredSecret:
    """A Secret as wanted."""
    data = {"password": b"p"} if data is None else data
    return builders.desired(data, **{"ref": REF, "owner": owner(), **more})
