"""What a status page knows of the daemon itself, in sentences below the definitions; pure."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.commands.ages import span
from secrets_manager.overview.model import BackendLine, LeadLine, Overview


def daemon_sentences(overview: Overview) -> Iterator[str]:
    """What is known of the daemon itself; nothing where only the cluster was asked."""
    if overview.lead is not None:
        yield _of_lead(overview.lead)
    for backend in overview.backends or ():
        yield f"backend {backend.name} ({backend.kind}): {', '.join(_of_backend(backend))}"
    if overview.queue is not None:
        yield f"{overview.queue.depth} waiting, the longest for {span(overview.queue.oldest_wait)}"


def _of_lead(lead: LeadLine) -> str:
    if lead.is_this_one:
        return f"{lead.holder} leads" if lead.holder else "the daemon works alone, without an election"
    who = f"{lead.holder} leads" if lead.holder else "nobody leads"
    return f"{who}; the daemon that was asked waits, and knows nothing fresh of backends and polls"


def _of_backend(backend: BackendLine) -> Iterator[str]:
    yield "logged in" if backend.logged_in else "not logged in"
    if backend.session_fault:
        yield backend.session_fault
    if backend.down_for is not None:
        yield f"down for {span(backend.down_for)}, only probes are sent"
    if backend.parts_down:
        yield f"parts down: {backend.parts_down}"
    if backend.overdue >= 1:
        yield f"polls are late by {span(backend.overdue)}"
