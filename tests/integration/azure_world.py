"""The environment of a daemon whose values come from Azure Key Vault: a World whose vault is the double."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tests.integration.world import CONFIG_RULES, World
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble
from tests.testbed.cluster import TestCluster

PRINCIPAL = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": CLIENT_SECRET}


def environment(azure: AzureDouble) -> dict[str, str]:
    """Settings that lead a daemon to the double, without an identity there."""
    return {
        "SECRETS_MANAGER_BACKEND": "azure-kv",
        "AZURE_KV_NAME": azure.vault.name,
        "SECRETS_MANAGER_AZURE_KV__CA_CERT": str(azure.ca_file),
        "SECRETS_MANAGER_AZURE_KV__HTTPS_PROXY": azure.proxy_url,
    }


@contextmanager
def azure_world(cluster: TestCluster, azure: AzureDouble, folder: Path) -> Iterator[World]:
    """Prepare everything; daemons log in as the service principal unless the caller says otherwise."""
    home = cluster.create_namespace()
    account = cluster.service_account(home, "secrets-manager", cluster_rules=CONFIG_RULES)
    nobody = cast("Any", None)
    yield World(
        cluster=cluster,
        openbao=nobody,
        role=nobody,
        account=account,
        prefix="",
        folder=folder,
        environ={**environment(azure), **PRINCIPAL, "KUBECONFIG": str(account.kubeconfig)},
    )
    cluster.delete_namespace(home)
