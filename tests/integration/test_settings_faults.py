"""Impossible settings end the program before it makes a connection, and none of their values shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.testbed.daemon import base_environment
from tests.testbed.fault_proxy import FaultProxy

FILE = """
workers = "canary-1"
[vault]
secretid = "canary-2"
secret-id = 4711
[volt]
secret-id = "canary-3"
"""
ENVIRON = {
    "VAULT_ROLE_ID": "role",
    "VAULT_CACERT": "/canary-4/ca.pem",
    "SECRETS_MANAGER_VAULT_URL": "canary-5",
    "SECRETS_MANAGER_RECONCILE_PERIOD": "canary-6",
}
NAMED = (
    "key workers: ",
    "key vault.secretid: unknown key",
    "key vault.secret-id: ",
    "key volt",
    "environment VAULT_CACERT: ",
    "environment SECRETS_MANAGER_VAULT_URL: unknown name",
    "environment SECRETS_MANAGER_RECONCILE_PERIOD: ",
)


def test_impossible_settings_are_all_named_before_any_connection(
    openbao_proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text(FILE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "secrets_manager"],
        cwd=tmp_path,
        env={**base_environment(), **ENVIRON, "VAULT_ADDR": openbao_proxy.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 2
    assert [name for name in NAMED if name not in done.stderr] == []
    assert "canary" not in done.stderr
    assert "4711" not in done.stderr
    assert openbao_proxy.requests == []
