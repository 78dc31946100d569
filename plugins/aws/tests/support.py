"""The backend on a server of moto, behind a fault proxy, and what the tests ask of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.testing import READ_SECONDS, SilentBackend
from secrets_manager_aws.backend import AwsSecretsManagerBackend
from secrets_manager_aws.settings import AwsSettings
from tests.testbed.aws.cloud import KEY_ID, REGION, SECRET_KEY, Moto, Vaulted
from tests.testbed.fault_proxy import FaultProxy


@dataclass
class RecordedTelemetry(SilentBackend):
    """Records every report."""

    calls: list[tuple[str, SecretsManagerError | None]] = field(default_factory=list)

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        assert backend == "aws-sm"
        self.calls.append((operation, error))


def settings_for(url: str, **settings: Any) -> AwsSettings:
    """Settings that lead to a server; with static keys unless others are given."""
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET_KEY}
    return AwsSettings(**{"region": REGION, "endpoint": url, "allow_arns": True, **keys, **settings})


def backend_on(
    url: str,
    *,
    telemetry: SilentBackend | None = None,
    timeout: float = READ_SECONDS,
    clock: Clock = time.monotonic,
    **settings: Any,
) -> AwsSecretsManagerBackend:
    return AwsSecretsManagerBackend(
        settings_for(url, **settings),
        timeout=timeout,
        connections=8,
        telemetry=telemetry or SilentBackend(),
        watchdog=Watchdog(),
        clock=clock,
    )


def read(backend: AwsSecretsManagerBackend, path: str, key: str = "", version: str = "") -> str:
    """The text that a definition would find."""
    return backend.read(backend.locate(path, version), Terms.within(READ_SECONDS)).pick(key)


class AwsBench:
    """What the contract suite needs. Names have few letters, so those of the suite are spelled out."""

    def __init__(self, moto: Moto, proxy: FaultProxy) -> None:
        moto.reset()
        self.vaulted = Vaulted(moto)
        self._proxy = proxy
        self.backend = backend_on(proxy.url)

    def path(self, name: str) -> str:
        return "".join(
            letter if letter.isascii() and (letter.isalnum() or letter == "/") else f"_{ord(letter):x}_"
            for letter in name
        )

    def key(self, name: str) -> str:
        return name

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        return self.vaulted.put(self.path(name), json.dumps(values))

    def delete(self, name: str) -> None:
        self.vaulted.delete(self.path(name), at_once=True)

    def soft_delete(self, name: str) -> None:
        raise NotImplementedError("no single version is deleted")

    def destroy(self, name: str) -> None:
        raise NotImplementedError("no single version is destroyed")

    def hang(self) -> None:
        self._proxy.on("POST", ".*").hang()

    def break_down(self) -> None:
        self._proxy.refuse()

    def recover(self) -> None:
        self._proxy.clear()
        self._proxy.accept()


def actions(proxy: FaultProxy) -> Counter[str]:
    """How often each action of the API was asked for."""
    targets = (request.headers.get("x-amz-target", "") for request in proxy.requests)
    return Counter(target.partition(".")[2] for target in targets)
