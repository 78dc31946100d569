"""Definitions and the Secrets that they left: unknown backends, the policy, fights, leftovers."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import SECRET_METADATA, Json, Scope
from secrets_manager.commands.doctor.estate import Estate
from secrets_manager.commands.doctor.findings import Finding, counted, fail, named, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden
from secrets_manager.domain.secret import DEFINITION_GROUP, DEFINITION_KIND, MANAGED_BY, MANAGED_BY_LABEL

_CHECK = "definitions"
_ADVICE = {
    "UnknownBackend": "add the backend to the settings, or mend spec.backend of the definitions",
    "PathNotAllowed": "widen the path policy, or mend the definitions; `policy test` says which rule decides",
}
_MEND = "mend the definitions; `check` says what is wrong with them"


def look_at_definitions(patient: Patient) -> Iterator[Finding]:
    """What is wrong with them that can be seen from outside of a backend."""
    estate = patient.estate()
    suspended = f", {estate.suspended} suspended" if estate.suspended else ""
    yield ok(_CHECK, f"{counted(estate.count, 'definition')}{suspended}")
    # Without the settings nobody knows where paths lead.
    refused = {} if patient.settings_fault else estate.refused
    for reason, about in sorted(refused.items()):
        message = next(iter(about.values()))
        yield fail(
            _CHECK,
            f"{counted(len(about), 'definition')} with {reason}, {named(about)}: {message}",
            _ADVICE.get(reason, _MEND),
        )
    if estate.fights:
        clashing = (f"{later} and {first}" for later, first in estate.fights)
        yield fail(
            _CHECK,
            f"{counted(len(estate.fights), 'definition')} want a Secret that another one wants, too: "
            f"{named(clashing)}",
            "give each a Secret of its own in spec.name; the older one keeps it meanwhile",
        )
    yield from _unready(estate)


def _unready(estate: Estate) -> Iterator[Finding]:
    others = {reason: count for reason, count in estate.unready.items() if reason not in estate.refused}
    if others:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(others.items()))
        unready = counted(sum(others.values()), "definition")
        yield warn(_CHECK, f"{unready} not ready: {counts}", "`status --not-ready` says which")


def look_for_leftovers(patient: Patient) -> Iterator[Finding]:
    """Secrets of ours that no definition wants."""
    estate = patient.estate()
    excluded = frozenset(patient.settings.controller.exclude_namespaces)
    orphans: list[Ref] = []
    unowned: list[Ref] = []
    total = 0
    try:
        for raw in _our_secrets(patient):
            ref = manifests.ref_of(raw)
            if ref.namespace in excluded:
                continue
            total += 1
            if ref not in estate.targets:
                (orphans if _is_owned(raw) else unowned).append(ref)
    except Forbidden:
        yield ok("leftovers", "Secrets may not be listed, so nobody looked for any")
        return
    if orphans:
        yield warn(
            "leftovers",
            f"{counted(len(orphans), 'Secret')} that its definition does not want any more: {named(orphans)}",
            "delete them, unless the daemon or garbage collection is about to",
        )
    if unowned:
        yield warn(
            "leftovers",
            f"{counted(len(unowned), 'Secret')} that no definition wants, and that stay: {named(unowned)}",
            "delete them if nobody uses them; onDelete: Retain leaves such Secrets",
        )
    if not (orphans or unowned):
        yield ok("leftovers", f"{counted(total, 'Secret')}, each wanted by a definition")


def _our_secrets(patient: Patient) -> Iterator[Json]:
    label = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    for namespace in patient.scope:
        scope = Scope(resource=SECRET_METADATA, namespace=namespace, selector=label)
        for page in patient.api.pages(scope):
            yield from page.items


def _is_owned(raw: Json) -> bool:
    owners = (raw.get("metadata") or {}).get("ownerReferences") or ()
    return any(
        each.get("kind") == DEFINITION_KIND and str(each.get("apiVersion", "")).startswith(DEFINITION_GROUP)
        for each in owners
    )
