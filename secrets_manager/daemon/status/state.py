"""How the daemon itself is: who leads, how each backend is, and what waits. Nothing here makes a call."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from secrets_manager.backends.base import SessionLife, Source
from secrets_manager.cluster.lead.leader_election import LeaderElector
from secrets_manager.overview.definitions import rfc3339
from secrets_manager.overview.model import BackendLine, LeadLine, QueueLine
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.reading.upstream import Upstream


def lead_line(elector: LeaderElector | None) -> LeadLine:
    """Who leads, as far as this replica knows; without an election it is this one."""
    if elector is None:
        return LeadLine(holder="", is_this_one=True)
    seen = elector.seen
    holder = seen.holder if seen else ""
    # Its own Lease may have lapsed already.
    is_this_one = elector.leads() and holder == elector.identity
    return LeadLine(
        holder=holder, is_this_one=is_this_one, since=rfc3339(seen.acquire_time) if seen and holder else None
    )


def queue_line(agenda: Agenda) -> QueueLine:
    """What waits for a worker, and how late polls are."""
    return QueueLine(
        depth=agenda.queue.depth(),
        oldest_wait=agenda.queue.oldest_wait(),
        overdue=agenda.overdue_seconds(),
    )


def backend_lines(agenda: Agenda, upstreams: Collection[Upstream]) -> tuple[BackendLine, ...]:
    """A line for each of these backends."""
    late = _lateness(agenda.view.schedule.late(agenda.clock()))
    return tuple(_line(each, late.get(each.name, 0.0)) for each in upstreams)


def _line(upstream: Upstream, overdue: float) -> BackendLine:
    backend = upstream.backend
    return BackendLine(
        name=upstream.name,
        kind=backend.name,
        logged_in=backend.ready(),
        session_fault=upstream.session_fault,
        down_for=upstream.domains.open_for(),
        parts_down=upstream.domains.open_parts(),
        overdue=overdue,
        token_life=backend.session_life() if isinstance(backend, SessionLife) else None,
    )


def _lateness(late: Mapping[Key, float]) -> dict[str, float]:
    """By backend, the longest of these times."""
    found: dict[str, float] = {}
    for key, seconds in late.items():
        if isinstance(key.subject, Source):
            name = key.subject.backend
            found[name] = max(seconds, found.get(name, 0.0))
    return found
