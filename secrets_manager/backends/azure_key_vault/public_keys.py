"""The public half of a key that the vault keeps, in the forms that programs read. Pure.

The private half never leaves the vault, so this module cannot show it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PEM = "public.pem"
JWK = "public.jwk"

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-256K": ec.SECP256K1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


class NoPublicKey(ValueError):
    """The key has no public half, or one of an unknown kind."""


def public_forms(jwk: Mapping[str, Any]) -> dict[str, str]:
    """``public.pem`` and ``public.jwk`` of a JSON Web Key; raises NoPublicKey."""
    kind = str(jwk.get("kty")).removesuffix("-HSM")
    try:
        shown = {"kty": kind, **{name: str(jwk[name]) for name in _MEMBERS[kind]}}
        key = _rsa(shown) if kind == "RSA" else _elliptic(shown)
    except (KeyError, ValueError, UnsupportedAlgorithm):
        raise NoPublicKey("the key has no public half that is known") from None
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    return {PEM: pem, JWK: orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode()}


def _rsa(jwk: Mapping[str, str]) -> PublicKey:
    return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()


def _elliptic(jwk: Mapping[str, str]) -> PublicKey:
    curve = _CURVES[jwk["crv"]]()
    return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve).public_key()


def _number(text: str) -> int:
    try:
        return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except binascii.Error:
        raise NoPublicKey from None
