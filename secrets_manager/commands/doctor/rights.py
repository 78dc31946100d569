"""The rights that the daemon uses, in one table, which a test compares with config/rbac.

They are asked for by SelfSubjectAccessReviews, each by itself: nothing else says for certain what would be
allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.commands.doctor.findings import Finding, Level, counted, fail, named, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.daemon.assembly import lease_ref
from secrets_manager.daemon.web.doors import is_loopback
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ConfigError, Forbidden
from secrets_manager.domain.secret import DEFINITION_GROUP
from secrets_manager.settings import Settings

_CHECK = "rights"
_REVIEWS = Resource("apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False)
_WHO = Resource("apis/authentication.k8s.io/v1", "selfsubjectreviews", namespaced=False)
_ACCOUNT = "system:serviceaccount:"
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Verbs on a kind of object, what a daemon without them does, and what in the repository grants them."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    level: Level
    without: str
    granted_by: str = "config/rbac"


ROLE: tuple[Right, ...] = (
    Right(
        group=DEFINITION_GROUP,
        resource="secretdefinitions",
        verbs=("get", "list", "watch"),
        level=Level.FAIL,
        without="it does not see the definitions",
    ),
    Right(
        group=DEFINITION_GROUP,
        resource="secretdefinitions",
        verbs=("update",),
        level=Level.WARN,
        without="the finalizer of older releases keeps definitions from being deleted",
    ),
    Right(
        group=DEFINITION_GROUP,
        resource="secretdefinitions/status",
        verbs=("update",),
        level=Level.WARN,
        without="no condition says how a definition is",
    ),
    Right(
        group="",
        resource="secrets",
        verbs=("get", "create", "update", "delete"),
        level=Level.FAIL,
        without="it cannot keep Secrets in step",
    ),
    Right(
        group="",
        resource="secrets",
        verbs=("list", "watch"),
        level=Level.WARN,
        without="each Secret is read by name once a period, and a change by hand is found as late",
    ),
    Right(group="", resource="events", verbs=("create",), level=Level.WARN, without="no Events are recorded"),
)
_LEASES = "coordination.k8s.io"
_NO_LEAD = "no replica can lead, and none works"
ELECTION: tuple[Right, ...] = (
    Right(group=_LEASES, resource="leases", verbs=("create",), level=Level.FAIL, without=_NO_LEAD),
)
ELECTION_BY_NAME: tuple[Right, ...] = (
    Right(
        group=_LEASES,
        resource="leases",
        verbs=("get", "update", "delete"),
        level=Level.FAIL,
        without=_NO_LEAD,
    ),
)
_NO_RESTART = "workloads are not restarted, as definitions wish"
RESTART: tuple[Right, ...] = tuple(
    Right(
        group=group,
        resource=resource,
        verbs=("get", "list", "patch"),
        level=level,
        without=_NO_RESTART,
        granted_by="config/components/restart",
    )
    for group, resource, level in (
        ("apps", "deployments", Level.FAIL),
        ("apps", "statefulsets", Level.FAIL),
        ("apps", "daemonsets", Level.FAIL),
        ("argoproj.io", "rollouts", Level.WARN),
    )
)
_NOBODY = "the status page lets nobody in"
STATUS_PAGE: tuple[Right, ...] = tuple(
    Right(
        group=group,
        resource=resource,
        verbs=("create",),
        level=Level.FAIL,
        without=_NOBODY,
        granted_by="config/components/status-page",
    )
    for group, resource in (
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    )
)


@dataclass(frozen=True, slots=True)
class _Question:
    right: Right
    verb: str
    # None for all of them.
    namespace: str | None
    name: str = ""


def look_at_rights(patient: Patient) -> Iterator[Finding]:
    """Which rights are missing where the daemon works."""
    who = _who(patient)
    if not who.startswith(_ACCOUNT):
        yield warn(
            _CHECK,
            f"these are the rights of {who or 'you'}, and not those of the daemon",
            f"ask for its account with --as {_ACCOUNT}{patient.namespace}:secrets-manager",
        )
    questions = list(_questions(patient))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda each: _may(patient.reviewer, each), questions))
    missing = [each for each, may in zip(questions, answers, strict=True) if not may]
    yield from _missing(missing)
    if not missing:
        yield ok(
            _CHECK, f"{who or 'the daemon'} has all {counted(len(questions), 'right')} that the daemon uses"
        )


def _who(patient: Patient) -> str:
    if patient.as_user:
        return patient.as_user
    body: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    found = patient.api.create(_WHO, "", body).get("status", {}).get("userInfo", {})
    return str(found.get("username", ""))


def _questions(patient: Patient) -> Iterator[_Question]:
    wanted = [*ROLE, *(RESTART if _restarts(patient) else ())]
    for namespace in patient.scope:
        for right in wanted:
            yield from (_Question(right, verb, namespace) for verb in right.verbs)
    for right in STATUS_PAGE if _reviews(patient) else ():
        yield from (_Question(right, verb, None) for verb in right.verbs)
    if patient.settings.election.enabled:
        lease = lease_of(patient)
        for right in ELECTION:
            yield from (_Question(right, verb, lease.namespace) for verb in right.verbs)
        for right in ELECTION_BY_NAME:
            yield from (_Question(right, verb, lease.namespace, lease.name) for verb in right.verbs)


def _reviews(patient: Patient) -> bool:
    """Whether the daemon asks who those are that ask for its status page."""
    address = patient.settings.status_page.address
    return address is not None and not is_loopback(address.host)


def _restarts(patient: Patient) -> bool:
    try:
        return patient.estate().restarting
    except Exception:  # noqa: BLE001 - another finding tells it
        return False


def lease_of(patient: Patient) -> Ref:
    """The Lease of the settings; outside of a pod it is thought to be where the daemon is."""
    return lease_near(patient.settings, patient.namespace)


def lease_near(settings: Settings, namespace: str) -> Ref:
    """The Lease of the settings; it is in that namespace where nothing says another."""
    try:
        return lease_ref(settings)
    except ConfigError:
        return Ref(namespace, settings.election.lease_name)


def _may(api: HttpKubernetesApi, asked: _Question) -> bool:
    plural, _, subresource = asked.right.resource.partition("/")
    attributes = {
        "verb": asked.verb,
        "group": asked.right.group,
        "resource": plural,
        "subresource": subresource,
        "namespace": asked.namespace or "",
        "name": asked.name,
    }
    body: Json = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        return allowed(api.create(_REVIEWS, "", body))
    except Forbidden as error:
        raise Forbidden(f"you may not ask for the rights of another: {error.message}") from None


def allowed(reviewed: Json) -> bool:
    """What the API server said to a review."""
    status = reviewed.get("status")
    return isinstance(status, dict) and status.get("allowed") is True


def _missing(missing: Sequence[_Question]) -> Iterator[Finding]:
    """One finding for each right, wherever it is missing."""
    found: dict[Right, tuple[dict[str, None], dict[str, None]]] = {}
    for each in missing:
        verbs, places = found.setdefault(each.right, ({}, {}))
        verbs[each.verb] = None
        places[each.namespace or "all namespaces"] = None
    for right, (verbs, places) in found.items():
        what = f"may not {', '.join(verbs)} {right.resource} in {named(places)}: {right.without}"
        group = f" of {right.group}" if right.group else ""
        advice = f"grant {', '.join(verbs)} on {right.resource}{group}, as {right.granted_by} does"
        yield (fail if right.level is Level.FAIL else warn)(_CHECK, what, advice)
