"""Gathers what is known of one definition: from the cluster, and from the settings of a daemon if given.

Of the Secret the metadata is read, which has the names of its keys and no value. What the user may not read
is left out, and said to be unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import (
    DEFINITIONS,
    EVENTS,
    SECRET_METADATA,
    Json,
    KubernetesApi,
    NotFound,
    Scope,
)
from secrets_manager.commands.faults import told
from secrets_manager.commands.listing import read
from secrets_manager.commands.verdicts import Judge
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.secret import DEFINITION_KIND

_MOST_EVENTS = 5
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be read, and why, as the end of a sentence."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An Event about the definition."""

    at: str
    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that an explanation is made of.

    Attributes:
        rivals: other definitions that want the same Secret, the eldest first.
        secret: the metadata of the Secret; {} where there is none.
        events: the newest last.
        judge: asks the policy of a daemon; None where no settings were given.

    """

    wanting: Definition
    status: Status | None
    rivals: tuple[Definition, ...] | Unknown
    secret: Json | Unknown = field(repr=False)
    events: tuple[Told, ...] | Unknown
    judge: Judge | None
    now: datetime


def gather(api: KubernetesApi, ref: Ref, judge: Judge | None, now: datetime) -> Facts:
    """Read all of it; raises NoSuchObject, and what the API raises."""
    raw = read(api, ref)
    wanting = manifests.definition(raw)
    return Facts(
        wanting=wanting,
        status=manifests.status(raw),
        rivals=_known(lambda: _rivals(api, wanting)),
        secret=_known(lambda: _secret(api, wanting)),
        events=_known(lambda: _events(api, wanting)),
        judge=judge,
        now=now,
    )


def _known(ask: Callable[[], _Found]) -> _Found | Unknown:
    """What is found; a Secret that cannot be decrypted, say, is no reason to explain nothing."""
    try:
        return ask()
    except SecretsManagerError as error:
        return Unknown(told(error).partition("; ")[0])


def _rivals(api: KubernetesApi, wanting: Definition) -> tuple[Definition, ...]:
    if wanting.target is None:
        return ()
    scope = Scope(resource=DEFINITIONS, namespace=wanting.ref.namespace)
    listed = (manifests.definition(raw) for page in api.pages(scope) for raw in page.items)
    claims = [
        each
        for each in listed
        if each.target == wanting.target and each.uid != wanting.uid and not each.deleting
    ]
    return tuple(sorted(claims, key=lambda each: each.seniority))


def _secret(api: KubernetesApi, wanting: Definition) -> Json:
    if wanting.target is None:
        return {}
    try:
        return api.get(SECRET_METADATA, wanting.target)
    except NotFound:
        return {}


def _events(api: KubernetesApi, wanting: Definition) -> tuple[Told, ...]:
    fields = {
        "involvedObject.kind": DEFINITION_KIND,
        "involvedObject.name": wanting.ref.name,
        "involvedObject.uid": wanting.uid,
    }
    selector = ",".join(f"{name}={value}" for name, value in fields.items())
    scope = Scope(resource=EVENTS, namespace=wanting.ref.namespace, fields=selector)
    found = [_told(raw) for page in api.pages(scope) for raw in page.items]
    return tuple(sorted(found, key=lambda event: event.at)[-_MOST_EVENTS:])


def _told(raw: Json) -> Told:
    return Told(
        at=str(raw.get("lastTimestamp") or raw.get("eventTime") or ""),
        warning=raw.get("type") == "Warning",
        reason=str(raw.get("reason", "")),
        message=str(raw.get("message", "")),
    )
