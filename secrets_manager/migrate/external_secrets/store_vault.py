"""The table of a backend for a store that reads Vault. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.reading import address, items, text
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.results import Backend, Inline, Mounted, Value

__all__ = ["AT", "Referent", "backend"]

AT = "spec.provider.vault"
_AUTH = f"{AT}.auth"
_ASKED = "kubernetesServiceAccountToken"
_ROLE_BINDING = "bind the role of Vault to the daemon's service account"
_NARROWER = "make the rules narrower, if policies of Vault let one such account read what another may not"
Todo = list[str]


class Referent(Refused):
    """The login is that of whoever reads: an object of its own namespace."""


def backend(original: Original) -> Backend:
    """The backend. Raises Refused."""
    vault = dig(original.spec, "provider", "vault")
    settings: dict[str, Value] = {"url": address(text(vault, "server"), f"{AT}.server")}
    if text(vault, "version") == "v1":
        settings["engine"] = "kv1"
    if namespace := text(vault, "namespace"):
        settings["namespace"] = namespace
    other = text(vault, "auth", "namespace")
    if other and other != namespace:
        raise Refused(
            f"{_AUTH}.namespace", "is another one than that of the paths; the daemon has one for both"
        )
    todo: Todo = []
    settings |= _trust(vault, original, todo)
    settings |= _login(vault, original, todo)
    return Backend(kind="vault", settings=settings, todo=tuple(todo))


def _trust(vault: Json, original: Original, todo: Todo) -> dict[str, Value]:
    found: dict[str, Value] = {}
    provider = dig(vault, "caProvider")
    if isinstance(provider, dict) and provider:
        found["ca-cert"] = Mounted(
            text(provider, "type") or "Secret",
            _namespace_of(provider, original, f"{AT}.caProvider"),
            text(provider, "name"),
            text(provider, "key") or "ca.crt",
        )
    elif bundle := text(vault, "caBundle"):
        found["ca-cert"] = Inline.of(bundle)
        todo.append(f"write the certificates of {AT}.caBundle, decoded, into the file of ca-cert")
    for name, setting, key in (
        ("certSecretRef", "client-cert", "tls.crt"),
        ("keySecretRef", "client-key", "tls.key"),
    ):
        if isinstance(dig(vault, "tls", name), dict):
            found[setting] = _mounted(vault, original, ("tls", name), key)
    return found


def _login(vault: Json, original: Original, todo: Todo) -> dict[str, Value]:
    auth = dig(vault, "auth")
    chosen = [name for name in _LOGINS if isinstance(dig(auth, name), dict)]
    if len(chosen) != 1:
        what = "names no login" if not chosen else f"names {len(chosen)} logins"
        raise Refused(_AUTH, f"{what}; it has to name one of {', '.join(_LOGINS)}")
    return _LOGINS[chosen[0]](vault, original, todo)


def _by_token(vault: Json, original: Original, todo: Todo) -> dict[str, Value]:
    todo.append("the token has to be renewable or kept by an agent: docs/vault-logins.md says more")
    return {
        "auth-method": "token",
        "token-file": _mounted(vault, original, ("auth", "tokenSecretRef"), "token"),
    }


def _by_app_role(vault: Json, original: Original, _todo: Todo) -> dict[str, Value]:
    at = ("auth", "appRole")
    found: dict[str, Value] = {
        "auth-method": "approle",
        **_path(vault, *at, setting="approle-path", usual="approle"),
    }
    if role := text(vault, *at, "roleId"):
        found["role-id"] = role
    else:
        found["role-id-file"] = _mounted(vault, original, (*at, "roleRef"), "")
    found["secret-id-file"] = _mounted(vault, original, (*at, "secretRef"), "")
    return found


def _by_kubernetes(vault: Json, original: Original, todo: Todo) -> dict[str, Value]:
    at = ("auth", "kubernetes")
    found: dict[str, Value] = {
        "auth-method": "kubernetes",
        "kubernetes-role": text(vault, *at, "role"),
    }
    mount = text(vault, *at, "mountPath").strip("/")
    if mount not in {"", "kubernetes"}:
        found["kubernetes-path"] = mount
    # Where both are there, External Secrets takes the account.
    account, secret = (isinstance(dig(vault, *at, name), dict) for name in ("serviceAccountRef", "secretRef"))
    if secret and not account:
        found["kubernetes-token-file"] = _mounted(vault, original, (*at, "secretRef"), "token")
    else:
        todo += [_bound(vault, at, ("serviceAccountRef",), "kubernetes-token-file"), _NARROWER]
    return found


def _bound(vault: Json, at: tuple[str, ...], accounts: tuple[str, ...], setting: str) -> str:
    """What to do so that the daemon's own account may log in, with a token for whom the role is."""
    found = [each for name in accounts for each in items(vault, *at, *name.split("."), "audiences")]
    named = sorted({each for each in found if isinstance(each, str)})
    if not named:
        return _ROLE_BINDING
    return f"{_ROLE_BINDING}, and mount a token with the audience {' or '.join(named)} as {setting}"


def _by_jwt(vault: Json, original: Original, todo: Todo) -> dict[str, Value]:
    at = ("auth", "jwt")
    found: dict[str, Value] = {"auth-method": "jwt", **_path(vault, *at, setting="jwt-path", usual="jwt")}
    if role := text(vault, *at, "role"):
        found["jwt-role"] = role
    if isinstance(dig(vault, *at, "secretRef"), dict):
        found["jwt-file"] = _mounted(vault, original, (*at, "secretRef"), "")
    else:
        todo += [_bound(vault, at, (_ASKED, f"{_ASKED}.serviceAccountRef"), "jwt-file"), _NARROWER]
    return found


def _by_password(method: str, name: str) -> Callable[[Json, Original, Todo], dict[str, Value]]:
    def login(vault: Json, original: Original, _todo: Todo) -> dict[str, Value]:
        at = ("auth", name)
        return {
            "auth-method": method,
            **_path(vault, *at, setting=f"{method}-path", usual=method),
            "username": text(vault, *at, "username"),
            "password-file": _mounted(vault, original, (*at, "secretRef"), "password"),
        }

    return login


def _by_certificate(vault: Json, original: Original, _todo: Todo) -> dict[str, Value]:
    at = ("auth", "cert")
    return {
        "auth-method": "cert",
        **_path(vault, *at, setting="cert-path", usual="cert"),
        "client-cert": _mounted(vault, original, (*at, "clientCert"), "tls.crt"),
        "client-key": _mounted(vault, original, (*at, "secretRef"), "tls.key"),
    }


def _by_aws(vault: Json, _original: Original, todo: Todo) -> dict[str, Value]:
    at = ("auth", "iam")
    todo.append("give the daemon's service account the role of AWS that the login was made with")
    found: dict[str, Value] = {
        "auth-method": "aws",
        **_path(vault, *at, setting="aws-path", usual="aws"),
        "aws-role": text(vault, *at, "vaultRole"),
    }
    for name, setting in (("region", "aws-region"), ("vaultAwsIamServerID", "aws-header-value")):
        if value := text(vault, *at, name):
            found[setting] = value
    return found


def _by_google(vault: Json, _original: Original, todo: Todo) -> dict[str, Value]:
    at = ("auth", "gcp")
    todo.append("give the daemon's service account the identity of Google Cloud that the login was made with")
    return {
        "auth-method": "gcp",
        **_path(vault, *at, setting="gcp-path", usual="gcp"),
        "gcp-role": text(vault, *at, "role"),
    }


_LOGINS: dict[str, Callable[[Json, Original, Todo], dict[str, Value]]] = {
    "tokenSecretRef": _by_token,
    "appRole": _by_app_role,
    "kubernetes": _by_kubernetes,
    "jwt": _by_jwt,
    "userPass": _by_password("userpass", "userPass"),
    "ldap": _by_password("ldap", "ldap"),
    "cert": _by_certificate,
    "iam": _by_aws,
    "gcp": _by_google,
}


def _path(vault: Json, *at: str, setting: str, usual: str) -> dict[str, Value]:
    found = text(vault, *at, "path").strip("/")
    return {} if found in {"", usual} else {setting: found}


def _mounted(vault: Json, original: Original, at: tuple[str, ...], usual_key: str) -> Mounted:
    ref = dig(vault, *at)
    where = ".".join((AT, *at))
    name, key = text(ref, "name"), text(ref, "key") or usual_key
    if not name or not key:
        raise Refused(where, "names no key of a Secret, so the daemon would have no credential")
    return Mounted("Secret", _namespace_of(ref, original, where), name, key)


def _namespace_of(ref: Any, original: Original, where: str) -> str:
    """The namespace of what a reference names; that of the store, if it has one."""
    namespace = text(ref, "namespace") or original.key.namespace
    if not namespace:
        raise Referent(where, "names no namespace")
    return namespace
