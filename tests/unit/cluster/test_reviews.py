"""What the API server is asked about a token and its owner, and which answers are believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.reviews import ACCESS_REVIEWS, TOKEN_REVIEWS, ClusterReviews, User
from secrets_manager.domain.errors import ClusterUnavailable

USER = {"username": "ana", "uid": "1", "groups": ["dev", 7], "extra": {"scope": ["read"], "odd": "x"}}


class Answering(MemoryCluster):
    """An API server that gives reviews the answer of a test."""

    def __init__(self, answer: Callable[[Json], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[Resource, str, Json]] = []

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        self.asked.append((resource, namespace, body))
        return {**body, "metadata": {}, **self.answer(body)}


def reviews(status: Any, audience: str = "") -> tuple[ClusterReviews, Answering]:
    api = Answering(lambda _: {"status": status})
    return ClusterReviews(api, audience), api


def test_a_token_is_reviewed_and_its_owner_known() -> None:
    asking, api = reviews({"authenticated": True, "user": USER, "audiences": ["https://kubernetes"]})
    owner = asking.owner_of("a-token")

    assert owner == User(name="ana", uid="1", groups=("dev",), extra={"scope": ("read",), "odd": ()})
    ((resource, namespace, body),) = api.asked
    assert (resource, namespace) == (TOKEN_REVIEWS, "")
    assert body == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": "a-token"},
    }


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        [],
        {"authenticated": False, "user": USER},
        {"authenticated": "true", "user": USER},
        {"authenticated": True},
        {"authenticated": True, "user": {"username": ""}},
        {"authenticated": True, "user": {"username": 5}},
    ],
)
def test_without_a_plain_yes_and_a_name_nobody_is_known(status: Any) -> None:
    assert reviews(status)[0].owner_of("a-token") is None


def test_an_audience_is_asked_for_and_has_to_be_in_the_answer() -> None:
    said = {"authenticated": True, "user": USER}
    asking, api = reviews({**said, "audiences": ["page"]}, audience="page")
    assert asking.owner_of("t") is not None
    assert api.asked[0][2]["spec"] == {"token": "t", "audiences": ["page"]}

    for audiences in (None, [], ["other"], "page"):
        assert reviews({**said, "audiences": audiences}, audience="page")[0].owner_of("t") is None


def test_the_right_to_list_is_asked_for_the_user_as_the_token_said() -> None:
    user = User(name="ana", uid="1", groups=("dev",), extra={"scope": ("read",)})
    asking, api = reviews({"allowed": True})
    assert asking.may_list(user, "shop")
    assert asking.may_list(User(name="bob"), None)

    attributes = {"verb": "list", "group": "secrets-manager.tuenti.io", "resource": "secretdefinitions"}
    assert [(resource, body["spec"]) for resource, _, body in api.asked] == [
        (
            ACCESS_REVIEWS,
            {
                "user": "ana",
                "uid": "1",
                "groups": ["dev"],
                "extra": {"scope": ["read"]},
                "resourceAttributes": {**attributes, "namespace": "shop"},
            },
        ),
        (ACCESS_REVIEWS, {"user": "bob", "resourceAttributes": attributes}),
    ]


NOT_A_PLAIN_YES = [None, {}, {"allowed": False}, {"allowed": "yes"}, {"allowed": True, "denied": True}]


@pytest.mark.parametrize("status", NOT_A_PLAIN_YES)
def test_without_a_plain_yes_nothing_is_allowed(status: Any) -> None:
    assert not reviews(status)[0].may_list(User(name="ana"), None)


OF_ANOTHER_CALL = [{"kind": "Status"}, {"spec": {"token": "of somebody else"}}, {"spec": None}]


@pytest.mark.parametrize("change", OF_ANOTHER_CALL)
def test_an_answer_to_another_question_is_none(change: Json) -> None:
    api = Answering(lambda _: {"status": {"authenticated": True, "user": USER, "allowed": True}, **change})
    asking = ClusterReviews(api)

    with pytest.raises(ClusterUnavailable, match="about another question") as caught:
        asking.owner_of("canary-4711")
    assert "canary-4711" not in str(caught.value)
    with pytest.raises(ClusterUnavailable, match="about another question"):
        asking.may_list(User(name="ana"), None)
