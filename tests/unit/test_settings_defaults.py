"""Every default that users were promised."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest

from secrets_manager.settings import ListenAddress, ProxySettings, Settings, VaultSettings

DEFAULTS = {
    "backend": "vault",
    "backend_timeout": 5.0,
    "metrics_addr": ListenAddress(host="", port=8080),
    "once": False,
    "notices": (),
    "controller.name": "SecretDefinition",
    "controller.reconcile_period": 5.0,
    "controller.watch_namespaces": (),
    "controller.exclude_namespaces": (),
    "controller.workers": 16,
    "controller.resync_period": 600.0,
    "vault.url": "https://127.0.0.1:8200",
    "vault.auth_method": "approle",
    "vault.role_id": "",
    "vault.secret_id": "",
    "vault.role_id_file": "",
    "vault.secret_id_file": "",
    "vault.kubernetes_role": "",
    "vault.kubernetes_token_file": "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "vault.max_token_ttl": 300.0,
    "vault.token_polling_period": 15.0,
    "vault.renew_ttl_increment": 600.0,
    "vault.engine": "kv2",
    "vault.approle_path": "approle",
    "vault.kubernetes_path": "kubernetes",
    "vault.namespace": "",
    "vault.ca_cert": "",
    "vault.ca_path": "",
    "vault.client_cert": "",
    "vault.client_key": "",
    "vault.tls_server_name": "",
    "vault.skip_verify": False,
    "vault.redirect_hosts": (),
    "vault.max_requests_per_second": 1000,
    "vault.proxy.http": "",
    "vault.proxy.https": "",
    "vault.proxy.no_proxy": (),
    "azure_kv.name": "",
    "azure_kv.url": "",
    "azure_kv.cloud": "public",
    "azure_kv.dns_suffix": "",
    "azure_kv.authority_host": "",
    "azure_kv.tenant_id": "",
    "azure_kv.client_id": "",
    "azure_kv.client_secret": "",
    "azure_kv.client_secret_file": "",
    "azure_kv.client_certificate_file": "",
    "azure_kv.client_certificate_password_file": "",
    "azure_kv.federated_token_file": "",
    "azure_kv.managed_client_id": "",
    "azure_kv.managed_resource_id": "",
    "azure_kv.system_assigned_identity": False,
    "azure_kv.strict_expiry": False,
    "azure_kv.max_requests_per_second": 200,
    "azure_kv.ca_cert": "",
    "azure_kv.proxy.http": "",
    "azure_kv.proxy.https": "",
    "azure_kv.proxy.no_proxy": (),
    "logging.level": logging.INFO,
    "logging.encoder": "json",
    "logging.development": False,
    "logging.stacktrace_level": logging.ERROR,
    "kubernetes.kubeconfig": None,
    "kubernetes.request_timeout": 10.0,
    "election.enabled": False,
    "election.lease_name": "5ac9a181.secrets-manager.tuenti.io",
    "election.lease_namespace": "",
    "election.lease_duration": 15.0,
    "election.renew_deadline": 10.0,
    "election.retry_period": 2.0,
    "policy.paths": (),
}


def leaves(group: Any, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, ListenAddress):
            found |= leaves(value, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = value
    return found


def test_the_defaults_are_those_that_were_promised() -> None:
    assert leaves(Settings()) == DEFAULTS


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().backend = "azure-kv"  # type: ignore[misc]


def test_credentials_have_no_repr() -> None:
    vault = VaultSettings(
        secret_id="canary-1", proxy=ProxySettings(http="http://u:canary-2@p", https="http://u:canary-3@p")
    )

    assert "canary" not in repr(Settings(vault=vault))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (ListenAddress(), ":8080"),
        (ListenAddress(host="127.0.0.1", port=1), "127.0.0.1:1"),
        (ListenAddress(host="::1", port=0), "[::1]:0"),
    ],
)
def test_an_address_is_written_as_it_is_given(address: ListenAddress, text: str) -> None:
    assert str(address) == text
