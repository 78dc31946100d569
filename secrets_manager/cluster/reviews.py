"""Who a token belongs to, and what its owner may do, as the API server says.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/

A wrong yes would show somebody what is not theirs. So each reply has to repeat the question: one that belongs
to another call counts as none. Nothing is remembered here, and no text has a token in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from secrets_manager.cluster.base import DEFINITIONS, Json, KubernetesApi, Resource
from secrets_manager.domain.errors import ClusterUnavailable

TOKEN_REVIEWS = Resource("apis/authentication.k8s.io/v1", "tokenreviews", namespaced=False)
ACCESS_REVIEWS = Resource("apis/authorization.k8s.io/v1", "subjectaccessreviews", namespaced=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody as the API server knows them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Reviews(Protocol):
    """What is asked. Each method makes one call and raises what `KubernetesApi.create` raises."""

    def owner_of(self, token: str) -> User | None:
        """Whose token it is; None if the API server does not accept it."""

    def may_list(self, user: User, namespace: str | None) -> bool:
        """Whether somebody may list the SecretDefinitions of a namespace; None is of all of them."""


class ClusterReviews:
    """Reviews by an API server; tokens are for ``audience``, "" for that of the API server."""

    def __init__(self, api: KubernetesApi, audience: str = "") -> None:
        self._api = api
        self._audience = audience

    def owner_of(self, token: str) -> User | None:
        """Whose token it is; None if the API server does not accept it."""
        audiences = {"audiences": [self._audience]} if self._audience else {}
        spec: Json = {"token": token, **audiences}
        status = self._ask(TOKEN_REVIEWS, "TokenReview", spec)
        if status.get("authenticated") is not True or not self._is_for_us(status):
            return None
        return _user(_map(status.get("user")))

    def may_list(self, user: User, namespace: str | None) -> bool:
        """Whether somebody may list the SecretDefinitions of a namespace; None is of all of them."""
        attributes = {
            "verb": "list",
            "group": DEFINITIONS.prefix.split("/")[1],
            "resource": DEFINITIONS.plural,
            **({"namespace": namespace} if namespace else {}),
        }
        spec: Json = {
            "user": user.name,
            "resourceAttributes": attributes,
            **({"uid": user.uid} if user.uid else {}),
            **({"groups": list(user.groups)} if user.groups else {}),
            **({"extra": {name: list(texts) for name, texts in user.extra.items()}} if user.extra else {}),
        }
        status = self._ask(ACCESS_REVIEWS, "SubjectAccessReview", spec)
        return status.get("allowed") is True and status.get("denied") is not True

    def _is_for_us(self, status: Mapping[str, Any]) -> bool:
        """Whether an API server that knows audiences found ours; one that does not would accept any."""
        found = status.get("audiences")
        return not self._audience or (isinstance(found, list) and self._audience in found)

    def _ask(self, resource: Resource, kind: str, spec: Json) -> dict[str, Any]:
        body = {"apiVersion": resource.prefix.removeprefix("apis/"), "kind": kind, "spec": spec}
        reply = self._api.create(resource, "", body)
        if reply.get("kind") != kind or _map(reply.get("spec")) != spec:
            raise ClusterUnavailable(f"the reply is about another question: create {resource.plural}")
        return _map(reply.get("status"))


def _user(raw: Mapping[str, Any]) -> User | None:
    name = raw.get("username")
    if not isinstance(name, str) or not name:
        return None
    uid = raw.get("uid")
    return User(
        name=name,
        uid=uid if isinstance(uid, str) else "",
        groups=_texts(raw.get("groups")),
        extra={key: _texts(value) for key, value in _map(raw.get("extra")).items()},
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
