"""The public half of a key, in the forms that programs read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from secrets_manager.backends.azure_key_vault.public_keys import NoPublicKey, public_forms

RSA_KEY = rsa.generate_private_key(65537, 2048).public_key()


def encoded(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size)).decode().rstrip("=")


def rsa_jwk(kind: str = "RSA") -> dict[str, str]:
    numbers = RSA_KEY.public_numbers()
    return {"kty": kind, "n": encoded(numbers.n, 256), "e": encoded(numbers.e, 3)}


def elliptic_jwk(key: ec.EllipticCurvePublicKey, curve: str) -> dict[str, str]:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    return {"kty": "EC", "crv": curve, "x": encoded(numbers.x, size), "y": encoded(numbers.y, size)}


@pytest.mark.parametrize("kind", ["RSA", "RSA-HSM"])
def test_an_rsa_key_is_shown_as_pem_and_jwk(kind: str) -> None:
    shown = public_forms({**rsa_jwk(kind), "kid": "https://v/keys/k/1", "key_ops": ["sign"]})

    assert load_pem_public_key(shown["public.pem"].encode()) == RSA_KEY
    assert json.loads(shown["public.jwk"]) == rsa_jwk()


@pytest.mark.parametrize(
    ("curve", "name"),
    [
        (ec.SECP256R1(), "P-256"),
        (ec.SECP256K1(), "P-256K"),
        (ec.SECP384R1(), "P-384"),
        (ec.SECP521R1(), "P-521"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_an_elliptic_key_is_shown_too(curve: ec.EllipticCurve, name: str) -> None:
    key = ec.generate_private_key(curve).public_key()

    assert load_pem_public_key(public_forms(elliptic_jwk(key, name))["public.pem"].encode()) == key


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct-HSM"},
        {"kty": "RSA"},
        {"kty": "RSA", "n": "?", "e": "AQAB"},
        {"kty": "RSA", "n": "AA", "e": "AQAB"},
        {"kty": "EC", "crv": "P-1", "x": "AQ", "y": "AQ"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"},
    ],
)
def test_a_key_without_a_public_half_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(NoPublicKey):
        public_forms(jwk)
