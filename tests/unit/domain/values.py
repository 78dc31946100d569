"""Domain values for tests: each valid and unremarkable but for what the test says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.domain.definition import DataSource, Definition, Ref, SecretSpec
from secrets_manager.domain.secret import (
    LAST_UPDATE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    DesiredSecret,
    Digester,
    ObservedSecret,
    Owner,
)

DIGESTER = Digester(b"a key of the tests" * 2)
TARGET = Ref("team", "app")
OURS = {MANAGED_BY_LABEL: MANAGED_BY}
UPDATED = {LAST_UPDATE: "2020-04-22T14.34.17Z"}


def owner(uid: str = "uid-1", name: str = "app") -> Owner:
    """The owner mark of a definition, as we write it."""
    return Owner(
        api_version="secrets-manager.tuenti.io/v1alpha1",
        kind="SecretDefinition",
        name=name,
        uid=uid,
        controller=False,
        block_owner_deletion=False,
    )


def foreign_owner(uid: str = "uid-x") -> Owner:
    """The owner mark of somebody else's controller."""
    return Owner(api_version="apps/v1", kind="Deployment", name="web", uid=uid, controller=True)


def definition(**changes: Any) -> Definition:
    """A definition of one key."""
    plain = Definition(
        ref=Ref("team", "app"),
        uid="uid-1",
        created="2026-01-01T00:00:00Z",
        generation=1,
        secret_name="app",
        spec=spec(),
    )
    return replace(plain, **changes)


def spec(**changes: Any) -> SecretSpec:
    """A spec of one key."""
    plain = SecretSpec(secret_name="app", keys={"user": DataSource(path="secret/data/app", key="user")})
    return replace(plain, **changes)


def desired(data: Mapping[str, bytes] | None = None, **changes: Any) -> DesiredSecret:
    """A Secret as it should be, of type Opaque, with ``data`` or one key."""
    data = {"user": b"alice"} if data is None else data
    plain = DesiredSecret(ref=TARGET, type="Opaque", data=data, digests=DIGESTER.each(data), owner=owner())
    return replace(plain, **changes)


def observed(data: Mapping[str, bytes] | None = None, **changes: Any) -> ObservedSecret:
    """A Secret as it is: that of ``desired()``, written by us."""
    data = {"user": b"alice"} if data is None else data
    plain = ObservedSecret(
        ref=TARGET,
        uid="secret-uid",
        resource_version="7",
        digests=DIGESTER.each(data),
        labels=OURS,
        annotations=UPDATED,
        owners=(owner(),),
    )
    return replace(plain, **changes)


def foreign(data: Mapping[str, bytes] | None = None, **changes: Any) -> ObservedSecret:
    """A Secret with no mark of ours."""
    return observed(data, **{"labels": {"team": "b"}, "annotations": {}, "owners": (), **changes})
