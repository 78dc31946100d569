"""Plans of definitions that say in different ways where their values come from. Pure."""

from __future__ import annotations

import json
import secrets as random_source
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from bench.plans import Plan, Source, Wish, path_of

FIELDS = tuple(f"field_{number}" for number in range(10))
_REGISTRY = "images.example.test"

# From a path and its values, what is beside the keys of a wish: the rest of the spec and the Secret's data.
_Make = Callable[[str, Mapping[str, str]], tuple[dict[str, Any], Mapping[str, str]]]


def shaped(shape: str, namespace: str, count: int) -> Plan:
    """So many definitions of one of SHAPES, each with ten values at a path of its own."""
    names = [f"app-{number:05d}" for number in range(count)]
    values = {path_of(namespace, name): _values() for name in names}
    wishes = [_wish(shape, namespace, name, values[path_of(namespace, name)]) for name in names]
    return Plan(wishes=wishes, values=values)


def _wish(shape: str, namespace: str, name: str, values: Mapping[str, str]) -> Wish:
    path = path_of(namespace, name)
    if shape == KEYS_MAP:
        keys = {field: Source(path=path, key=field) for field in FIELDS}
        return Wish(namespace=namespace, name=name, keys=keys)
    spec, data = _MAKERS[shape](path, values)
    return Wish(namespace=namespace, name=name, keys={}, spec=spec, given=data)


def _whole_path(path: str, values: Mapping[str, str]) -> tuple[dict[str, Any], Mapping[str, str]]:
    return {"dataFrom": [{"path": path}]}, values


def _template(path: str, values: Mapping[str, str]) -> tuple[dict[str, Any], Mapping[str, str]]:
    text = "\n".join(f"{field}={{{{ all.{field} }}}}" for field in FIELDS)
    rendered = "\n".join(f"{field}={values[field]}" for field in FIELDS)
    return {"inputs": {"all": {"path": path}}, "template": {"settings": text}}, {"settings": rendered}


def _pull_secret(path: str, values: Mapping[str, str]) -> tuple[dict[str, Any], Mapping[str, str]]:
    user, password = (values[field] for field in FIELDS[:2])
    text = f"{{{{ dockerconfig('{_REGISTRY}', login.{FIELDS[0]}, login.{FIELDS[1]}) }}}}"
    auth = b64encode(f"{user}:{password}".encode()).decode()
    login = {"auths": {_REGISTRY: {"username": user, "password": password, "auth": auth}}}
    spec = {
        "type": "kubernetes.io/dockerconfigjson",
        "inputs": {"login": {"path": path}},
        "template": {".dockerconfigjson": text},
    }
    return spec, {".dockerconfigjson": json.dumps(login, separators=(",", ":"))}


def _values() -> Mapping[str, str]:
    return {field: random_source.token_urlsafe(18) for field in FIELDS}


KEYS_MAP = "keysMap"
_MAKERS: Mapping[str, _Make] = {
    "whole path": _whole_path,
    "template of ten fields": _template,
    "pull secret": _pull_secret,
}
SHAPES = (KEYS_MAP, *_MAKERS)
