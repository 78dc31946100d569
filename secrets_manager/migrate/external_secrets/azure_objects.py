"""Objects of Azure Key Vault as External Secrets names them, and as a definition does. Pure.

Its provider takes a kind before the name (`secret/`, `key/`, `cert/`), and a secret where there is none.
"""

from __future__ import annotations

from secrets_manager.migrate.remarks import Refused

__all__ = ["place"]

_OTHERS = {
    "cert": "is the bare certificate in DER; read certificates/NAME with the key tls.crt, which is PEM",
    "key": "is a key as JWK; read keys/NAME with the key public.jwk",
}


def place(key: str, prop: str, at: str) -> tuple[str, str]:
    """The path of an object, and the key within it. Raises Refused."""
    kind, slash, name = key.partition("/")
    if slash and kind in _OTHERS:
        raise Refused(f"{at}.key", _OTHERS[kind])
    if slash and kind != "secret":
        raise Refused(f"{at}.key", "is no name of a secret in a key vault")
    return (name if slash else key), _pointer(prop)


def _pointer(prop: str) -> str:
    """A JSON pointer for a way into JSON whose parts have dots between them."""
    if not prop:
        return ""
    parts = (part.replace("~", "~0").replace("/", "~1") for part in prop.split("."))
    return "#/" + "/".join(parts)
