"""A certificate as the vault stores it, PFX or PEM, split into the keys of a TLS Secret. Pure.

This module must not know the vault's API, and its errors must not quote the certificate.
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
    load_pem_private_key,
    pkcs12,
)

from secrets_manager.backends.azure_key_vault.chains import chain_of, public_bytes

CHAIN = "tls.crt"
KEY = "tls.key"
AUTHORITY = "ca.crt"

_PEM_MARK = "-----BEGIN "
_KEY_MARK = "PRIVATE KEY-----"


class NotACertificate(ValueError):
    """The stored text is neither PFX nor PEM with a certificate."""


def take_apart(stored: str) -> dict[str, str]:
    """``tls.crt`` (leaf first, then its issuers), ``ca.crt`` (the last of them) and, if there, ``tls.key``.

    All are PEM, the key is PKCS #8. Certificates outside of the leaf's chain are left out. Raises
    NotACertificate.
    """
    try:
        key, certificates = _from_pem(stored) if _PEM_MARK in stored else _from_pfx(stored)
        if not certificates:
            raise NotACertificate
        chain = chain_of(certificates, public_bytes(key.public_key()) if key is not None else None)
        return _texts(chain, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The message of the library could quote the input.
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


def _texts(chain: list[x509.Certificate], key: PrivateKeyTypes | None) -> dict[str, str]:
    pems = [certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in chain]
    texts = {CHAIN: "".join(pems), AUTHORITY: pems[-1]}
    if key is not None:
        texts[KEY] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return texts
