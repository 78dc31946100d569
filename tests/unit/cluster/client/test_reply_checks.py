"""A reply counts only if it is about the object that was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import AlreadyExists, Json, NotFound, WatchEvent
from secrets_manager.cluster.client.reply_checks import check_event, check_reply
from secrets_manager.cluster.client.status_errors import ApiCall, error_from_status
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden, NamespaceTerminating
from tests.unit.cluster.objects import raw_definition, raw_secret

ANOTHER = [
    ("kind", {"kind": "SecretDefinition"}),
    ("kind", {"kind": "Status"}),
    ("kind", {"kind": None}),
    ("namespace", {"metadata": {"namespace": "rivals"}}),
    ("namespace", {"metadata": {"namespace": None}}),
    ("name", {"metadata": {"name": "other"}}),
    ("name", {"metadata": {"name": ["db"]}}),
    ("uid", {"metadata": {"uid": "another"}}),
]


def altered(raw: Json, change: Json) -> Json:
    metadata = {**raw["metadata"], **change.get("metadata", {})}
    return {**raw, **change, "metadata": metadata}


def call(verb: str = "update", **changes: Any) -> ApiCall:
    about = {"resource": "secrets", "namespace": "shop", "name": "db", "uid": "uid-secret-db", **changes}
    return ApiCall(verb=verb, **about)


@pytest.mark.parametrize("verb", ["get", "update"])
@pytest.mark.parametrize(("field", "change"), ANOTHER)
def test_an_object_that_differs_in_anything_that_was_asked_for_is_no_answer(
    verb: str, field: str, change: Json
) -> None:
    assert check_reply(raw_secret(), call(verb)) == raw_secret()

    with pytest.raises(ClusterUnavailable, match=f"about another object \\(its {field} differs\\)") as told:
        check_reply(altered(raw_secret(), change), call(verb))
    assert "rivals" not in str(told.value)
    assert "other" not in str(told.value).replace("another", "")


def test_the_reply_to_a_write_of_a_status_is_about_the_definition() -> None:
    about = call(resource="secretdefinitions/status", uid="uid-db")

    assert check_reply(raw_definition(), about) == raw_definition()
    with pytest.raises(ClusterUnavailable, match="uid"):
        check_reply(raw_definition(uid="made-anew"), about)


def test_names_and_uids_that_the_api_server_chooses_may_be_anything() -> None:
    created = raw_secret("db-x7f", uid="new")

    assert check_reply(created, call("create", name="", uid="")) == created


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "Status", "status": "Success"},
        {"kind": "Status", "details": {"name": "db", "kind": "secrets", "uid": "uid-secret-db"}},
        {"kind": "Status", "details": {"name": "db", "kind": "secrets"}},
        {"kind": "Status", "details": "odd"},
    ],
)
def test_a_deletion_is_done_when_the_status_names_that_object_or_none(answer: Json) -> None:
    assert check_reply(answer, call("delete")) == answer


def test_a_deletion_may_be_answered_with_the_deleted_object() -> None:
    assert check_reply(raw_secret(), call("delete")) == raw_secret()
    with pytest.raises(ClusterUnavailable, match="uid"):
        check_reply(raw_secret(uid="another"), call("delete"))


@pytest.mark.parametrize("details", [{"name": "other"}, {"name": "db", "uid": "another"}])
def test_a_deletion_of_another_object_is_not_ours(details: Json) -> None:
    with pytest.raises(ClusterUnavailable, match="about another object"):
        check_reply({"kind": "Status", "details": {"kind": "secrets", **details}}, call("delete"))


def listed(*items: Json, kind: str = "SecretList") -> Json:
    return {"kind": kind, "metadata": {}, "items": list(items)}


def test_a_list_of_the_scope_is_taken_with_or_without_the_kind_of_its_items() -> None:
    bare = {name: value for name, value in raw_secret().items() if name not in ("kind", "apiVersion")}
    about = call("list", name="", uid="")

    assert check_reply(listed(bare, raw_secret("other")), about)
    assert check_reply(listed(), about)
    assert check_reply(
        listed(raw_secret(namespace="elsewhere")), call("list", name="", uid="", namespace=None)
    )


@pytest.mark.parametrize(
    "reply",
    [
        listed(kind="SecretDefinitionList"),
        listed(kind="ConfigMapList"),
        listed(raw_definition()),
        listed(raw_secret(), raw_secret(namespace="rivals")),
        listed(raw_secret(), {}),
    ],
    ids=["another list", "unknown list", "another kind", "another namespace", "no object"],
)
def test_a_list_with_a_foreign_object_is_refused_as_a_whole(reply: Json) -> None:
    with pytest.raises(ClusterUnavailable, match="about another object"):
        check_reply(reply, call("list", name="", uid=""))


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_an_event_of_a_watch_is_about_its_scope(kind: str) -> None:
    watching = call("watch", name="", uid="")

    assert check_event(WatchEvent(kind, raw_secret()), watching).object == raw_secret()
    for other in (raw_definition(), raw_secret(namespace="rivals"), {"kind": "Secret"}):
        with pytest.raises(ClusterUnavailable, match="about another object"):
            check_event(WatchEvent(kind, other), watching)


def test_a_bookmark_has_no_namespace() -> None:
    bookmark = WatchEvent("BOOKMARK", {"kind": "Secret", "metadata": {"resourceVersion": "9"}})

    assert check_event(bookmark, call("watch", name="", uid="")) == bookmark
    with pytest.raises(ClusterUnavailable, match="kind"):
        check_event(bookmark, call("watch", resource="secretdefinitions", name="", uid=""))


def refusal(name: str, kind: str = "secrets", **rest: Any) -> Json:
    return {"kind": "Status", "status": "Failure", "details": {"name": name, "kind": kind}, **rest}


def test_a_refusal_is_believed_when_it_names_the_object_of_the_call() -> None:
    gone, no_namespace = (refusal(*about, reason="NotFound") for about in (("db",), ("shop", "namespaces")))
    assert isinstance(error_from_status(404, gone, call("get"), None), NotFound)
    assert isinstance(error_from_status(404, no_namespace, call("create"), None), NamespaceTerminating)
    exists = refusal("db", reason="AlreadyExists")
    assert isinstance(error_from_status(409, exists, call("create"), None), AlreadyExists)
    denied = refusal("db", message='secrets "db" is forbidden: User "x" cannot get resource')
    assert isinstance(error_from_status(403, denied, call("get"), None), Forbidden)


@pytest.mark.parametrize("code", [403, 404, 409, 410, 422])
@pytest.mark.parametrize("kind", ["secrets", "Secret"])
def test_a_refusal_about_another_object_says_nothing_of_this(code: int, kind: str) -> None:
    error = error_from_status(code, refusal("other", kind), call("get"), None)

    assert type(error) is ClusterUnavailable
    assert "about another object" in error.message
