"""Puts an estate with sick definitions on the servers, and checks how each ended.

Knows nothing of the daemon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.bulk import Call, send_all
from bench.corpus import (
    Getter,
    api_server,
    backend,
    check_secrets,
    definition_call,
    namespace_call,
    pages,
    write_call,
)
from bench.plans import MOUNT, Wish
from bench.poison import Estate, Undoing
from tests.testbed.bed import Bed
from tests.testbed.kube_api import definitions, secrets

_DATA = f"{MOUNT}data/"
# Namespace and name.
Key = tuple[str, str]


def admit(bed: Bed, estate: Estate) -> None:
    """Make the namespaces, which must be new, the values in the backend, and the definitions."""
    send_all(api_server(bed), [namespace_call(name) for name in estate.namespaces])
    held: Mapping[str, Mapping[str, object]] = {**estate.healthy.values, **estate.stored}
    send_all(backend(bed), [write_call(path, values) for path, values in held.items()])
    send_all(backend(bed), [_deletion_call(path) for path in estate.undone(Undoing.DELETED)])
    send_all(backend(bed), [_destruction_call(path) for path in estate.undone(Undoing.DESTROYED)])
    send_all(api_server(bed), [definition_call(wish) for wish in estate.wishes])


def check_estate(estate: Estate, api: Getter) -> None:
    """AssertionError unless healthy definitions have Secrets, and sick ones their reasons and no Secret."""
    check_secrets(estate.healthy, api)
    reasons = {key: _ready(item) for key, item in _listed(estate, api, definitions).items()}
    wrong = {key: reasons.get(key) for key, wanted in _wanted(estate).items() if reasons.get(key) != wanted}
    assert not wrong, (
        f"{len(wrong)} conditions are not as they should be, for one {next(iter(wrong.items()))}"
    )
    made = _listed(estate, api, secrets).keys() & {_key(each.wish) for each in estate.sick}
    assert not made, f"{len(made)} sick definitions have a Secret, {next(iter(made))} for one"


def _wanted(estate: Estate) -> dict[Key, tuple[str, str]]:
    healthy = {_key(wish): ("True", "Synced") for wish in estate.healthy.wishes}
    return {**healthy, **{_key(each.wish): ("False", each.poison.reason) for each in estate.sick}}


def _listed(estate: Estate, api: Getter, collection: Callable[[str], str]) -> dict[Key, dict[str, Any]]:
    return {
        (namespace, item["metadata"]["name"]): item
        for namespace in estate.namespaces
        for item in pages(api, collection(namespace))
    }


def _key(wish: Wish) -> Key:
    return wish.namespace, wish.name


def _ready(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """Status and reason of the Ready condition; None without one."""
    conditions = item.get("status", {}).get("conditions", [])
    found = [(each["status"], each["reason"]) for each in conditions if each["type"] == "Ready"]
    return found[0] if found else None


def _deletion_call(path: str) -> Call:
    return Call(method="DELETE", path=f"/v1/{path}")


def _destruction_call(path: str) -> Call:
    name = path.removeprefix(_DATA)
    return Call(method="PUT", path=f"/v1/{MOUNT}destroy/{name}", body={"versions": [1]})
