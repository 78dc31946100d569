"""The Vault backend on the bench: a real OpenBao behind a proxy that can fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import Engine, VaultSettings
from secrets_manager.testing import READ_SECONDS
from tests.silent import SilentVault
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao


class OpenBaoBench:
    """One key-value engine of a shared server, below a prefix of its own."""

    def __init__(self, openbao: OpenBao, proxy: FaultProxy, prefix: str, engine: Engine) -> None:
        self._openbao = openbao
        self._proxy = proxy
        self._prefix = prefix
        self._versions: dict[str, str] = {}
        self._versioned = engine == "kv2"
        role = openbao.approle(prefix, [openbao.read_policy(prefix, self.path("*"))])
        self.backend = VaultBackend(
            VaultSettings(url=proxy.url, role_id=role.role_id, secret_id=role.secret_id, engine=engine),
            timeout=READ_SECONDS,
            poll_period=60.0,
            connections=8,
            telemetry=SilentVault(),
            watchdog=Watchdog(),
        )

    def path(self, name: str) -> str:
        mount = "secret/data" if self._versioned else "kv1"
        return f"{mount}/{self._prefix}/{name}"

    def key(self, name: str) -> str:
        return name

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        if not self._versioned:
            if ".." in name and not self._openbao.program.is_openbao:
                pytest.skip(f"{self._openbao.program} keeps no path with two dots in a row in KV version 1")
            self._openbao.write_kv1(self._stored(name), dict(values))
            return ""
        version = str(self._openbao.write_kv2(self._stored(name), dict(values)))
        self._versions[name] = version
        return version

    def delete(self, name: str) -> None:
        if self._versioned:
            self._openbao.purge_kv2(self._stored(name))
        else:
            self._openbao.delete_kv1(self._stored(name))

    def soft_delete(self, name: str) -> None:
        self._openbao.delete_kv2(self._stored(name))

    def destroy(self, name: str) -> None:
        self._openbao.destroy_kv2(self._stored(name), [int(self._versions[name])])

    def hang(self) -> None:
        self._proxy.on("GET", r"/v1/(secret|kv1)/.*").hang()

    def break_down(self) -> None:
        self._proxy.refuse()

    def recover(self) -> None:
        self._proxy.clear()
        self._proxy.accept()

    def _stored(self, name: str) -> str:
        return quote(f"{self._prefix}/{name}")
