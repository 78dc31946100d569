"""What probes and scrapes are told of a program: the checks of its health, and its values at each scrape.

Reading them is cheap, and never raises. Nothing here decides what a probe makes of its checks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from secrets_manager.cluster.lead.fenced import Leadership
from secrets_manager.cluster.view.informer import LIST_REASONS, Informer
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.metrics.live import BackendState, LiveValues
from secrets_manager.daemon.web.health import Check, Health
from secrets_manager.domain.errors import ClusterUnauthorized
from secrets_manager.sync.reading.upstream import Upstream

# A fault of list or watch may last so long before the view of the cluster counts as lost.
_STALE_SECONDS = 120.0
# Our identity is read again within a second of a refusal; a longer refusal needs a person.
_UNAUTHORIZED_SECONDS = 10.0
# The watchdog ends calls to the tenth of a second; a thread that is much later is dead.
_LATE_SECONDS = 5.0


def health_of(program: Program, logs_alive: Callable[[], bool]) -> Health:
    """The checks behind /healthz and /readyz."""
    return Health(
        live=[
            Check("threads", partial(_silent_threads, program)),
            Check("deadlines", partial(_late_calls, program)),
            Check("logs", lambda: None if logs_alive() else "the thread that writes them has died"),
        ],
        ready=[
            *(Check(f"informer of {each.scope}", partial(_unsynced, each)) for each in program.informers),
            Check("identity", partial(_refused_identity, program)),
            Check("election", partial(_election_fault, program)),
        ],
        alternatives=_backend_checks(program),
    )


def live_values_of(program: Program, health: Health, lines_dropped: Callable[[], int]) -> LiveValues:
    """The values that the metrics show as they are at a scrape."""
    agenda, informers = program.core.agenda, program.informers
    return LiveValues(
        ready=lambda: health.readiness().good,
        queue_depth=agenda.queue.depth,
        oldest_wait=agenda.queue.oldest_wait,
        overdue=agenda.overdue_seconds,
        work_ages=agenda.queue.work_ages,
        definitions=lambda: len(agenda.view.definitions),
        backends=lambda: {name: _state(each) for name, each in program.core.upstreams.items()},
        log_lines_dropped=lines_dropped,
        events_dropped=lambda: program.recorder.dropped,
        watch_silence=lambda: max((each.silence() for each in informers), default=0.0),
        read_by_name=lambda: sum(each.by_name for each in program.secret_informers),
        unwatched=lambda: sum(each.unwatched for each in informers),
        full_lists=lambda: {why: sum(each.lists[why] for each in informers) for why in LIST_REASONS},
    )


# ── the process ──────────────────────────────────────────────────────────────────────────────────────


def _silent_threads(program: Program) -> str | None:
    silent = program.heartbeats.silent()
    return f"no sign of life: {', '.join(silent)}" if silent else None


def _late_calls(program: Program) -> str | None:
    late = program.services.watchdog.overdue()
    return "calls outlast their deadlines" if late > _LATE_SECONDS else None


# ── the cluster ──────────────────────────────────────────────────────────────────────────────────────


def _refused_identity(program: Program) -> str | None:
    refused = program.services.unauthorized_for()
    if refused <= _UNAUTHORIZED_SECONDS:
        return None
    since = f"the API server has not accepted our identity for {refused:.0f} s"
    return f"{since}; renew the token or certificate"


def _election_fault(program: Program) -> str | None:
    elector = program.elector
    return elector.fault.message if elector and elector.fault else None


def _unsynced(informer: Informer) -> str | None:
    # Secrets that cannot be listed are read one by one instead, so this informer counts as synced.
    if informer.by_name and informer.others_answered is not None:
        return None
    unauthorized = isinstance(informer.fault, ClusterUnauthorized)
    limit = _UNAUTHORIZED_SECONDS if unauthorized else _STALE_SECONDS
    if informer.synced.is_set() and informer.failing_for() < limit:
        return None
    return informer.fault.message if informer.fault else "not listed yet"


# ── the backends ─────────────────────────────────────────────────────────────────────────────────────


def _backend_checks(program: Program) -> list[Check]:
    upstreams = program.core.upstreams
    if len(upstreams) == 1:
        (only,) = upstreams.values()
        return [Check("backend", partial(_logged_out, only, program.leadership))]
    return [
        Check(f"backend {name}", partial(_logged_out_of_one, each, program.leadership))
        for name, each in upstreams.items()
    ]


def _logged_out(upstream: Upstream, leadership: Leadership) -> str | None:
    # A replica that waits for the Lease leaves the backends alone.
    return None if upstream.backend.ready() or not leadership.leads() else "not logged in yet"


def _logged_out_of_one(upstream: Upstream, leadership: Leadership) -> str | None:
    why, fault = _logged_out(upstream, leadership), upstream.session_fault
    return f"{why} ({fault})" if why and fault else why


def _state(upstream: Upstream) -> BackendState:
    return BackendState(
        down=upstream.domains.open_for() is not None,
        parts_down=upstream.domains.open_parts(),
        ready=upstream.backend.ready(),
    )
