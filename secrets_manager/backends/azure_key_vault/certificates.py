"""A certificate as the vault stores it, PFX or PEM, taken apart into the keys of a TLS Secret. Pure.

It must not know the vault's API, and nothing of what it handles may get into an error.
"""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

CHAIN = "tls.crt"
KEY = "tls.key"
AUTHORITY = "ca.crt"

_PEM_MARK = "-----BEGIN "
_KEY_MARK = "PRIVATE KEY-----"


class NotACertificate(ValueError):
    """The stored text is neither PFX nor PEM with a certificate in it."""


def take_apart(stored: str) -> dict[str, str]:
    """``tls.crt`` (leaf first, then its issuers), ``ca.crt`` (the last of them) and, if there, ``tls.key``.

    All are PEM, the key is PKCS #8. Raises NotACertificate.
    """
    try:
        key, certificates = _from_pem(stored) if _PEM_MARK in stored else _from_pfx(stored)
        if not certificates:
            raise NotACertificate
        chain = _in_order(certificates, key)
        return _texts(chain, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own words could quote what it choked on.
        raise NotACertificate("the stored text is neither a PFX nor a PEM certificate") from None


def _from_pfx(stored: str) -> tuple[PrivateKeyTypes | None, list[x509.Certificate]]:
    try:
        content = base64.b64decode("".join(stored.split()), validate=True)
    except binascii.Error:
        raise NotACertificate from None
    key, leaf, others = pkcs12.load_key_and_certificates(content, None)
    return key, [leaf, *others] if leaf else list(others)


def _from_pem(stored: str) -> tuple[PrivateKeyTypes | None, list[x509.Certificate]]:
    content = stored.encode()
    key = load_pem_private_key(content, None) if _KEY_MARK in stored else None
    return key, x509.load_pem_x509_certificates(content)


def _in_order(certificates: list[x509.Certificate], key: PrivateKeyTypes | None) -> list[x509.Certificate]:
    """From the leaf up, each followed by its issuer; what belongs to no chain of the leaf comes last."""
    rest = list(certificates)
    chain = [rest.pop(_leaf(rest, key))]
    while (issuer := next((one for one in rest if one.subject == chain[-1].issuer), None)) is not None:
        rest.remove(issuer)
        chain.append(issuer)
    return chain + rest


def _leaf(certificates: list[x509.Certificate], key: PrivateKeyTypes | None) -> int:
    if key is not None:
        wanted = _public_bytes(key.public_key())
        for index, certificate in enumerate(certificates):
            if _public_bytes(certificate.public_key()) == wanted:
                return index
    issuers = [
        certificate.issuer for certificate in certificates if certificate.issuer != certificate.subject
    ]
    return next((i for i, one in enumerate(certificates) if one.subject not in issuers), 0)


def _public_bytes(key: object) -> bytes:
    public_bytes: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every kind of public key has it
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return public_bytes


def _texts(chain: list[x509.Certificate], key: PrivateKeyTypes | None) -> dict[str, str]:
    pems = [certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in chain]
    texts = {CHAIN: "".join(pems), AUTHORITY: pems[-1]}
    if key is not None:
        texts[KEY] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return texts
