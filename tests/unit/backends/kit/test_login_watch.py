"""A login that hangs outside of its calls is seen from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.backends.kit import credential_files
from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import BackendFault
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import VaultSettings
from tests.builders import Clock
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.waiting import wait_until
from tests.unit.backends.azure_key_vault.support import PRINCIPAL, settings_for
from tests.unit.backends.azure_key_vault.support import RecordedTelemetry as AzureTelemetry
from tests.unit.backends.vault.doubles import RecordedTelemetry
from tests.unit.backends.vault.test_backend import FakeVault

CALL_SECONDS = 0.5
Make = Callable[[Watchdog, Clock], VaultBackend | AzureKeyVaultBackend]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Make]:
    """Makes a backend that reads its secret id from a file."""
    (tmp_path / "secret-id").write_text("s")
    fake = FakeVault()
    with fake.server as server:
        settings = VaultSettings(url=server.url, role_id="r", secret_id_file=str(tmp_path / "secret-id"))
        yield lambda watchdog, clock: VaultBackend(
            settings,
            timeout=CALL_SECONDS,
            poll_period=60.0,
            connections=4,
            telemetry=RecordedTelemetry(),
            watchdog=watchdog,
            clock=clock,
        )


@pytest.fixture
def key_vault(tmp_path: Path, azure: AzureDouble) -> Make:
    """The same with a client secret."""
    (tmp_path / "client-secret").write_text(PRINCIPAL["client_secret"])
    file = {"client_secret": "", "client_secret_file": str(tmp_path / "client-secret")}
    return lambda watchdog, clock: AzureKeyVaultBackend(
        settings_for(azure, **{**PRINCIPAL, **file}),
        timeout=CALL_SECONDS,
        connections=4,
        telemetry=AzureTelemetry(),
        watchdog=watchdog,
        clock=clock,
    )


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The files of credentials are on a file system that does not answer until this is set."""
    back = threading.Event()
    read = credential_files._content

    def content(*arguments: Any) -> bytes:
        back.wait(60)
        return read(*arguments)

    monkeypatch.setattr(credential_files, "_content", content)
    yield back
    back.set()


@pytest.mark.parametrize("made", ["vault", "key_vault"])
def test_a_login_that_waits_for_its_files_is_overdue_after_half_a_minute_until_it_ends(
    made: str, away: threading.Event, request: pytest.FixtureRequest
) -> None:
    watchdog, clock = Watchdog(), Clock()
    backend = request.getfixturevalue(made)(watchdog, clock)
    with pytest.raises(BackendFault, match="under way"):
        backend.maintain()
    clock.now += 25
    assert watchdog.overdue() == 0
    clock.now += 5

    assert watchdog.overdue() == 5
    away.set()
    wait_until(lambda: watchdog.overdue() == 0, what="the end of the login")
    backend.close()
