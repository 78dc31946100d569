"""A VaultBackend on a real server, as the tests of this folder want it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import VaultSettings
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.unit.backends.vault.doubles import Told

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
    timeout: float = 5.0,
    told: Told | None = None,
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
        telemetry=told or Told(),
        watchdog=Watchdog(),
    )


def read(backend: VaultBackend, path: str, key: str = "a") -> str:
    """The text under `key` of `path`."""
    return backend.read(backend.locate(path)).pick(key)


def attempt(work: Callable[[], object]) -> SecretsManagerError | None:
    """The error of `work`, or None when it worked."""
    try:
        work()
    except SecretsManagerError as error:
        return error
    return None


def together(count: int, work: Callable[[], object]) -> list[object]:
    """What `work` gave in each of so many threads that start at once; an error of ours is a result."""
    results: list[object] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait(10)
        try:
            results.append(work())
        except SecretsManagerError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
