"""How fresh Secrets are, who leads, the API server, and the process itself."""

from __future__ import annotations

from kit.monitoring.dashboard.panel import JOB, Panel, Query

__all__ = ["API_SERVER", "FRESHNESS", "LEADING", "PROCESS"]

_RATE = "[$__rate_interval]"
_REPLICA = "{{pod}} {{instance}}"
# Other programs have these names, too.
_OURS = f"and on (job, instance) secrets_manager_build_info{{{JOB}}}"


def _of_histogram(share: float, metric: str, by: str = "") -> str:
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({metric}_bucket{{{JOB}}}{_RATE})))"


FRESHNESS = (
    Panel(
        title="Lateness",
        description="Of the most overdue poll, and of the definition that has waited longest for its turn.",
        queries=(
            Query(f"max(secrets_manager_poll_overdue_seconds{{{JOB}}})", "polls"),
            Query(f"max(secrets_manager_queue_oldest_wait_seconds{{{JOB}}})", "changed definitions"),
        ),
        unit="s",
        red_from=60,
        runbook="SecretsManagerBehind",
    ),
    Panel(
        title="Queue",
        description="Keys that are ready and wait, and those that join in a second.",
        queries=(
            Query(f"sum(workqueue_depth{{{JOB}}})", "waiting"),
            Query(f"sum(rate(workqueue_adds_total{{{JOB}}}{_RATE}))", "joining in a second"),
            Query(f"sum(rate(workqueue_retries_total{{{JOB}}}{_RATE}))", "coming back in a second"),
        ),
    ),
    Panel(
        title="Time in the queue",
        description="How long keys wait for a worker.",
        queries=(
            Query(_of_histogram(0.5, "workqueue_queue_duration_seconds"), "50 %"),
            Query(_of_histogram(0.99, "workqueue_queue_duration_seconds"), "99 %"),
        ),
        unit="s",
    ),
    Panel(
        title="Workers",
        description="Workers that are busy, of those that there are: when all are, more wait.",
        queries=(
            Query(f"sum(controller_runtime_active_workers{{{JOB}}})", "busy"),
            Query(f"max(controller_runtime_max_concurrent_reconciles{{{JOB}}})", "of one replica"),
        ),
    ),
    Panel(
        title="Time of a reconcile",
        description="From the first read to the status; a poll that finds all as before is none.",
        queries=(
            Query(_of_histogram(0.5, "controller_runtime_reconcile_time_seconds"), "50 %"),
            Query(_of_histogram(0.99, "controller_runtime_reconcile_time_seconds"), "99 %"),
        ),
        unit="s",
    ),
    Panel(
        title="Silence of watches",
        description="How long the quietest watch delivered nothing; a minute is usual, beyond 75 s it ends.",
        queries=(Query(f"secrets_manager_watch_silence_seconds{{{JOB}}}", _REPLICA),),
        unit="s",
    ),
)

LEADING = (
    Panel(
        title="Who leads",
        description="1 on the replica that works. Two at once means that there is no election among them.",
        queries=(Query(f"secrets_manager_leader{{{JOB}}}", _REPLICA),),
        kind="states",
        runbook="SecretsManagerNobodyLeads",
    ),
    Panel(
        title="Hand-overs",
        description="How often the Lease has changed hands; a rollout is one or two.",
        queries=(Query(f"max by (job) (secrets_manager_lease_transitions{{{JOB}}})", "{{job}}"),),
    ),
    Panel(
        title="Renewals that failed, writes that were refused",
        description="Writes of a replica that does not lead any more are refused: that is how it should be.",
        queries=(
            Query(
                f"sum(rate(secrets_manager_lease_renewal_errors_total{{{JOB}}}{_RATE}))", "failed renewals"
            ),
            Query(f"sum(rate(secrets_manager_writes_refused_total{{{JOB}}}{_RATE}))", "writes not begun"),
            Query(
                f"sum(rate(secrets_manager_stale_writes_refused_total{{{JOB}}}{_RATE}))",
                "writes that were too late",
            ),
        ),
        unit="ops",
    ),
)

API_SERVER = (
    Panel(
        title="Calls by answer",
        description="Calls to the API server in a second; <error> means that there was no answer.",
        queries=(Query(f"sum by (code) (rate(rest_client_requests_total{{{JOB}}}{_RATE}))", "{{code}}"),),
        unit="reqps",
        stacked=True,
        runbook="SecretsManagerApiServerFailing",
    ),
    Panel(
        title="Calls by method",
        description="GET includes lists and watches.",
        queries=(Query(f"sum by (method) (rate(rest_client_requests_total{{{JOB}}}{_RATE}))", "{{method}}"),),
        unit="reqps",
        stacked=True,
    ),
    Panel(
        title="Time of a call",
        description="The slowest hundredth, by method; watches are not among them.",
        queries=(
            Query(_of_histogram(0.99, "rest_client_request_duration_seconds", "verb"), "{{verb}} 99 %"),
        ),
        unit="s",
    ),
    Panel(
        title="Full lists",
        description="By what made them due; `unwatched` means that no watch works.",
        queries=(
            Query(
                f"sum by (reason) (increase(secrets_manager_full_lists_total{{{JOB}}}{_RATE}))", "{{reason}}"
            ),
        ),
        stacked=True,
        runbook="SecretsManagerWatchesReplaced",
    ),
    Panel(
        title="Replaced watches and lists",
        description="Watches that full lists stand in for, and scopes whose Secrets are read one by one.",
        queries=(
            Query(f"max(secrets_manager_watches_replaced_by_lists{{{JOB}}})", "watches replaced by lists"),
            Query(f"max(secrets_manager_secrets_read_by_name{{{JOB}}})", "scopes read by name"),
        ),
        runbook="SecretsManagerWatchesReplaced",
    ),
)

PROCESS = (
    Panel(
        title="Memory",
        description="Resident memory of each replica; config/manager sets a limit of 512 MiB.",
        queries=(Query(f"process_resident_memory_bytes{{{JOB}}} {_OURS}", _REPLICA),),
        unit="bytes",
    ),
    Panel(
        title="CPU",
        description="Cores that each replica uses.",
        queries=(Query(f"rate(process_cpu_seconds_total{{{JOB}}}{_RATE}) {_OURS}", _REPLICA),),
    ),
    Panel(
        title="Starts within an hour",
        description="How often a replica started again.",
        queries=(Query(f"changes(process_start_time_seconds{{{JOB}}}[1h]) {_OURS}", _REPLICA),),
        red_from=3,
        runbook="SecretsManagerRestarting",
    ),
    Panel(
        title="File descriptors",
        description="Open ones, as a share of what the process may have.",
        queries=(Query(f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}} {_OURS}", _REPLICA),),
        unit="percentunit",
    ),
    Panel(
        title="What is left out",
        description="Log lines, Events and series that were left out since there were too many.",
        queries=(
            Query(f"sum(secrets_manager_log_lines_dropped{{{JOB}}})", "log lines"),
            Query(f"sum(secrets_manager_events_dropped{{{JOB}}})", "Events"),
            Query(f"sum(secrets_manager_series_dropped_total{{{JOB}}})", "series"),
        ),
    ),
)
