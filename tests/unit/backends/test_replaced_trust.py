"""A login that TLS prevents is made as soon as other authorities are trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secrets_manager.backends.azure_key_vault.backend import AzureKeyVaultBackend
from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import BackendTLS
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import VaultSettings
from tests.builders import Clock
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.pki import Authority
from tests.unit.backends.azure_key_vault.support import PRINCIPAL, backend_on
from tests.unit.backends.vault.doubles import RecordedTelemetry
from tests.unit.backends.vault.test_backend import FakeVault
from tests.unit.runtime.loopback import Loopback, each_request

Made = tuple[VaultBackend | AzureKeyVaultBackend, Clock, Callable[[], object]]


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """A file of authorities that issued no certificate of any server."""
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority(tmp_path / "stranger", "stranger").ca_file.read_bytes())
    return file


@contextmanager
def _vault(tmp_path: Path, into: Path, **named: str) -> Iterator[Made]:
    clock, authority, fake = Clock(), Authority(tmp_path / "pki"), FakeVault()
    pair = authority.issue("127.0.0.1")
    with fake.server, Loopback(each_request(fake.answer), tls=pair) as server:
        backend = VaultBackend(
            VaultSettings(url=server.url, role_id="r", secret_id="s", **named),  # type: ignore[arg-type]
            timeout=5.0,
            poll_period=60.0,
            connections=4,
            telemetry=RecordedTelemetry(),
            watchdog=Watchdog(),
            clock=clock,
        )
        yield backend, clock, lambda: into.write_bytes(authority.ca_file.read_bytes())
        backend.close()


@pytest.fixture
def vault_by_file(trusted: Path, tmp_path: Path) -> Iterator[Made]:
    """Vault, and how it comes to be trusted."""
    with _vault(tmp_path, trusted, ca_cert=str(trusted)) as made:
        yield made


@pytest.fixture
def vault_by_folder(trusted: Path, tmp_path: Path) -> Iterator[Made]:
    """The same with a folder of authorities, to which one is added."""
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "stranger.pem").write_bytes(trusted.read_bytes())
    with _vault(tmp_path, folder / "another.pem", ca_path=str(folder)) as made:
        yield made


@pytest.fixture
def key_vault(trusted: Path, azure: AzureDouble) -> Iterator[Made]:
    """Azure, and how it comes to be trusted."""
    clock = Clock()
    backend = backend_on(azure, clock=clock, **PRINCIPAL, ca_cert=str(trusted))
    yield backend, clock, lambda: trusted.write_bytes(azure.ca_file.read_bytes())
    backend.close()


@pytest.mark.parametrize("made", ["vault_by_file", "vault_by_folder", "key_vault"])
def test_other_authorities_end_the_pause_of_a_login_that_was_tried_long_in_vain(
    made: str, request: pytest.FixtureRequest
) -> None:
    backend, clock, replace = request.getfixturevalue(made)
    for _ in range(8):
        with pytest.raises(BackendTLS):
            backend.maintain()
        clock.now += 31
    with pytest.raises(BackendTLS):
        backend.maintain()
    clock.now += 1
    assert not backend.retry_login()

    replace()
    clock.now += 1

    assert backend.retry_login()
    assert backend.ready()
