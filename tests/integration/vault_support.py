"""A VaultBackend on a real server, as the tests of this folder want it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import VaultSettings
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.unit.backends.vault.doubles import RecordedTelemetry

LOGIN = r"/v1/auth/.*/login"
READ = r"/v1/secret/data/.*"


def reader_role(openbao: OpenBao, prefix: str, **options: object) -> AppRole:
    """A role that may read below the prefix in both engines; options are the role's."""
    policy = openbao.read_policy(prefix, f"secret/data/{prefix}/*", f"kv1/{prefix}/*")
    return openbao.approle(prefix, [policy], **options)


def vault_backend(
    url: str,
    role: AppRole | None = None,
    *,
    timeout: float = 30.0,
    told: RecordedTelemetry | None = None,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> VaultBackend:
    """A backend that logs in as `role`; settings are those of VaultSettings."""
    if role is not None:
        settings = {"role_id": role.role_id, "secret_id": role.secret_id, **settings}
    return VaultBackend(
        VaultSettings(url=url, **settings),
        timeout=timeout,
        poll_period=60.0,
        connections=24,
        telemetry=told or RecordedTelemetry(),
        watchdog=Watchdog(),
        clock=clock,
    )


def read(backend: VaultBackend, path: str, key: str = "a", *, seconds: float = 30.0) -> str:
    """The text under `key` of `path`."""
    return backend.read(backend.locate(path), Terms.within(seconds)).pick(key)
