"""Objects of extreme form that a tenant may make: each disturbs itself at most."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.world import World, definition, raw_secret
from tests.testbed.kube_api import definitions, secrets

MARK = {"app.kubernetes.io/managed-by": "secrets-manager"}
API = "secrets-manager.tuenti.io/v1alpha1"
# The API server accepts ten thousand levels, and 1.5 MiB; each of these characters is six bytes in a reply.
LEVELS = 3_000
SIGNS = 1_480_000


def nested(body: dict[str, Any], api_version: str) -> bytes:
    """The object with managed fields of many levels, which every author may set on their own object."""
    entry = {"manager": "deep", "operation": "Update", "apiVersion": api_version, "fieldsType": "FieldsV1"}
    body["metadata"]["managedFields"] = [{**entry, "time": "2026-01-01T00:00:00Z", "fieldsV1": "deep"}]
    deep = '{"f:a":' * LEVELS + "{}" + "}" * LEVELS
    return json.dumps(body).replace('"fieldsV1": "deep"', f'"fieldsV1": {{"f:metadata": {deep}}}').encode()


def deep_definition(world: World, place: str) -> None:
    body = nested(definition("deep", world.keys("a")), API)
    world.cluster.api.post_text(definitions(place), body)


def deep_secret(world: World, place: str) -> None:
    body = nested(raw_secret("deep", {"a": "b"}, metadata={"labels": MARK}), "v1")
    world.cluster.api.post_text(secrets(place), body)


def long_secret(world: World, place: str) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "<" * SIGNS, "uid": "u"}
    metadata = {"labels": MARK, "ownerReferences": [owner]}
    world.cluster.api.post(secrets(place), raw_secret("long", {"a": "b"}, metadata=metadata))


EXTREMES = {
    "a definition that is nested deep": deep_definition,
    "a Secret that is nested deep": deep_secret,
    "a Secret that grows to six times its size in a reply": long_secret,
}


@pytest.mark.parametrize("when", ["before the start", "while it runs"])
@pytest.mark.parametrize("make", EXTREMES.values(), ids=EXTREMES)
def test_an_object_of_extreme_form_disturbs_no_other(world: World, make: Any, when: str) -> None:
    place, other = world.cluster.create_namespace(), world.cluster.create_namespace()
    world.write("app", a="1")
    if when == "before the start":
        make(world, place)
    with world.daemon(f"-watch-namespaces={place},{other}", "-reconcile-period=1s") as daemon:
        daemon.wait_ready()
        if when == "while it runs":
            make(world, place)
        for namespace in (place, other):
            world.define(namespace, "well", world.keys("a"))
            world.wait_data(namespace, "well", {"a": "1"})
            world.wait_reason(namespace, "well", "Synced")
        world.cluster.api.patch(secrets(place, "well"), {"data": {"a": "Mg=="}})
        world.wait_data(place, "well", {"a": "1"})
        assert daemon.metric("secrets_manager_secrets_read_by_name") == 0
        assert daemon.metric("secrets_manager_watches_replaced_by_lists") == 0
    world.cluster.delete_namespace(place)
