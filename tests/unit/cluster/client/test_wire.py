"""Requests and replies of the API server as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Expired, Scope
from secrets_manager.cluster.client.status_errors import ApiCall
from secrets_manager.cluster.client.wire import (
    is_json,
    json_object,
    kubernetes_object,
    object_path,
    page,
    scope_path,
    watch_event,
)
from secrets_manager.domain.errors import ClusterUnavailable

CALL = ApiCall(verb="list", resource="secrets", namespace="shop")


def test_paths_are_those_of_the_api() -> None:
    group = "/apis/secrets-manager.tuenti.io/v1alpha1"

    assert object_path(SECRETS, "shop") == "/api/v1/namespaces/shop/secrets"
    assert object_path(SECRETS, "shop", "db") == "/api/v1/namespaces/shop/secrets/db"
    assert (
        object_path(DEFINITIONS, "shop", "db", "status")
        == f"{group}/namespaces/shop/secretdefinitions/db/status"
    )
    assert scope_path(Scope(resource=DEFINITIONS), {"limit": "5"}) == f"{group}/secretdefinitions?limit=5"


def test_a_name_cannot_leave_its_place_in_the_path() -> None:
    assert object_path(SECRETS, "a/b", "../x?y") == "/api/v1/namespaces/a%2Fb/secrets/..%2Fx%3Fy"


def test_a_selector_goes_into_the_query() -> None:
    scope = Scope(resource=SECRETS, namespace="shop", selector="a/b=c")

    assert scope_path(scope, {"watch": "true"}).endswith("?watch=true&labelSelector=a%2Fb%3Dc")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"a"', b"null", b"{", b'{"a":'])
def test_a_body_that_is_no_json_object_reads_as_an_empty_one(body: bytes) -> None:
    assert json_object(body) == {}


DEEP = b'{"f:a":' * 5_000 + b"{}" + b"}" * 5_000


def test_an_object_that_is_nested_too_deep_hides_no_other_of_its_list() -> None:
    metadata = b'{"name":"deep","managedFields":[{"fieldsV1":%b}]}' % DEEP
    body = b'{"kind":"SecretList","items":[{"metadata":%b},{"metadata":{"name":"b"}}]}' % metadata

    found, _ = page(kubernetes_object(body, CALL), CALL)

    assert [item["metadata"]["name"] for item in found.items] == ["deep", "b"]


def test_an_object_that_is_nested_too_deep_ends_no_watch() -> None:
    line = b'{"type":"ADDED","object":{"spec":{"more":%b},"metadata":{"name":"deep"}}}' % DEEP

    assert watch_event(line, CALL).object["metadata"] == {"name": "deep"}


@pytest.mark.parametrize(
    "body",
    [b"<html>Welcome</html>", b"{}", b'{"status":"ok"}', b'{"kind":3}', b'{"kind":"A","metadata":"b"}'],
)
def test_a_reply_that_is_not_the_api_servers_is_no_object(body: bytes) -> None:
    with pytest.raises(ClusterUnavailable, match="not a Kubernetes object: list secrets in namespace 'shop'"):
        kubernetes_object(body, CALL)


def test_a_page_holds_items_version_and_the_way_to_the_next() -> None:
    reply = {
        "kind": "SecretList",
        "metadata": {"resourceVersion": "7", "continue": "token"},
        "items": [{"metadata": {}}],
    }
    some, more = page(reply, CALL)

    assert (some.items, some.resource_version, more) == ([{"metadata": {}}], "7", "token")


@pytest.mark.parametrize("metadata", [{"resourceVersion": "7"}, {"resourceVersion": "7", "continue": ""}])
def test_the_last_page_has_no_next_and_null_items_are_none(metadata: dict[str, str]) -> None:
    some, more = page({"kind": "SecretList", "metadata": metadata, "items": None}, CALL)

    assert (some.items, more) == ([], "")


@pytest.mark.parametrize("reply", [{"kind": "Secret"}, {"kind": "SecretList", "items": "none"}])
def test_a_reply_that_is_no_list_is_not_taken_for_an_empty_one(reply: dict[str, Any]) -> None:
    with pytest.raises(ClusterUnavailable):
        page(reply, CALL)


def test_a_line_of_a_watch_is_an_event() -> None:
    event = watch_event(b'{"type":"ADDED","object":{"kind":"Secret"}}', CALL)

    assert (event.type, event.object) == ("ADDED", {"kind": "Secret"})


@pytest.mark.parametrize(
    "line",
    [b'{"type":"ADDED","obj', b"{}", b'{"type":"ADDED"}', b'{"object":{}}', b'{"type":"A","object":3}'],
)
def test_a_line_that_is_no_event_ends_the_watch(line: bytes) -> None:
    with pytest.raises(ClusterUnavailable):
        watch_event(line, CALL)


@pytest.mark.parametrize(
    ("obj", "kind"), [({"code": 410}, Expired), ({"code": 500}, ClusterUnavailable), ({}, ClusterUnavailable)]
)
def test_an_error_in_the_stream_is_raised_as_what_it_is(obj: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        watch_event(json.dumps({"type": "ERROR", "object": obj}).encode(), CALL)


@pytest.mark.parametrize(
    ("headers", "plain"),
    [
        ({"Content-Type": "application/json"}, True),
        ({"Content-Type": "application/json;charset=utf-8", "Content-Encoding": "identity"}, True),
        ({"Content-Type": "text/html"}, False),
        ({}, False),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, False),
    ],
)
def test_only_plain_json_can_be_a_watch(headers: dict[str, str], plain: bool) -> None:  # noqa: FBT001
    assert is_json(headers) is plain
