"""Chains follow the issuers, in any order of the certificates and with any others among them."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.azure_key_vault.certificates import NotACertificate, take_apart
from secrets_manager.backends.azure_key_vault.chains import chain_of, public_bytes

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEYS = [ec.derive_private_key(number, ec.SECP256R1()) for number in range(20, 30)]
LEAF_KEY, MIDDLE_KEY, ROOT_KEY, OTHER_KEY, OLD_KEY = KEYS[:5]


def certificate(
    name: str, key: Key, issuer: str, signer: Key, *, days: int = 1, identifiers: bool = False
) -> x509.Certificate:
    """A certificate that ends so many days from `NOW`; `identifiers` names both keys."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=4000))
        .not_valid_after(NOW + dt.timedelta(days=days))
    )
    if identifiers:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(above, critical=False)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False)
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


ROOT = certificate("root", ROOT_KEY, "root", ROOT_KEY)
MIDDLE = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY)
LEAF = certificate("leaf", LEAF_KEY, "middle", MIDDLE_KEY)
STRANGER = certificate("stranger", OTHER_KEY, "stranger", OTHER_KEY)
ORPHAN = certificate("orphan", OTHER_KEY, "nobody here", OLD_KEY)
# They bear the names of those in the chain and signed nothing of it.
FALSE_MIDDLE = certificate("middle", OTHER_KEY, "root", ROOT_KEY, days=99)
FALSE_ROOT = certificate("root", OTHER_KEY, "root", OTHER_KEY, days=99)
STRANGERS = [STRANGER, ORPHAN, FALSE_MIDDLE, FALSE_ROOT]


def pem(certificates: Sequence[x509.Certificate]) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def key_pem(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def pfx(key: ec.EllipticCurvePrivateKey, leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> str:
    content = pkcs12.serialize_key_and_certificates(None, key, leaf, list(others), NoEncryption())
    return base64.b64encode(content).decode()


def chain(certificates: Sequence[x509.Certificate], key: Key | None = None) -> list[x509.Certificate]:
    return chain_of(certificates, public_bytes(key.public_key()) if key else None)


@given(st.permutations([LEAF, MIDDLE, ROOT, *STRANGERS]))
def test_certificates_outside_of_the_chain_are_left_out_wherever_they_stand(
    bundle: list[x509.Certificate],
) -> None:
    parts = take_apart(pem(bundle) + key_pem(LEAF_KEY))

    assert parts["tls.crt"] == pem([LEAF, MIDDLE, ROOT])
    assert parts["ca.crt"] == pem([ROOT])


@given(st.permutations([MIDDLE, ROOT, *STRANGERS]))
def test_a_pfx_has_its_authority_from_the_chain_and_not_from_its_last_place(
    others: list[x509.Certificate],
) -> None:
    parts = take_apart(pfx(LEAF_KEY, LEAF, others))

    assert (parts["tls.crt"], parts["ca.crt"]) == (pem([LEAF, MIDDLE, ROOT]), pem([ROOT]))


@given(st.permutations([LEAF, MIDDLE, ROOT, STRANGER]))
def test_without_a_key_the_leaf_issued_no_other_and_has_the_longest_chain(
    bundle: list[x509.Certificate],
) -> None:
    assert chain(bundle) == [LEAF, MIDDLE, ROOT]


@given(st.permutations([LEAF, MIDDLE, FALSE_ROOT, STRANGER]))
def test_without_an_authority_the_last_certificate_of_the_chain_replaces_it(
    bundle: list[x509.Certificate],
) -> None:
    parts = take_apart(pem(bundle) + key_pem(LEAF_KEY))

    assert (parts["tls.crt"], parts["ca.crt"]) == (pem([LEAF, MIDDLE]), pem([MIDDLE]))


def test_a_leaf_without_any_of_its_issuers_is_all_there_is() -> None:
    parts = take_apart(pem([STRANGER, LEAF, ROOT]) + key_pem(LEAF_KEY))

    assert parts["tls.crt"] == parts["ca.crt"] == pem([LEAF])


@given(st.permutations([LEAF, MIDDLE, ROOT] * 2))
def test_a_certificate_that_is_there_twice_is_given_once(bundle: list[x509.Certificate]) -> None:
    assert chain(bundle, LEAF_KEY) == [LEAF, MIDDLE, ROOT]


OLD_ROOT = certificate("old root", OLD_KEY, "old root", OLD_KEY, days=-1)
CROSS = certificate("root", ROOT_KEY, "old root", OLD_KEY, days=-1)


@given(st.permutations([LEAF, MIDDLE, ROOT, CROSS, OLD_ROOT]))
def test_among_two_cross_signed_paths_the_shorter_is_chosen(bundle: list[x509.Certificate]) -> None:
    assert chain(bundle, LEAF_KEY) == [LEAF, MIDDLE, ROOT]


@given(st.permutations([LEAF, MIDDLE, CROSS, OLD_ROOT]))
def test_a_cross_signed_authority_leads_to_the_old_authority_if_there_is_no_other(
    bundle: list[x509.Certificate],
) -> None:
    assert chain(bundle, LEAF_KEY) == [LEAF, MIDDLE, CROSS, OLD_ROOT]


RENEWED = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY, days=30)
EXPIRED = certificate("middle", MIDDLE_KEY, "root", ROOT_KEY, days=-30)


@given(st.permutations([LEAF, EXPIRED, MIDDLE, RENEWED, ROOT]))
def test_among_issuers_with_the_same_key_the_longest_lived_is_chosen(bundle: list[x509.Certificate]) -> None:
    assert chain(bundle, LEAF_KEY) == [LEAF, RENEWED, ROOT]


def test_expired_certificates_make_a_chain_like_any_other() -> None:
    expired = certificate("leaf", LEAF_KEY, "middle", MIDDLE_KEY, days=-30)

    assert chain([ROOT, EXPIRED, expired], LEAF_KEY) == [expired, EXPIRED, ROOT]


CIRCLE = [
    certificate("a", KEYS[5], "b", KEYS[6]),
    certificate("b", KEYS[6], "c", KEYS[7]),
    certificate("c", KEYS[7], "a", KEYS[5]),
]


@given(st.permutations(CIRCLE))
def test_certificates_that_issued_each_other_in_a_circle_are_each_given_once(
    bundle: list[x509.Certificate],
) -> None:
    assert chain(bundle, KEYS[5]) == CIRCLE
    assert sorted(map(hash, chain(bundle))) == sorted(map(hash, CIRCLE))


SECOND_LEAF = certificate("other leaf", OTHER_KEY, "middle", MIDDLE_KEY)


@given(st.permutations([LEAF, SECOND_LEAF, MIDDLE, ROOT]))
def test_among_several_leaves_the_leaf_of_the_key_is_chosen(bundle: list[x509.Certificate]) -> None:
    assert chain(bundle, OTHER_KEY) == [SECOND_LEAF, MIDDLE, ROOT]


@given(st.permutations([LEAF, SECOND_LEAF, MIDDLE, ROOT]))
def test_among_several_leaves_without_a_key_the_choice_does_not_depend_on_the_order(
    bundle: list[x509.Certificate],
) -> None:
    assert chain(bundle) == chain([LEAF, SECOND_LEAF, MIDDLE, ROOT])


@pytest.mark.parametrize(
    "signer",
    [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.from_private_bytes(b"1" * 32)],
    ids=["RSA", "Ed25519"],
)
def test_every_kind_of_key_can_issue_and_be_issued(signer: Key) -> None:
    root = certificate("root", signer, "root", signer, identifiers=True)
    leaf = certificate("leaf", LEAF_KEY, "root", signer, identifiers=True)
    own = certificate("own", signer, "middle", MIDDLE_KEY, identifiers=True)

    assert chain([STRANGER, root, FALSE_ROOT, leaf], LEAF_KEY) == [leaf, root]
    assert chain([ROOT, MIDDLE, own, STRANGER], signer) == [own, MIDDLE, ROOT]


def test_a_bundle_made_to_cost_time_is_refused() -> None:
    same = [certificate("same", KEYS[0], "same", OTHER_KEY) for _ in range(60)]

    with pytest.raises(NotACertificate):
        take_apart(pem(same))
