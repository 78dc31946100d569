"""A stored certificate is split in the same way, however it was stored."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from secrets_manager.backends.azure_key_vault.certificates import NotACertificate, take_apart

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate(name: str, key: Key, issuer: str, signer: Key) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )


ROOT_KEY, MIDDLE_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
LEAF_KEY = rsa.generate_private_key(65537, 2048)
ROOT = certificate("root", ROOT_KEY, "root", ROOT_KEY)
MIDDLE = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY)
LEAF = certificate("leaf", LEAF_KEY, "middle", MIDDLE_KEY)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def key_pem(key: Key, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def pfx(key: Key | None, leaf: x509.Certificate | None, *others: x509.Certificate) -> str:
    content = pkcs12.serialize_key_and_certificates(None, key, leaf, list(others), NoEncryption())
    return base64.b64encode(content).decode()


STORED = {
    "pfx": pfx(LEAF_KEY, LEAF, MIDDLE, ROOT),
    "pfx, chain in another order": pfx(LEAF_KEY, LEAF, ROOT, MIDDLE),
    "pem, key first": key_pem(LEAF_KEY) + pem(LEAF, MIDDLE, ROOT),
    "pem, key last, leaf last": pem(ROOT, MIDDLE, LEAF) + key_pem(LEAF_KEY),
    "pem, key of the old form": pem(MIDDLE, LEAF, ROOT) + key_pem(LEAF_KEY, PrivateFormat.TraditionalOpenSSL),
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_the_chain_starts_with_the_server_and_ends_with_the_authority(stored: str) -> None:
    parts = take_apart(stored)

    assert parts["tls.crt"] == pem(LEAF, MIDDLE, ROOT)
    assert parts["ca.crt"] == pem(ROOT)
    key = load_pem_private_key(parts["tls.key"].encode(), None)
    assert key.public_key() == LEAF_KEY.public_key()
    assert parts["tls.key"].startswith("-----BEGIN PRIVATE KEY-----\n")


def test_an_elliptic_key_is_fine() -> None:
    parts = take_apart(pfx(MIDDLE_KEY, MIDDLE, ROOT))

    assert load_pem_private_key(parts["tls.key"].encode(), None).public_key() == MIDDLE_KEY.public_key()


def test_a_certificate_that_signed_itself_is_its_own_authority() -> None:
    parts = take_apart(pfx(ROOT_KEY, ROOT))

    assert parts["tls.crt"] == parts["ca.crt"] == pem(ROOT)


@pytest.mark.parametrize("stored", [pem(ROOT, LEAF, MIDDLE), pfx(None, None, ROOT, MIDDLE, LEAF)])
def test_without_a_key_the_leaf_is_the_certificate_that_issued_no_other(stored: str) -> None:
    assert take_apart(stored) == {"tls.crt": pem(LEAF, MIDDLE, ROOT), "ca.crt": pem(ROOT)}


def test_a_key_of_another_certificate_does_not_choose_the_leaf() -> None:
    assert take_apart(pem(ROOT, LEAF, MIDDLE) + key_pem(ec.generate_private_key(ec.SECP256R1())))[
        "tls.crt"
    ] == pem(LEAF, MIDDLE, ROOT)


WRONG = {
    "nothing": "",
    "text": "canary",
    "base64 of something else": base64.b64encode(b"canary").decode(),
    "bad base64": "AAA=A",
    "a key alone": key_pem(LEAF_KEY),
    "a damaged certificate": pem(LEAF).replace("MII", "canary", 1),
    "a damaged key": pem(LEAF) + key_pem(LEAF_KEY).replace("MII", "canary", 1),
    "a pfx with a password": base64.b64encode(
        pkcs12.serialize_key_and_certificates(None, LEAF_KEY, LEAF, None, BestAvailableEncryption(b"canary"))
    ).decode(),
    "an empty pfx": pfx(LEAF_KEY, None),
}


@pytest.mark.parametrize("stored", WRONG.values(), ids=WRONG)
def test_text_that_is_not_a_certificate_is_refused_without_being_shown(stored: str) -> None:
    with pytest.raises(NotACertificate) as caught:
        take_apart(stored)

    assert "canary" not in f"{caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
