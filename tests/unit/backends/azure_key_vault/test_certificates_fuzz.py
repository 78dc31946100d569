"""Stored certificates in any order and with any damage are split or refused."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.azure_key_vault.certificates import NotACertificate, take_apart
from tests.unit.foreign_input import mangled

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# The same keys each time: a property test that draws its own would not be repeatable.
KEYS = [ec.derive_private_key(number, ec.SECP256R1()) for number in (11, 12, 13)]
NAMES = ["leaf", "middle", "root"]


def certificate(place: int) -> x509.Certificate:
    """The certificate at this place of the chain, signed by the next one."""
    above = min(place + 1, len(NAMES) - 1)
    subject, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[at])]) for at in (place, above)
    )
    builder = x509.CertificateBuilder(issuer, subject, KEYS[place].public_key(), place + 1)
    dated = builder.not_valid_before(NOW).not_valid_after(NOW + dt.timedelta(days=1))
    return dated.sign(KEYS[above], hashes.SHA256())


CHAIN = [certificate(place) for place in range(3)]
PEMS = [one.public_bytes(Encoding.PEM).decode() for one in CHAIN]
KEY = KEYS[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PFX = pkcs12.serialize_key_and_certificates(None, KEYS[0], CHAIN[0], CHAIN[1:], NoEncryption())
NOISE = st.text(st.characters(codec="ascii", exclude_characters="-"), max_size=20)


@given(st.permutations([*PEMS, KEY]), NOISE)
def test_parts_in_any_order_and_with_words_between_give_the_chain(parts: list[str], noise: str) -> None:
    found = take_apart(f"{noise}\n".join(parts))

    assert found["tls.crt"] == "".join(PEMS)
    assert found["ca.crt"] == PEMS[-1]
    assert public(found["tls.key"]) == public(KEY)


@given(st.integers(1, 90), st.sampled_from(["\n", "\r\n", " \n"]))
def test_a_pfx_gives_the_chain_however_its_base64_is_broken_into_lines(width: int, end: str) -> None:
    text = base64.b64encode(PFX).decode()
    lines = end.join(text[at : at + width] for at in range(0, len(text), width))

    assert take_apart(lines)["tls.crt"] == "".join(PEMS)


# The library reports it in its own words, which quote nothing of the stored text.
@pytest.mark.filterwarnings("ignore:PKCS#12 bundle could not be parsed as DER")
@given(
    mangled("".join([*PEMS, KEY]).encode()).map(lambda content: content.decode("utf-8", "surrogateescape"))
    | mangled(PFX).map(lambda content: base64.b64encode(content).decode())
    | st.text(max_size=30)
    | st.text(max_size=30).map("-----BEGIN CERTIFICATE-----\n{}".format)
)
def test_a_damaged_certificate_is_refused_or_gives_only_what_can_be_read(stored: str) -> None:
    try:
        found = take_apart(stored)
    except NotACertificate:
        return

    assert x509.load_pem_x509_certificates(found["tls.crt"].encode())
    if "tls.key" in found:
        assert public(found["tls.key"])


def public(key: str) -> bytes:
    loaded = load_pem_private_key(key.encode(), None)
    return loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
