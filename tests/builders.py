"""What tests of every folder build: each valid and unremarkable but for what the test says."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.cluster.base import Json
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.definition import DataSource, Definition, Ref, SecretSpec
from secrets_manager.domain.errors import SecretsManagerError
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
CREATED = "2026-01-01T00:00:00Z"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def attempt(work: Callable[[], object]) -> SecretsManagerError | None:
    """The error of `work`, or None when it worked."""
    try:
        work()
    except SecretsManagerError as error:
        return error
    return None


def together(count: int, work: Callable[[], object]) -> list[object]:
    """What `work` gave in each of so many threads that start at once; an error is a result like any other."""
    results: list[object] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait(10)
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - as said
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


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
        created=CREATED,
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


def status(**changes: Any) -> Status:
    """The status of a definition in step; `changes` are of the status or of its condition."""
    condition = Condition(
        ready=True, reason="Synced", message="m", observed_generation=1, last_transition_time=CREATED
    )
    plain = Status(observed_generation=1, secret_name="app", condition=condition)
    of_condition = {name: changes.pop(name) for name in ("ready", "reason", "message") if name in changes}
    generation = changes.get("observed_generation", 1)
    return replace(
        plain, condition=replace(condition, observed_generation=generation, **of_condition), **changes
    )


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
            "creationTimestamp": CREATED,
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


def unborn(body: Json) -> Json:
    """The same as somebody applies it: without what the API server gives it."""
    given = ("uid", "resourceVersion")
    metadata = {name: value for name, value in body["metadata"].items() if name not in given}
    return {**body, "metadata": metadata}
