"""The metrics of Azure Key Vault, as dashboards written for the original use them."""

from __future__ import annotations

import pytest

from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.azure import AzureMetrics
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AuthFailed,
    ForbiddenByNetwork,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.domain.location import Location
from secrets_manager.settings import AzureKvSettings, Settings

SETTINGS = Settings(backend="azure-kv", azure_kv=AzureKvSettings(name="vault", tenant_id="tenant"))
DB = Ref("shop", "db")
LABELS = {"azure_kv_name": "vault", "azure_kv_tenant": "tenant"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(SETTINGS)


def azure_of(metrics: Metrics) -> AzureMetrics:
    azure: AzureMetrics = metrics.backends.of("default").own
    return azure


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {**LABELS, **labels})


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (SourceNotFound("app"), "BackendSecretNotFoundError"),
        (SourceDeleted("app"), "BackendSecretNotFoundError"),
        (PermissionDenied("app"), "BackendSecretForbiddenError"),
        (SourceDisabled("app"), "BackendSecretForbiddenError"),
        (ForbiddenByNetwork("no"), "BackendSecretForbiddenError"),
        (AuthFailed("no"), "UnknownError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SecretsManagerError) else value,
)
def test_a_key_that_could_not_be_read_counts_under_the_original_s_word(
    metrics: Metrics, error: SecretsManagerError, word: str
) -> None:
    metrics.sync.source_failed(DB, Location("app"), "", error)

    name = "secrets_manager_azure_kv_read_secret_errors_total"
    assert value(metrics, name, path="app", key="", error=word) == 1.0


def test_a_failed_login_counts(metrics: Metrics) -> None:
    azure_of(metrics).login_failed()

    assert value(metrics, "secrets_manager_azure_kv_login_errors_total") == 1.0


def test_an_expiry_is_shown_as_long_as_there_is_one(metrics: Metrics) -> None:
    name = "secrets_manager_azure_kv_secret_expiry_timestamp_seconds"
    azure_of(metrics).source_expiry("app", None)
    azure_of(metrics).source_expiry("app", 1_700_000_000.0)
    assert value(metrics, name, backend="default", path="app") == 1_700_000_000.0
    azure_of(metrics).source_expiry("app", None)

    assert value(metrics, name, backend="default", path="app") is None


def test_calls_share_the_histogram_of_all_backends(metrics: Metrics) -> None:
    azure_of(metrics).backend_call("azure-kv", "list", 0.1, None)
    labels = {"backend": "default", "kind": "azure-kv", "operation": "list", "result": "success"}

    name = "secrets_manager_backend_request_duration_seconds_count"
    assert metrics.registry.get_sample_value(name, labels) == 1.0


def test_a_vault_given_by_its_address_is_shown_by_its_name() -> None:
    azure = AzureKvSettings(url="https://other.vault.azure.net", managed_client_id="m")
    metrics = Metrics(Settings(backend="azure-kv", azure_kv=azure))
    azure_of(metrics).login_failed()
    labels = {"azure_kv_name": "other", "azure_kv_tenant": ""}

    assert metrics.registry.get_sample_value("secrets_manager_azure_kv_login_errors_total", labels) == 1.0


def test_with_vault_as_the_backend_nothing_counts_for_azure() -> None:
    metrics = Metrics(Settings())
    metrics.sync.source_failed(DB, Location("secret/data/app"), "a", SourceNotFound("secret/data/app"))
    families = {metric.name: metric.samples for metric in metrics.registry.collect()}

    assert not any(name.startswith("secrets_manager_azure_kv") for name in families)
