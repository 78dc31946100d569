"""Logins by Azure: which identity is chosen, and what Vault is sent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secrets_manager.backends.vault.logins import METHODS
from secrets_manager.backends.vault.logins.azure import Identity, identity_of
from secrets_manager.backends.vault.plugin import contradictions
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.cloud_logins import AzureLogin

WORKLOAD = {"tenant_id": "t", "client_id": "c", "federated_token_file": "/token"}


@pytest.mark.parametrize(
    ("given", "identity"),
    [
        ({}, Identity.MANAGED),
        (WORKLOAD, Identity.WORKLOAD),
        ({**WORKLOAD, "managed_client_id": "m"}, Identity.MANAGED),
        ({**WORKLOAD, "tenant_id": ""}, Identity.MANAGED),
        ({**WORKLOAD, "client_id": ""}, Identity.MANAGED),
        ({**WORKLOAD, "federated_token_file": ""}, Identity.MANAGED),
    ],
)
def test_workload_identity_is_used_where_it_is_complete_and_no_other_is_named(
    given: dict[str, str], identity: Identity
) -> None:
    azure = AzureLogin(role="r", **given)

    assert identity_of(azure) is identity
    files = METHODS["azure"].files(VaultSettings(azure=azure))
    assert files == (("/token",) if identity is Identity.WORKLOAD else ())


def test_a_role_is_all_that_has_to_be_set() -> None:
    assert list(contradictions(VaultSettings(auth_method="azure", azure=AzureLogin(role="r")))) == []


@pytest.mark.parametrize("host", ["169.254.169.254", "https://login.example.test/path", "http://login.test"])
def test_a_host_that_is_none_of_entra_id_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="must"):
        OPTIONS.by_name["vault.azure-authority-host"].check(host)


LOADED = """
import sys
from secrets_manager.backends.vault import backend, plugin
print(sorted({name.partition(".")[0] for name in sys.modules} & {"azure", "msal", "google", "botocore"}))
"""


def test_no_library_of_a_cloud_is_loaded_before_a_login_needs_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
