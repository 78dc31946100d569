"""Objects of the two operators of Vault for tests, and what a plan holds as flat texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import Plan
from secrets_manager.migrate.results import Mounted

__all__ = ["auth", "connection", "flat", "static_secret", "transformation", "vault_secret"]

_VSO = "secrets.hashicorp.com/v1beta1"


def _object(kind: str, namespace: str, name: str, spec: Json) -> Json:
    return {
        "apiVersion": _VSO,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def connection(name: str = "vault", namespace: str = "vso", **spec: Any) -> Json:
    """A VaultConnection."""
    usual = {"address": "https://vault.example.test:8200"}
    return _object("VaultConnection", namespace, name, usual | spec)


def auth(name: str = "login", namespace: str = "vso", **spec: Any) -> Json:
    """A VaultAuth that every namespace may use, with a login of Kubernetes unless ``method`` is another."""
    usual: Json = {
        "vaultConnectionRef": "vault",
        "allowedNamespaces": ["*"],
        "method": "kubernetes",
        "mount": "kubernetes",
    }
    if "method" not in spec:
        usual["kubernetes"] = {"role": "reader", "serviceAccount": "default"}
    return _object("VaultAuth", namespace, name, usual | spec)


def transformation(name: str = "shapes", namespace: str = "shop", **spec: Any) -> Json:
    """A SecretTransformation with one template."""
    usual = {"templates": {"url": {"text": "https://{{ .Secrets.host }}"}}}
    return _object("SecretTransformation", namespace, name, usual | spec)


def static_secret(name: str = "db", namespace: str = "shop", **spec: Any) -> Json:
    """A VaultStaticSecret about which nothing is to be said; ``destination`` is merged into the usual one."""
    destination = {"name": "db-secret", "create": True, "transformation": {"excludeRaw": True}}
    usual = {
        "vaultAuthRef": "vso/login",
        "mount": "secret",
        "path": "shop/db",
        "type": "kv-v2",
        "destination": destination | spec.pop("destination", {}),
    }
    return _object("VaultStaticSecret", namespace, name, usual | spec)


def vault_secret(name: str = "db", namespace: str = "shop", **spec: Any) -> Json:
    """A VaultSecret that reads a whole path."""
    return {
        "apiVersion": "ricoberger.de/v1alpha1",
        "kind": "VaultSecret",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"path": "secret/shop/db", "type": "Opaque"} | spec,
    }


def flat(plan: Plan) -> dict[str, Any]:
    """Each leaf of the definitions, backends and rules, by where it stands."""
    found: dict[str, Any] = {}
    for made in plan.definitions:
        found |= dict(_leaves(made.manifest, str(made.ref)))
    for name, backend in plan.backends.items():
        found |= {f"{name}:{setting}": value for setting, value in backend.settings.items()}
        found |= {f"{name} todo: {todo}": True for todo in backend.todo}
    for rule in plan.rules:
        found[f"rule {' '.join(rule.backends)}"] = (rule.namespaces, rule.paths)
    return {at: str(value) if isinstance(value, Mounted) else value for at, value in found.items()}


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{at}.{name}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{at}[{number}]")
    else:
        yield at, value
