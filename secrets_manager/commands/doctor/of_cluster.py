"""The API server: whether it answers, whose clock is right, and whether it has our CRD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from secrets_manager import __version__
from secrets_manager.commands.doctor.findings import Finding, Level, fail, named, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.commands.schema.crd import crd, schema
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.secret import DEFINITION_GROUP, DEFINITION_KIND

_VERSION = "v1alpha1"
_KIND = f"io.tuenti.secrets-manager.{_VERSION}.{DEFINITION_KIND}"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_INSTALL = "install the CRD of this release: kubectl apply --server-side -k config/crd"
# Seconds by which clocks may differ before people are misled by times, and before logins break.
_NOTABLE, _HARMFUL = 10.0, 120.0


def look_at_cluster(patient: Patient) -> Iterator[Finding]:
    """Whether the API server answers, and its clock."""
    sent = patient.now()
    reply = patient.api.fetch("/version")
    received = patient.now()
    version = str(_json(reply.body).get("gitVersion", "of an unknown version"))
    yield ok("cluster", f"the API server answers: {version}")
    yield from clock_finding("the API server", reply.headers.get("Date"), sent, received)


def clock_finding(whose: str, date: str | None, sent: datetime, received: datetime) -> Iterator[Finding]:
    """How far a clock is off that said ``date`` between these two moments of ours."""
    try:
        theirs = parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return
    # The header has whole seconds, of which the fraction was cut.
    ahead = max((theirs - received).total_seconds(), 0.0) or min((theirs - sent).total_seconds() + 1.0, 0.0)
    if abs(ahead) < _NOTABLE:
        yield ok("clock", f"the clock of {whose} agrees with this one")
        return
    level = Level.FAIL if abs(ahead) >= _HARMFUL else Level.WARN
    where = "ahead of" if ahead > 0 else "behind"
    yield Finding(
        "clock",
        level,
        f"the clock of {whose} is {abs(ahead):.0f}s {where} this one",
        "set both by NTP: certificates, tokens and times in statuses go by them",
    )


def look_at_crd(patient: Patient) -> Iterator[Finding]:
    """Whether SecretDefinitions are served, and as this release has them."""
    base = f"/apis/{DEFINITION_GROUP}/{_VERSION}"
    groups = _maps(_json(patient.api.fetch("/apis").body).get("groups"))
    group = next((each for each in groups if each.get("name") == DEFINITION_GROUP), {})
    if _VERSION not in {each.get("version") for each in _maps(group.get("versions"))}:
        yield fail("crd", f"the cluster has no SecretDefinitions of {DEFINITION_GROUP}/{_VERSION}", _INSTALL)
        return
    served = {each.get("name") for each in _maps(_json(patient.api.fetch(base).body).get("resources"))}
    if "secretdefinitions/status" not in served:
        yield fail(
            "crd", "its CRD has no status, as that of the Go version: no condition can be written", _INSTALL
        )
    theirs = _json(patient.api.fetch(f"/openapi/v3{base}").body)
    found = (theirs.get("components") or {}).get("schemas", {}).get(_KIND)
    yield from schema_findings(found if isinstance(found, dict) else {})
    yield from _columns(patient)


def schema_findings(theirs: Mapping[str, Any]) -> Iterator[Finding]:
    """How the schema of the cluster differs from that of this release."""
    ours = {name: schema()["properties"][name] for name in ("spec", "status")}
    there = {name: (theirs.get("properties") or {}).get(name, {}) for name in ours}
    lacking, more, differing = (sorted(each) for each in _compared(ours, there))
    if not (lacking or more or differing):
        yield ok("crd", f"installed, and that of this release, {__version__}")
    elif lacking and not more:
        yield fail(
            "crd", f"it is older than this release, {__version__}: it lacks {named(lacking)}", _INSTALL
        )
    elif more and not lacking:
        yield warn(
            "crd",
            f"it is newer than this release, {__version__}: it has {named(more)}, which this release ignores",
            "bring the daemon to the release of the CRD",
        )
    elif differing and not lacking:
        yield warn(
            "crd", f"it differs from that of this release, {__version__}, in {named(differing)}", _INSTALL
        )
    else:
        yield fail(
            "crd",
            f"it is another than that of this release, {__version__}: it lacks {named(lacking)} and has "
            f"{named(more)}",
            _INSTALL,
        )


def _compared(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[set[str], set[str], set[str]]:
    """Fields that only we have, that only they have, and those whose rules differ."""
    here, there = dict(_fields(ours)), dict(_fields(theirs))
    both = here.keys() & there.keys()
    differing = {name for name in both if here[name] != there[name]}
    return set(here.keys() - there.keys()), set(there.keys() - here.keys()), differing


def _fields(members: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field by its path, with all that holds for it and not for the fields in it."""
    for name, found in members.items():
        path = f"{before}.{name}" if before else name
        inner = ("properties", "additionalProperties", "items", "description")
        yield path, {key: rule for key, rule in found.items() if key not in inner}
        yield from _fields(found.get("properties") or {}, path)
        for key, mark in (("additionalProperties", "*"), ("items", "[]")):
            if isinstance(found.get(key), dict):
                yield from _fields({mark: found[key]}, path)


def _columns(patient: Patient) -> Iterator[Finding]:
    """Whether kubectl shows the columns of this release, as far as the user may list."""
    try:
        path = f"/apis/{DEFINITION_GROUP}/{_VERSION}/namespaces/{patient.namespace}/secretdefinitions?limit=1"
        table = _json(patient.api.fetch(path, accept=_TABLE).body)
    except SecretsManagerError:
        return
    (version,) = crd()["spec"]["versions"]
    ours = [each["name"] for each in version["additionalPrinterColumns"]]
    theirs = [str(each.get("name")) for each in _maps(table.get("columnDefinitions"))]
    if theirs[1:] != ours:
        yield warn(
            "crd", f"kubectl shows other columns than those of this release: {named(theirs[1:])}", _INSTALL
        )


def _maps(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
