"""The login of a VaultAuth, as settings of a backend; one function for each method. Pure."""

from __future__ import annotations

from collections.abc import Callable

from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.reading import items, mapping, needed, text
from secrets_manager.migrate.remarks import Refused
from secrets_manager.migrate.results import Mounted, Value

__all__ = ["METHODS", "login", "reads_a_secret"]

Todo = list[str]
_ROLE_BINDING = "bind the role of Vault to the daemon's service account"
_IDENTITY = "give the daemon's service account the identity of {} that the login was made with"
# What holds a part of the login, in the namespace of the object that reads.
_SECRETS = {"jwt": "jwt", "appRole": "id"}


def login(auth: Original, namespace: str, todo: Todo) -> dict[str, Value]:
    """The settings; ``namespace`` is that of the object that reads. Raises Refused, about the VaultAuth."""
    method = text(auth.spec, "method")
    if method not in METHODS:
        raise Refused("spec.method", f"is none that is known here; it may be {', '.join(METHODS)}")
    if not mapping(auth.spec, method):
        raise Refused(f"spec.{method}", "is missing, and spec.method names it")
    mount = needed(auth, "spec.mount").strip("/")
    setting, usual = _MOUNTS[method]
    path: dict[str, Value] = {} if mount == usual else {setting: mount}
    return {"auth-method": usual, **path, **METHODS[method](auth, namespace, todo)}


def reads_a_secret(auth: Original) -> bool:
    """Whether the login needs a Secret of the namespace of the object that reads."""
    method = text(auth.spec, "method")
    return method in _SECRETS and bool(text(auth.spec, method, "secretRef"))


def _by_kubernetes(auth: Original, _namespace: str, todo: Todo) -> dict[str, Value]:
    _bound(auth, "kubernetes", "kubernetes-token-file", todo)
    return {"kubernetes-role": needed(auth, "spec.kubernetes.role")}


def _by_jwt(auth: Original, namespace: str, todo: Todo) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if role := text(auth.spec, "jwt", "role"):
        found["jwt-role"] = role
    if reads_a_secret(auth):
        return found | {"jwt-file": _secret(auth, "jwt", namespace)}
    _bound(auth, "jwt", "jwt-file", todo)
    return found


def _by_app_role(auth: Original, namespace: str, _todo: Todo) -> dict[str, Value]:
    return {
        "role-id": needed(auth, "spec.appRole.roleId"),
        "secret-id-file": _secret(auth, "appRole", namespace),
    }


def _by_aws(auth: Original, _namespace: str, todo: Todo) -> dict[str, Value]:
    todo.append(_IDENTITY.format("AWS"))
    found: dict[str, Value] = {"aws-role": needed(auth, "spec.aws.role")}
    for name, setting in (("region", "aws-region"), ("headerValue", "aws-header-value")):
        if value := text(auth.spec, "aws", name):
            found[setting] = value
    return found


def _by_google(auth: Original, _namespace: str, todo: Todo) -> dict[str, Value]:
    todo.append(_IDENTITY.format("Google Cloud"))
    return {"gcp-role": needed(auth, "spec.gcp.role")}


METHODS: dict[str, Callable[[Original, str, Todo], dict[str, Value]]] = {
    "kubernetes": _by_kubernetes,
    "jwt": _by_jwt,
    "appRole": _by_app_role,
    "aws": _by_aws,
    "gcp": _by_google,
}
# The setting for a mount of another name, and what ours is called.
_MOUNTS = {
    "kubernetes": ("kubernetes-path", "kubernetes"),
    "jwt": ("jwt-path", "jwt"),
    "appRole": ("approle-path", "approle"),
    "aws": ("aws-path", "aws"),
    "gcp": ("gcp-path", "gcp"),
}


def _bound(auth: Original, method: str, setting: str, todo: Todo) -> None:
    """The tokens of service accounts of the namespaces are replaced by the daemon's own."""
    audiences = [each for each in items(auth.spec, method, "audiences") if isinstance(each, str)]
    accounts = text(auth.spec, method, "serviceAccount")
    before = f", in the place of {accounts} of each namespace" if accounts else ""
    todo.append(f"{_ROLE_BINDING}{before}")
    todo.append(
        "make the rules narrower, if policies of Vault let one such account read what another may not"
    )
    if audiences:
        todo.append(f"mount a token with the audience {' or '.join(audiences)}, and name it as {setting}")


def _secret(auth: Original, method: str, namespace: str) -> Mounted:
    return Mounted("Secret", namespace, needed(auth, f"spec.{method}.secretRef"), _SECRETS[method])
