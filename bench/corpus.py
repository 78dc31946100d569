"""The definitions of a run and the values they name, put on the servers; and whether the Secrets match them.

Knows nothing of the daemon.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from bench.bulk import Call, Server, send_all
from bench.plans import Plan, Source, Wish
from tests.testbed.bed import Bed
from tests.testbed.kube_api import definitions, namespaces, secrets
from tests.testbed.waiting import wait_until

# So small that a page of the largest Secrets stays below 100 MB.
_PAGE = 100
_API_VERSION = "secrets-manager.tuenti.io/v1alpha1"


class Getter(Protocol):
    """The one call that a check needs of a KubeApi."""

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """The object at `path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One definition as the API server took it; `version` is its resourceVersion when it was made."""

    wish: Wish
    uid: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A plan that is on the servers."""

    plan: Plan
    items: Sequence[Item]

    def check(self, api: Getter) -> None:
        """As check_secrets, of its own plan."""
        check_secrets(self.plan, api)


def check_secrets(plan: Plan, api: Getter) -> None:
    """AssertionError if a Secret is missing or does not hold exactly the values of its definition."""
    found = {
        (namespace, each["metadata"]["name"]): each.get("data")
        for namespace in plan.namespaces
        for each in pages(api, secrets(namespace))
    }
    wrong = [
        wish.name for wish in plan.wishes if found.get((wish.namespace, wish.name)) != encode(plan.data(wish))
    ]
    assert not wrong, f"{len(wrong)} Secrets are not as defined, {wrong[0]} for one"


def seed(bed: Bed, plan: Plan) -> Corpus:
    """Make the namespaces, the KV2 paths with their values, and the definitions."""
    prepare(bed, plan)
    made = send_all(api_server(bed), [definition_call(wish) for wish in plan.wishes])
    items = [
        Item(wish=wish, uid=each["metadata"]["uid"], version=each["metadata"]["resourceVersion"])
        for wish, each in zip(plan.wishes, made, strict=True)
    ]
    return Corpus(plan=plan, items=items)


def prepare(bed: Bed, plan: Plan) -> None:
    """All of a plan except for its definitions."""
    send_all(api_server(bed), [namespace_call(name) for name in plan.namespaces])
    send_all(backend(bed), [write_call(path, values) for path, values in plan.values.items()])


def clear(bed: Bed, plan: Plan) -> None:
    """Delete all definitions and Secrets of a plan's namespaces; returns when none is left."""
    paths = [kind(namespace) for namespace in plan.namespaces for kind in (definitions, secrets)]
    send_all(api_server(bed), [Call(method="DELETE", path=path) for path in paths])
    for path in paths:
        wait_until(partial(_is_empty, bed.cluster.api, path), what=f"{path} is empty")


def api_server(bed: Bed) -> Server:
    """The API server, as its admin."""
    headers = {"Authorization": f"Bearer {bed.cluster.admin_token}"}
    return Server(url=bed.cluster.url, headers=headers, ca_file=bed.cluster.ca_file)


def backend(bed: Bed) -> Server:
    """OpenBao, as root."""
    return Server(url=bed.openbao.url, headers={"X-Vault-Token": bed.openbao.root_token})


def namespace_call(namespace: str) -> Call:
    """The call that makes a namespace."""
    return Call(method="POST", path=namespaces(), body=_named(namespace))


def write_call(path: str, values: Mapping[str, object]) -> Call:
    """The call that gives a KV2 path these values."""
    return Call(method="POST", path=f"/v1/{path}", body={"data": dict(values)})


def definition_call(wish: Wish) -> Call:
    """The call that makes a definition."""
    return Call(method="POST", path=definitions(wish.namespace), body=definition(wish))


def definition(wish: Wish) -> dict[str, Any]:
    """The SecretDefinition of a wish, as a user would write it."""
    keys = {key: _entry(source) for key, source in wish.keys.items()}
    data = wish.spec or {"keysMap": keys}
    typed = {"type": wish.type} if wish.type else {}
    return {
        "apiVersion": _API_VERSION,
        "kind": "SecretDefinition",
        **_named(wish.name),
        "spec": {"name": wish.name, **data, **typed},
    }


def encode(values: Mapping[str, str]) -> dict[str, str]:
    """Values as a Secret holds them."""
    return {key: b64encode(value.encode()).decode() for key, value in values.items()}


def pages(api: Getter, path: str) -> Iterator[dict[str, Any]]:
    """The items of a list, taken in pages."""
    query: dict[str, object] = {"limit": _PAGE}
    while True:
        page = api.get(path, **query)
        yield from page["items"]
        following = page["metadata"].get("continue")
        if not following:
            return
        query["continue"] = following


def _is_empty(api: Getter, path: str) -> bool:
    return not api.get(path, limit=1)["items"]


def _entry(source: Source) -> dict[str, str]:
    encoded_as = {"encoding": source.encoding} if source.encoding else {}
    return {"path": source.path, "key": source.key, **encoded_as}


def _named(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}
