"""Alerts about the daemon as a whole: scraped, ready, led by one, alive, in time, and served by the API.

No rule names a job, so that they work whatever scrapes the daemon. An installation is a `job` and the
`namespace` of its pods; metrics with names that other programs have, too, are taken where ours are.
"""

from __future__ import annotations

from kit.monitoring.rule import Alert

__all__ = ["DAEMON"]


def _calls(matcher: str = "") -> str:
    """Calls to the API server within five minutes; other programs have this metric, too."""
    calls = f"increase(rest_client_requests_total{matcher}[5m])"
    return f"sum by (job, namespace) ({calls} and on (job, instance) secrets_manager_build_info)"


DAEMON = (
    Alert(
        name="SecretsManagerDown",
        severity="critical",
        after="5m",
        # An installation that was there within a day, or none at all: `absent` cannot tell one of several.
        expr="""\
(
  group by (job, namespace) (last_over_time(secrets_manager_build_info[1d]))
  unless
  group by (job, namespace) (secrets_manager_build_info)
)
or on ()
absent(secrets_manager_build_info)""",
        summary=(
            "The secrets-manager daemon {{ with $labels.namespace }}in namespace {{ . }} {{ end }}"
            "cannot be scraped."
        ),
        description="Secrets stay as they are and follow no change. Look at the pods and their last words.",
        meaning="No replica of an installation is scraped.",
    ),
    Alert(
        name="SecretsManagerNotReady",
        severity="critical",
        after="10m",
        expr="max by (job, namespace) (secrets_manager_ready) == 0",
        summary="No replica of secrets-manager in namespace {{ $labels.namespace }} is ready.",
        description=(
            "/readyz of the pods names what is missing: the lists of definitions, a login to a backend,"
            " or the right to use the Lease."
        ),
        meaning="Replicas run, and `/readyz` of none of them says ok.",
    ),
    Alert(
        name="SecretsManagerNobodyLeads",
        severity="critical",
        after="2m",
        expr="max by (job, namespace) (secrets_manager_leader) == 0",
        summary="No replica of secrets-manager in namespace {{ $labels.namespace }} leads.",
        description=(
            "Secrets stay as they are and follow no change. /readyz of the pods says what keeps them from the"
            " Lease, most likely a missing right on it."
        ),
        meaning="Replicas run, and none of them has the Lease.",
    ),
    Alert(
        name="SecretsManagerSeveralLead",
        severity="warning",
        after="5m",
        expr="sum by (job, namespace) (secrets_manager_leader) > 1",
        summary="{{ $value }} replicas of secrets-manager in namespace {{ $labels.namespace }} work at once.",
        description=(
            "They run without a leader election, or with Leases of different names. Secrets are right, but"
            " everything is read and written as often as there are replicas."
        ),
        meaning="Several replicas of one installation work at once: there is no election among them.",
    ),
    Alert(
        name="SecretsManagerRestarting",
        severity="warning",
        after="5m",
        # Every program has this metric, so a target of ours is known by what it said within the hour.
        expr="""\
changes(process_start_time_seconds[1h]) > 2
and on (job, instance)
last_over_time(secrets_manager_build_info[1h])""",
        summary=(
            "The daemon {{ with $labels.pod }}{{ . }}{{ else }}{{ $labels.instance }}{{ end }} has started"
            " {{ $value }} times again within an hour."
        ),
        description=(
            "It ends when it loses its Lease or one of its threads dies, and is killed when it takes too much"
            " memory or does not answer /healthz. The last lines of the log of the last container say which."
        ),
        meaning="A replica has started again three times or more within an hour.",
    ),
    Alert(
        name="SecretsManagerBehind",
        severity="warning",
        after="10m",
        expr="""\
max by (job, namespace) (secrets_manager_poll_overdue_seconds) > 60
or
max by (job, namespace) (secrets_manager_queue_oldest_wait_seconds) > 60""",
        summary=(
            "secrets-manager in namespace {{ $labels.namespace }} is late by {{ $value | humanizeDuration }}."
        ),
        description=(
            "Changes reach Secrets late. A backend or the API server is slow, or there is more to do than the"
            " workers can."
        ),
        meaning="Polls, or definitions that changed, wait longer than a minute.",
    ),
    Alert(
        name="SecretsManagerApiServerFailing",
        severity="warning",
        after="15m",
        # Where nothing has to be written no reconcile fails, though the API server is away.
        expr=f"""\
sum by (job, namespace) (increase(
  secrets_manager_controller_failures_total{{reason=~"ClusterUnavailable|ClusterUnauthorized"}}[5m]
)) > 0
or
{_calls('{code=~"<error>|401|429|5.."}')}
  > 0.5 * {_calls()}""",
        summary="The API server does not do what secrets-manager in namespace {{ $labels.namespace }} asks.",
        description="Secrets cannot be read or written. The log says why, by the reason ClusterUnavailable.",
        meaning="Calls to the API server fail, or it does not accept the identity of the daemon.",
    ),
    Alert(
        name="SecretsManagerWatchesReplaced",
        severity="warning",
        after="30m",
        expr="max by (job, namespace) (secrets_manager_watches_replaced_by_lists) > 0",
        summary="Watches of secrets-manager in namespace {{ $labels.namespace }} do not work.",
        description=(
            "Full lists take their place: changes of definitions and Secrets are seen later, and the API"
            " server has more to do. Most likely the right to watch is missing, or the API server does not"
            " answer at all."
        ),
        meaning="A watch does not work, and full lists take its place.",
    ),
)
