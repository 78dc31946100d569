"""The definitions of a run and the values they name, put on the servers; and whether the Secrets match them.

Knows nothing of the daemon.
"""

from __future__ import annotations

import secrets as random_source
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.testbed.bed import Bed
from tests.testbed.kube_api import definitions, secrets

MOUNT = "secret/"
_WRITERS = 4
_API_VERSION = "secrets-manager.tuenti.io/v1alpha1"


class Lister(Protocol):
    """The one call that a check needs of a KubeApi."""

    def list(self, path: str, **query: object) -> list[dict[str, Any]]:
        """The items of the list at `path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One definition with a backend path of its own, as the servers took it.

    `version` is the definition's resourceVersion when it was made.
    """

    name: str
    path: str
    uid: str
    version: str
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Definitions in one namespace; each wants a Secret of its own name with two keys from its own path."""

    namespace: str
    items: Sequence[Item]

    def check(self, api: Lister) -> None:
        """AssertionError if a Secret is missing or does not hold exactly the values of its definition."""
        found = {each["metadata"]["name"]: each.get("data") for each in api.list(secrets(self.namespace))}
        wrong = [item.name for item in self.items if found.get(item.name) != _encoded(item.values)]
        assert not wrong, f"{len(wrong)} Secrets are not as defined, {wrong[0]} for one"


def seed(bed: Bed, namespace: str, count: int) -> Corpus:
    """Make the namespace, `count` KV2 paths of two keys, and a definition for each."""
    bed.cluster.create_namespace(namespace)
    with ThreadPoolExecutor(_WRITERS) as pool:
        made = pool.map(lambda number: _seed_one(bed, namespace, f"app-{number:05d}"), range(count))
        return Corpus(namespace=namespace, items=tuple(made))


def _seed_one(bed: Bed, namespace: str, name: str) -> Item:
    path = f"{MOUNT}data/{namespace}/{name}"
    values = {"username": f"user-of-{name}", "password": random_source.token_urlsafe(18)}
    bed.openbao.request("POST", path, {"data": values})
    metadata = bed.cluster.api.post(definitions(namespace), definition(name, path))["metadata"]
    return Item(name=name, path=path, uid=metadata["uid"], version=metadata["resourceVersion"], values=values)


def definition(name: str, path: str) -> dict[str, Any]:
    """A SecretDefinition of two keys from one path."""
    keys = {key: {"path": path, "key": key} for key in ("username", "password")}
    return {
        "apiVersion": _API_VERSION,
        "kind": "SecretDefinition",
        "metadata": {"name": name},
        "spec": {"name": name, "keysMap": keys},
    }


def _encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in values.items()}
