from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.testbed.pki import Authority, KeyPair, write_signing_key


def shake_hands(pair: KeyPair, ca_file: Path, host: str) -> None:
    """A TLS handshake over a socket pair; raises what the client thinks is wrong."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pair.certificate, pair.key)
    client_context = ssl.create_default_context(cafile=str(ca_file))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, contextlib.suppress(OSError):
            server_context.wrap_socket(theirs, server_side=True).close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with ours, client_context.wrap_socket(ours, server_hostname=host):
            pass
    finally:
        ours.close()
        server.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_is_good_for_its_names_and_addresses(authority: Authority, host: str) -> None:
    shake_hands(authority.issue("127.0.0.1", "localhost"), authority.ca_file, host)


def test_a_certificate_is_not_good_for_another_name(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(authority.issue("localhost"), authority.ca_file, "elsewhere")


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    pair = authority.issue("localhost", valid_for=dt.timedelta(hours=-1))

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(pair, authority.ca_file, "localhost")


def test_another_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(authority.issue("localhost"), Authority(tmp_path).ca_file, "localhost")


def test_private_keys_are_for_their_owner_alone(authority: Authority, tmp_path: Path) -> None:
    write_signing_key(tmp_path / "signing.key")

    assert (tmp_path / "signing.key").stat().st_mode & 0o777 == 0o600
    assert authority.issue("localhost").key.stat().st_mode & 0o777 == 0o600
