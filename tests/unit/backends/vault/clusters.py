"""Clusters in memory whose standbys lag: they answer as the documentation of Vault and of OpenBao says.

Vault Enterprise: "Vault eventual consistency" and the setting ``allow_forwarding_via_header``. OpenBao 2.7:
"Eventual consistency"; tests/integration/test_vault_standbys.py runs the same on the real server.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.vault.transport import VaultAnswer, VaultCall

CLUSTER = "5bcf0d2c-2da4-63b4-e665-a7f61c4a1d8e"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def vault_index(count: int, *, replicated: int = 0, cluster: str = CLUSTER) -> str:
    return encoded(f"v1:{cluster}:{count}:{replicated}:{'0a' * 32}")


def openbao_index(count: int, *, cluster: str = CLUSTER, **more: str) -> str:
    return encoded(json.dumps({"cluster": cluster, **more, "value": str(count)}))


@dataclass
class LaggingCluster:
    """One active node, and a standby in front of it that has all states up to ``replicated``.

    Each call meets the standby. Each login is a write on the active node; so is `write`.
    """

    name: str = "vault"
    replicated: int = 0
    state: int = 0
    value: str = "old"
    catches_up_after: int | None = None
    seen: list[VaultCall] = field(default_factory=list)
    by_active: int = 0

    def send(self, call: VaultCall) -> VaultAnswer:
        self.seen.append(call)
        if self.catches_up_after is not None and len(self.seen) > self.catches_up_after:
            self.replicated = self.state
        if call.method == "POST":
            self.state += 1
            return self.active_says({"auth": {"client_token": "s.token"}})
        return self.read(call.headers)

    def refresh(self) -> bool:
        return False

    def close(self) -> None:
        """There are no connections."""

    def write(self, value: str) -> None:
        self.state += 1
        self.value = value

    def read(self, headers: Mapping[str, str]) -> VaultAnswer:
        raise NotImplementedError

    def active_says(self, content: Mapping[str, Any]) -> VaultAnswer:
        raise NotImplementedError

    def standby_says(self) -> VaultAnswer:
        # The token was written with the first state.
        if not self.replicated:
            return VaultAnswer(403, {"errors": ["permission denied"]})
        return VaultAnswer(200, {"data": self.value if self.replicated == self.state else "old"})

    def wishes(self) -> list[str | None]:
        """What each read so far wished for in X-Vault-Inconsistent."""
        return [call.headers.get("X-Vault-Inconsistent") for call in self.seen if call.method == "GET"]

    def required(self) -> list[str | None]:
        """The state that each read so far asked for."""
        return [call.headers.get("X-Vault-Index") for call in self.seen if call.method == "GET"]


@dataclass
class VaultEnterprise(LaggingCluster):
    """412 where a state is missing; only replies to writes name their state; forwarding must be allowed."""

    forwards: bool = False

    def read(self, headers: Mapping[str, str]) -> VaultAnswer:
        asked = headers.get("X-Vault-Index")
        count = int(base64.b64decode(asked).split(b":")[2]) if asked else 0
        if headers.get("X-Vault-Inconsistent") == "forward-active-node":
            if not self.forwards:
                errors = [
                    "forwarding via header X-Vault-Inconsistent=forward-active-node disabled in configuration"
                ]
                return VaultAnswer(400, {"errors": errors})
            if count > self.replicated:
                self.by_active += 1
                return VaultAnswer(200, {"data": self.value})
        if count > self.replicated:
            return VaultAnswer(412, {"errors": ["required index state not present"]})
        return self.standby_says()

    def active_says(self, content: Mapping[str, Any]) -> VaultAnswer:
        return VaultAnswer(200, content, index=vault_index(self.state))


@dataclass
class OpenBaoCluster(LaggingCluster):
    """429 without an error where a state is missing; replies to reads name their state too."""

    def read(self, headers: Mapping[str, str]) -> VaultAnswer:
        asked = headers.get("X-Vault-Index")
        try:
            named = json.loads(base64.b64decode(asked)) if asked else {}
        except ValueError:
            return VaultAnswer(400, {"errors": ['failed to decode "X-Vault-Index"']})
        # The state of another cluster is ignored.
        count = int(named["value"]) if named.get("cluster") == CLUSTER else 0
        if count <= self.replicated:
            said = self.standby_says()
            index = openbao_index(self.replicated) if said.status == 200 else ""
            return VaultAnswer(said.status, said.content, index=index)
        if headers.get("X-Vault-Inconsistent") == "forward-active-node":
            self.by_active += 1
            return self.active_says({"data": self.value})
        return VaultAnswer(429, {"errors": []}, 1.0)

    def active_says(self, content: Mapping[str, Any]) -> VaultAnswer:
        return VaultAnswer(200, content, index=openbao_index(self.state))
