"""Every metric by name, labels and meaning: what dashboards and alerts of the original use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from secrets_manager import __version__
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.live import BackendState, LiveValues
from secrets_manager.daemon.metrics.sync import SyncMetrics
from secrets_manager.daemon.metrics.vault import VaultMetrics
from secrets_manager.daemon.web.exposition import OPEN_METRICS, TEXT
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendUnavailable,
    ClusterUnavailable,
    DecodeError,
    EngineMismatch,
    KeyNotFound,
    NotAString,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
)
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.settings import ControllerSettings, Settings, VaultSettings

SETTINGS = Settings(
    vault=VaultSettings(url="https://vault:8200/", engine="kv1"),
    controller=ControllerSettings(name="Mine", workers=7),
)
SERVER = {
    "vault_address": "https://vault:8200/",
    "vault_engine": "kv1",
    "vault_version": "",
    "vault_cluster_id": "",
    "vault_cluster_name": "",
}
READINGS = LiveValues(
    ready=lambda: True,
    queue_depth=lambda: 3,
    oldest_wait=lambda: 1.5,
    overdue=lambda: 2.5,
    work_ages=lambda: [1.0, 4.0],
    definitions=lambda: 9,
    backends=lambda: {
        "default": BackendState(down=True, parts_down=1, ready=False),
        "team-a": BackendState(down=False, parts_down=3, ready=True),
    },
    log_lines_dropped=lambda: 5,
    events_dropped=lambda: 6,
    watch_silence=lambda: 7.5,
    read_by_name=lambda: 2,
    unwatched=lambda: 1,
    full_lists=lambda: {"start": 2, "resync": 1},
)
DB = Ref("shop", "db-definition")

Series = dict[tuple[tuple[str, str], ...], float]


class Desk:
    """The metrics, and what a scrape of them shows."""

    def __init__(self) -> None:
        self.metrics = Metrics(SETTINGS)
        self.vault: VaultMetrics = self.metrics.backends.of("default").own

    def scrape(self) -> str:
        return generate_latest(self.metrics.registry).decode()

    def series(self, name: str) -> Series:
        """All series of that name: labels to value."""
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.scrape())
            for sample in family.samples
            if sample.name == name
        }

    def value(self, series: str, /, **labels: str) -> float | None:
        return self.series(series).get(tuple(sorted(labels.items())))

    def names(self) -> set[str]:
        return {family.name for family in text_string_to_metric_families(self.scrape())}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def outcome(**fields: Any) -> Outcome:
    given: dict[str, Any] = {
        "definition": DB,
        "secret": "db",
        "operation": Operation.UNCHANGED,
        "reason": "InStep",
        **fields,
    }
    return Outcome(**given)


def failed(error: SecretsManagerError, **fields: Any) -> Outcome:
    return outcome(operation=Operation.REFUSED, reason=error.reason, error=error, **fields)


# ── Vault ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_life_of_the_token_is_shown_with_the_name_of_its_server(desk: Desk) -> None:
    desk.vault.token_ttl(55)
    desk.vault.max_token_ttl(300)

    assert desk.value("secrets_manager_vault_token_ttl", **SERVER) == 55
    assert desk.value("secrets_manager_vault_max_token_ttl", **SERVER) == 300


def test_once_the_server_is_known_the_gauges_move_to_its_labels(desk: Desk) -> None:
    known = {**SERVER, "vault_version": "1.17", "vault_cluster_id": "c-1", "vault_cluster_name": "main"}
    desk.vault.token_ttl(55)
    desk.vault.server("1.17", "c-1", "main")
    desk.vault.server("1.17", "c-1", "main")
    desk.vault.login_failed()

    assert desk.series("secrets_manager_vault_token_ttl") == {tuple(sorted(known.items())): 55}
    assert desk.series("secrets_manager_vault_login_errors_total") == {tuple(sorted(known.items())): 1}


def test_failures_in_the_care_of_the_token_name_operation_and_error(desk: Desk) -> None:
    desk.vault.renewal_failed("renew-self", "VaultTokenNotRenewableError")

    assert (
        desk.value(
            "secrets_manager_vault_token_renewal_errors_total",
            **SERVER,
            vault_operation="renew-self",
            error="VaultTokenNotRenewableError",
        )
        == 1
    )


def test_counters_of_alerts_begin_with_0_once_the_server_is_known(desk: Desk) -> None:
    desk.vault.server("1.17", "c-1", "main")
    begun = desk.series("secrets_manager_vault_token_renewal_errors_total")

    assert set(begun.values()) == {0.0}
    assert {(dict(labels)["vault_operation"], dict(labels)["error"]) for labels in begun} == {
        ("lookup-self", "BackendSecretForbiddenError"),
        ("renew-self", "BackendSecretForbiddenError"),
        ("is-renewable", "VaultTokenNotRenewableError"),
    }
    assert set(desk.series("secrets_manager_vault_login_errors_total").values()) == {0.0}


WORDS = [
    (SourceNotFound("p"), "BackendSecretNotFoundError"),
    (SourceDeleted("p", "1"), "BackendSecretNotFoundError"),
    (SourceDestroyed("p", "1"), "BackendSecretNotFoundError"),
    (KeyNotFound("p", "k"), "BackendSecretNotFoundError"),
    (PermissionDenied("p"), "BackendSecretForbiddenError"),
    (NotAString("p", "k", "map"), "UnknownError"),
    (DecodeError("p", "k", "base64"), "UnknownError"),
    (EngineMismatch("p", "kv2"), "UnknownError"),
    (BackendUnavailable("down"), "UnknownError"),
    (AuthFailed("no"), "UnknownError"),
]


@pytest.mark.parametrize(("error", "word"), WORDS, ids=lambda value: getattr(value, "reason", value))
def test_a_key_that_cannot_be_read_is_counted_under_the_originals_word(
    desk: Desk, error: SecretsManagerError, word: str
) -> None:
    desk.metrics.sync.source_failed(DB, Location("secret/data/db"), "password", error)

    assert desk.series("secrets_manager_vault_read_secret_errors_total") == {
        tuple(sorted({**SERVER, "path": "secret/data/db", "key": "password", "error": word}.items())): 1
    }


def test_the_empty_key_is_the_one_named_data(desk: Desk) -> None:
    desk.vault.read_failed(DB, "p", "", SourceNotFound("p"))
    ((labels, _),) = desk.series("secrets_manager_vault_read_secret_errors_total").items()

    assert dict(labels)["key"] == "data"


def test_paths_of_authors_cannot_grow_a_scrape_without_bound(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.metrics.backends._common.reads, "_limit", 3)
    for number in range(9):
        desk.vault.read_failed(DB, f"p{number}", "k", SourceNotFound("p"))
    desk.vault.read_failed(DB, "p0", "k", SourceNotFound("p"))
    series = desk.series("secrets_manager_vault_read_secret_errors_total")

    assert sorted(series.values()) == [1, 1, 2]


def test_read_errors_of_a_definition_go_with_the_definition(desk: Desk) -> None:
    sync, other = desk.metrics.sync, Ref("shop", "other")
    for definition, path in ((DB, "mine"), (DB, "shared"), (other, "shared")):
        sync.source_failed(definition, Location(path), "k", SourceNotFound(path))
    sync.forgotten(DB)
    name = "secrets_manager_vault_read_secret_errors_total"
    assert [dict(labels)["path"] for labels in desk.series(name)] == ["shared"]
    sync.forgotten(other)
    sync.forgotten(other)

    assert desk.series(name) == {}


def test_series_that_went_make_room_for_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.metrics.backends._common.reads, "_limit", 1)
    desk.vault.read_failed(DB, "a", "k", SourceNotFound("a"))
    desk.metrics.backends.reads_forgotten(DB)
    desk.vault.read_failed(DB, "b", "k", SourceNotFound("b"))

    series = desk.series("secrets_manager_vault_read_secret_errors_total")
    assert [dict(labels)["path"] for labels in series] == ["b"]


def test_calls_to_the_backend_are_timed_by_their_end(desk: Desk) -> None:
    desk.vault.backend_call("vault", "read", 0.02, None)
    desk.vault.backend_call("vault", "read", 0.02, SourceNotFound("p"))
    name = "secrets_manager_backend_request_duration_seconds"
    call = {"backend": "default", "kind": "vault", "operation": "read"}

    assert desk.value(f"{name}_count", **call, result="success") == 1
    assert desk.value(f"{name}_count", **call, result="SourceNotFound") == 1
    assert desk.value(f"{name}_bucket", **call, result="success", le="0.01") == 0
    assert desk.value(f"{name}_bucket", **call, result="success", le="0.025") == 1


# ── the controller ───────────────────────────────────────────────────────────────────────────────────

CONTROLLER = "secrets_manager_controller"
SECRET = {"namespace": "shop", "name": "db"}


def test_a_definition_in_step_shows_1_under_its_secrets_name(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)

    assert desk.series(f"{CONTROLLER}_last_sync_status") == {tuple(sorted(SECRET.items())): 1}
    assert desk.series(f"{CONTROLLER}_sync_errors_total") == {}


def test_a_definition_that_is_not_shows_0_and_counts(desk: Desk) -> None:
    for _ in range(2):
        desk.metrics.sync.reconciled(failed(KeyNotFound("p", "k")), 0.1)

    assert desk.value(f"{CONTROLLER}_last_sync_status", **SECRET) == 0
    assert desk.value(f"{CONTROLLER}_sync_errors_total", **SECRET) == 2
    assert desk.value(f"{CONTROLLER}_failures_total", reason="KeyNotFound") == 2
    assert desk.series(f"{CONTROLLER}_last_success_timestamp_seconds") == {}


def test_a_definition_that_names_no_secret_is_shown_under_its_own_name(desk: Desk) -> None:
    desk.metrics.sync.reconciled(failed(KeyNotFound("p", "k"), secret=None), 0.1)

    assert desk.value(f"{CONTROLLER}_last_sync_status", namespace="shop", name="db-definition") == 0


def test_the_time_of_the_last_success_is_unix_time() -> None:
    metrics = Desk()
    sync = SyncMetrics(CollectorRegistry(), "Mine", metrics.metrics.backends, lambda: 1_700_000_000.0)
    sync.reconciled(outcome(), 0.1)

    assert sync._last_success.labels("shop", "db")._value.get() == 1_700_000_000.0


def test_a_secret_that_cannot_be_read_counts_under_its_name(desk: Desk) -> None:
    desk.metrics.sync.secret_unreadable(Ref("shop", "db"))

    assert desk.series(f"{CONTROLLER}_secret_read_errors_total") == {tuple(sorted(SECRET.items())): 1}


def test_reconciles_are_counted_by_operation(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(operation=Operation.CREATED), 0.1)

    assert desk.value(f"{CONTROLLER}_operations_total", operation="created") == 1


OF_OBJECTS = (
    f"{CONTROLLER}_last_sync_status",
    f"{CONTROLLER}_last_success_timestamp_seconds",
    f"{CONTROLLER}_sync_errors_total",
    f"{CONTROLLER}_secret_read_errors_total",
)


def test_the_series_of_a_definition_go_with_it(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)
    desk.metrics.sync.reconciled(failed(KeyNotFound("p", "k")), 0.1)
    desk.metrics.sync.secret_unreadable(Ref("shop", "db"))
    assert all(desk.series(name) for name in OF_OBJECTS)
    desk.metrics.sync.forgotten(DB)
    desk.metrics.sync.forgotten(DB)

    assert not any(desk.series(name) for name in OF_OBJECTS)


def test_the_series_of_a_definition_go_while_it_is_suspended_and_come_back(desk: Desk) -> None:
    desk.metrics.sync.reconciled(failed(KeyNotFound("p", "k")), 0.1)
    for _ in range(2):
        desk.metrics.sync.reconciled(outcome(operation=Operation.UNCHANGED, suspended=True), 0.1)
    assert not any(desk.series(name) for name in OF_OBJECTS)

    desk.metrics.sync.reconciled(outcome(), 0.1)
    assert desk.value(f"{CONTROLLER}_last_sync_status", **SECRET) == 1


def test_the_series_of_the_name_before_go_with_the_new_name(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)
    desk.metrics.sync.reconciled(outcome(secret="renamed"), 0.1)

    assert [dict(labels)["name"] for labels in desk.series(f"{CONTROLLER}_last_sync_status")] == ["renamed"]


def test_a_reconcile_that_failed_too_early_to_know_the_secret_counts_for_the_one_before(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)
    desk.metrics.sync.reconciled(replace(failed(BackendUnavailable("down")), secret=None), 0.1)

    assert desk.series(f"{CONTROLLER}_last_sync_status") == {tuple(sorted(SECRET.items())): 0}


@pytest.mark.parametrize("leave", ["deleted", "renamed"])
def test_the_series_of_a_secret_stay_while_another_definition_wants_it(desk: Desk, leave: str) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)
    desk.metrics.sync.reconciled(outcome(definition=Ref("shop", "other")), 0.1)
    if leave == "deleted":
        desk.metrics.sync.forgotten(DB)
    else:
        desk.metrics.sync.reconciled(outcome(secret="renamed"), 0.1)

    assert desk.value(f"{CONTROLLER}_last_sync_status", **SECRET) == 1


def test_reads_of_a_former_secret_are_counted_until_it_is_gone(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(secret="renamed"), 0.1)
    desk.metrics.sync.secret_unreadable(Ref("shop", "db"))
    name = f"{CONTROLLER}_secret_read_errors_total"
    unreadable = failed(ClusterUnavailable("down"), cleanup=True)
    desk.metrics.sync.reconciled(unreadable, 0.1)
    assert desk.value(name, **SECRET) == 1
    desk.metrics.sync.reconciled(outcome(operation=Operation.DELETED, cleanup=True), 0.1)

    assert desk.series(name) == {}
    assert desk.value(f"{CONTROLLER}_last_sync_status", namespace="shop", name="renamed") == 1


def test_clearing_up_after_a_definition_brings_no_series_back(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(operation=Operation.DELETED, cleanup=True), 0.1)

    assert not any(desk.series(name) for name in OF_OBJECTS)
    assert desk.value(f"{CONTROLLER}_operations_total", operation="deleted") == 1


# ── what controller-runtime shows ────────────────────────────────────────────────────────────────────


def test_reconciles_are_counted_and_timed_under_the_controllers_name(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.02)
    desk.metrics.sync.reconciled(failed(KeyNotFound("p", "k")), 0.02)
    of = {"controller": "Mine"}

    assert desk.value("controller_runtime_reconcile_total", **of, result="success") == 1
    assert desk.value("controller_runtime_reconcile_total", **of, result="error") == 1
    assert desk.value("controller_runtime_reconcile_total", **of, result="requeue") == 0
    assert desk.value("controller_runtime_reconcile_total", **of, result="requeue_after") == 0
    assert desk.value("controller_runtime_reconcile_errors_total", **of) == 1
    assert desk.value("controller_runtime_reconcile_time_seconds_count", **of) == 2
    assert desk.value("controller_runtime_max_concurrent_reconciles", **of) == 7


def test_the_queue_is_shown_under_the_controllers_name(desk: Desk) -> None:
    sync = desk.metrics.sync
    desk.metrics.watch(READINGS, "Mine")
    sync.queued()
    sync.retried()
    sync.waited(0.5)
    sync.worked(0.5)
    of = {"name": "Mine"}
    shown = {
        "workqueue_depth": 3,
        "workqueue_adds_total": 1,
        "workqueue_retries_total": 1,
        "workqueue_queue_duration_seconds_count": 1,
        "workqueue_work_duration_seconds_count": 1,
        "workqueue_unfinished_work_seconds": 5,
        "workqueue_longest_running_processor_seconds": 4,
    }

    assert {name: desk.value(name, **of) for name in shown} == shown
    assert desk.value("controller_runtime_active_workers", controller="Mine") == 2


def test_our_own_readings_are_shown(desk: Desk) -> None:
    desk.metrics.watch(READINGS, "Mine")
    shown = {
        "secrets_manager_ready": 1,
        "secrets_manager_queue_oldest_wait_seconds": 1.5,
        "secrets_manager_poll_overdue_seconds": 2.5,
        "secrets_manager_definitions": 9,
        "secrets_manager_log_lines_dropped": 5,
        "secrets_manager_events_dropped": 6,
        "secrets_manager_watch_silence_seconds": 7.5,
        "secrets_manager_secrets_read_by_name": 2,
        "secrets_manager_watches_replaced_by_lists": 1,
    }

    assert {name: desk.value(name) for name in shown} == shown
    assert desk.value("secrets_manager_full_lists_total", reason="resync") == 1


def test_an_idle_queue_has_nothing_unfinished(desk: Desk) -> None:
    desk.metrics.watch(replace(READINGS, work_ages=list), "Mine")

    assert desk.value("workqueue_longest_running_processor_seconds", name="Mine") == 0
    assert desk.value("controller_runtime_active_workers", controller="Mine") == 0


def test_calls_to_the_api_server_are_counted_by_code_method_and_host(desk: Desk) -> None:
    desk.metrics.cluster.api_call("GET", "404", "10.0.0.1:443", 0.01)
    desk.metrics.cluster.api_call("GET", "<error>", "10.0.0.1:443", 0.01)
    host = {"method": "GET", "host": "10.0.0.1:443"}

    assert desk.value("rest_client_requests_total", **host, code="404") == 1
    assert desk.value("rest_client_requests_total", **host, code="<error>") == 1
    assert desk.value("rest_client_request_duration_seconds_count", verb="GET", host="10.0.0.1:443") == 2


def test_the_process_and_the_release_are_shown(desk: Desk) -> None:
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds"} <= desk.names()
    assert desk.value("secrets_manager_build_info", version=__version__) == 1


def test_no_series_shows_when_it_was_created(desk: Desk) -> None:
    desk.metrics.sync.reconciled(outcome(), 0.1)

    assert "_created" not in desk.scrape()


# ── scrapes ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_scrape_survives_definitions_that_come_and_go(desk: Desk) -> None:
    desk.metrics.watch(READINGS, "Mine")
    over = threading.Event()
    faults: list[Exception] = []

    def churn(do: Callable[[int], None]) -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                do(number % 50)
            except Exception as error:  # noqa: BLE001 - it is the point of the test
                faults.append(error)
                return

    def come(number: int) -> None:
        desk.metrics.sync.reconciled(outcome(definition=Ref("shop", f"d{number}"), secret=f"s{number}"), 0.1)

    def go(number: int) -> None:
        desk.metrics.sync.forgotten(Ref("shop", f"d{number}"))

    threads = [threading.Thread(target=churn, args=(do,)) for do in (come, come, go)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        assert "controller_runtime_reconcile_total" in desk.scrape()
    over.set()
    for thread in threads:
        thread.join(20)

    assert faults == []


def test_two_registries_do_not_meet() -> None:
    one, other = Desk(), Desk()
    one.metrics.sync.queued()

    assert other.value("workqueue_adds_total", name="Mine") == 0


def test_both_forms_of_the_metrics_have_the_same_names_and_values() -> None:
    desk = Desk()
    desk.metrics.watch(READINGS, "Mine")
    desk.vault.login_failed()
    desk.vault.renewal_failed("lookup-self", "UnknownError")
    desk.vault.backend_call("vault", "read", 0.1, None)
    desk.metrics.sync.reconciled(failed(AuthFailed("no")), 0.1)
    desk.vault.read_failed(DB, "a\\b\n", 'k"', KeyNotFound("a", "k"))
    # What the process takes changes from one scrape to the next.
    classic, modern = (
        {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in parse(text.decode())
            for sample in family.samples
            if not sample.name.startswith("process_")
        }
        for parse, text in (
            (text_string_to_metric_families, TEXT.write(desk.metrics.registry)),
            (open_metrics_families, OPEN_METRICS.write(desk.metrics.registry)),
        )
    )

    assert classic == modern
    assert "secrets_manager_vault_token_renewal_errors_total" in {name for name, *_ in classic}
