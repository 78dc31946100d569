"""The metrics of several backends in one scrape: told apart, valid, bounded, and as before for the first."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.backends import _labelled
from secrets_manager.daemon.metrics.read_errors import MAX_BYTES_OF_NAMESPACE, MAX_SERIES
from secrets_manager.daemon.web.exposition import OPEN_METRICS, TEXT
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import KeyNotFound, SourceNotFound, UnknownBackend
from secrets_manager.domain.location import Location
from secrets_manager.settings import Settings, VaultSettings
from tests.named_backends import named_azure, named_memory, named_vault

DB = Ref("shop", "db")
SEVERAL = Settings(
    vault=VaultSettings(url="https://one:8200"),
    named=(
        named_vault("two", url="https://two:8200", skip_verify=True),
        named_azure("keys"),
        named_azure("other-keys"),
        named_memory("attic"),
    ),
)
CALLS = "secrets_manager_backend_request_duration_seconds_count"
SERVER = {"vault_engine": "kv2", "vault_version": "", "vault_cluster_id": "", "vault_cluster_name": ""}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(SEVERAL)


def scrape(metrics: Metrics) -> str:
    return TEXT.write(metrics.registry).decode()


def ask(metrics: Metrics, series: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(series, labels)


def fail_everywhere(metrics: Metrics) -> None:
    for name in ("default", "two", "keys", "other-keys", "attic"):
        metrics.sync.source_failed(DB, Location("p", backend=name), "k", SourceNotFound("p"))
        measured = metrics.backends.of(name)
        measured.telemetry.backend_call("?", "read", 0.1, None)
    for name in ("default", "two", "keys", "other-keys"):
        metrics.backends.of(name).own.login_failed()


def test_series_by_the_original_s_names_keep_their_labels_for_the_backend_of_the_flags(
    metrics: Metrics,
) -> None:
    fail_everywhere(metrics)
    errors, one = "secrets_manager_vault_login_errors_total", {"vault_address": "https://one:8200"}

    assert ask(metrics, errors, **SERVER, **one) == 1
    assert ask(metrics, errors, **SERVER, **one, backend="default") is None


def test_series_of_a_backend_with_a_name_carry_it(metrics: Metrics) -> None:
    fail_everywhere(metrics)
    two = {**SERVER, "vault_address": "https://two:8200", "backend": "two"}
    missed = {"path": "p", "key": "k"}

    assert ask(metrics, "secrets_manager_vault_login_errors_total", **two) == 1
    assert (
        ask(
            metrics,
            "secrets_manager_vault_read_secret_errors_total",
            **two,
            **missed,
            error="BackendSecretNotFoundError",
        )
        == 1
    )
    for keys in ("keys", "other-keys"):
        labels = {"backend": keys, "azure_kv_name": keys, "azure_kv_tenant": "t"}
        assert ask(metrics, "secrets_manager_azure_kv_login_errors_total", **labels) == 1
    assert (
        ask(
            metrics,
            "secrets_manager_backend_read_secret_errors_total",
            **missed,
            backend="attic",
            reason="SourceNotFound",
        )
        == 1
    )


def test_series_of_our_own_name_the_backend_also_where_it_is_the_only_one() -> None:
    metrics = Metrics(Settings())
    metrics.backends.of("default").telemetry.backend_call("vault", "read", 0.1, None)
    call = {"backend": "default", "kind": "vault", "operation": "read", "result": "success"}

    assert ask(metrics, CALLS, **call) == 1
    assert ask(metrics, "secrets_manager_vault_tls_unverified", backend="default") == 0


def test_calls_are_counted_by_backend_and_kind(metrics: Metrics) -> None:
    fail_everywhere(metrics)
    kinds = {
        "default": "vault",
        "two": "vault",
        "keys": "azure-kv",
        "other-keys": "azure-kv",
        "attic": "memory",
    }
    call = {"operation": "read", "result": "success"}

    for backend, kind in kinds.items():
        assert ask(metrics, CALLS, backend=backend, kind=kind, **call) == 1


def test_the_vault_whose_certificate_is_not_verified_is_named(metrics: Metrics) -> None:
    name = "secrets_manager_vault_tls_unverified"

    assert ask(metrics, name, backend="default") == 0
    assert ask(metrics, name, backend="two") == 1
    assert ask(metrics, name, backend="keys") is None


def test_what_is_counted_for_one_backend_is_not_counted_for_another_of_its_kind(metrics: Metrics) -> None:
    metrics.backends.of("two").own.token_ttl(7)
    shown = [
        line for line in scrape(metrics).splitlines() if line.startswith("secrets_manager_vault_token_t")
    ]

    assert len(shown) == 1
    assert 'backend="two"' in shown[0]


def test_each_family_is_described_once_and_no_series_comes_twice(metrics: Metrics) -> None:
    fail_everywhere(metrics)
    lines = scrape(metrics).splitlines()
    described = Counter(line.rpartition(" ")[0] for line in lines if line.startswith("# TYPE"))
    series = Counter(line.rpartition(" ")[0] for line in lines if not line.startswith("#"))

    assert set(described.values()) == {1}
    assert set(series.values()) == {1}


def test_both_forms_hold_the_same_series(metrics: Metrics) -> None:
    fail_everywhere(metrics)
    classic, modern = (
        {
            (sample.name, *sorted(sample.labels.items()))
            for family in parse(text.decode())
            for sample in family.samples
        }
        for parse, text in (
            (text_string_to_metric_families, TEXT.write(metrics.registry)),
            (open_metrics_families, OPEN_METRICS.write(metrics.registry)),
        )
    )

    assert classic == modern


def test_a_definition_that_is_gone_takes_its_series_of_every_backend_with_it(metrics: Metrics) -> None:
    fail_everywhere(metrics)
    assert scrape(metrics).count('path="p"') == 5
    metrics.sync.forgotten(DB)

    assert 'path="p"' not in scrape(metrics)


def test_a_backend_that_there_is_not_brings_no_series(metrics: Metrics) -> None:
    metrics.sync.source_failed(DB, Location("p", backend="made-up"), "k", UnknownBackend("made-up"))

    assert "made-up" not in scrape(metrics)


def test_the_series_of_all_backends_together_stay_within_the_bound_of_the_process() -> None:
    twenty = tuple(named_vault(f"vault-{number}", url=f"https://v{number}") for number in range(20))
    metrics = Metrics(Settings(has_default=False, named=twenty))
    for number in range(MAX_SERIES + 2000):
        namespace, path = f"ns-{number % 40}", f"p{number}"
        place = Location(path, backend=f"vault-{number % 20}")
        metrics.sync.source_failed(Ref(namespace, "d"), place, "k", KeyNotFound(path, "k"))
    shown = scrape(metrics).count("secrets_manager_vault_read_secret_errors_total{")

    assert shown + (ask(metrics, "secrets_manager_series_dropped_total") or 0) == MAX_SERIES + 2000
    assert shown <= MAX_SERIES


def test_a_namespace_has_its_room_once_and_not_for_each_backend() -> None:
    twenty = tuple(named_vault(f"vault-{number}", url=f"https://v{number}") for number in range(20))
    metrics = Metrics(Settings(has_default=False, named=twenty))
    for number in range(6000):
        path = f"{number}/" + "x" * 250
        place = Location(path, backend=f"vault-{number % 20}")
        metrics.sync.source_failed(Ref("hostile", "d"), place, path, KeyNotFound(path, path))

    assert len(scrape(metrics)) < MAX_BYTES_OF_NAMESPACE + 100_000


def test_dates_of_all_key_vaults_share_one_bound(metrics: Metrics) -> None:
    keys, others = (metrics.backends.of(name).own for name in ("keys", "other-keys"))
    for number in range(MAX_SERIES):
        keys.source_expiry(f"s{number}", 1.0)
    others.source_expiry("late", 1.0)
    assert ask(metrics, "secrets_manager_series_dropped_total") == 1
    keys.source_expiry("s0", None)
    keys.source_expiry("s0", None)
    others.source_expiry("late", 1.0)
    others.source_expiry("later", 1.0)

    assert 'path="late"' in scrape(metrics)
    assert 'path="later"' not in scrape(metrics)


@pytest.mark.parametrize("backends", [2, 20])
def test_servers_that_change_their_names_each_time_leave_a_scrape_small(backends: int) -> None:
    named = tuple(named_vault(f"vault-{number}", url=f"https://v{number}") for number in range(backends))
    metrics = Metrics(Settings(has_default=False, named=named))
    for number in range(40):
        for each in named:
            vault = metrics.backends.of(each.name).own
            vault.server(f"{number}", "c", "n")
            vault.login_failed()
    shown = scrape(metrics).count("secrets_manager_vault_login_errors_total{")

    assert backends < shown <= max(16, 2 * backends)


def test_a_label_that_a_plug_in_gave_its_own_series_is_kept_beside_ours() -> None:
    registry = CollectorRegistry()
    Gauge("attic_floor", "Floors.", ("backend", "side"), registry=registry).labels("left", "north").set(3)
    (family,) = registry.collect()
    (sample,) = _labelled("attic", family)

    assert sample.labels == {"backend": "attic", "exported_backend": "left", "side": "north"}


NAMES = st.sampled_from(["default", "two", "keys", "other-keys", "attic"])


@given(st.lists(st.tuples(NAMES, st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_whatever_comes_and_goes_a_scrape_is_valid(steps: list[tuple[str, str, bool]]) -> None:
    metrics = Metrics(SEVERAL)
    for backend, name, fails in steps:
        if fails:
            place = Location(name, backend=backend)
            metrics.sync.source_failed(Ref("shop", name), place, "k", KeyNotFound(name, "k"))
        else:
            metrics.sync.forgotten(Ref("shop", name))
    lines = [line for line in scrape(metrics).splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]

    assert len(series) == len(set(series))
