"""Reasons for which the API server would refuse a Secret, found before the call.

A PUT that is bound to fail costs a call each retry, and its refusal says less than we can.
Rules: kubernetes pkg/apis/core/validation, ValidateSecret.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping

from secrets_manager.domain.errors import InvalidForType, TooLarge
from secrets_manager.domain.nesting import is_too_deep

# core/v1 MaxSecretSize: the sum of the values.
MAX_SECRET_BYTES = 1024 * 1024


def check_data(secret_type: str, data: Mapping[str, bytes]) -> None:
    """Return when the API server would take ``data`` for this type; raise TooLarge or InvalidForType."""
    size = sum(map(len, data.values()))
    if size > MAX_SECRET_BYTES:
        raise TooLarge(
            f"the values have {size} bytes in total, more than the {MAX_SECRET_BYTES} that a Secret holds"
        )
    check = _BY_TYPE.get(secret_type)
    if check:
        check(secret_type, data)


def _needs(*keys: str) -> Callable[[str, Mapping[str, bytes]], None]:
    def check(secret_type: str, data: Mapping[str, bytes]) -> None:
        missing = [key for key in keys if key not in data]
        if missing:
            raise InvalidForType(f"a Secret of type {secret_type!r} needs data key {missing[0]!r}")

    return check


def _needs_one_of(*keys: str) -> Callable[[str, Mapping[str, bytes]], None]:
    def check(secret_type: str, data: Mapping[str, bytes]) -> None:
        if not any(key in data for key in keys):
            raise InvalidForType(f"a Secret of type {secret_type!r} needs one of the data keys {keys}")

    return check


def _needs_json(key: str) -> Callable[[str, Mapping[str, bytes]], None]:
    def check(secret_type: str, data: Mapping[str, bytes]) -> None:
        _needs(key)(secret_type, data)
        if not _is_json_object(data[key]):
            raise InvalidForType(
                f"data key {key!r} of a Secret of type {secret_type!r} must be a JSON object"
            )

    return check


def _needs_content(key: str) -> Callable[[str, Mapping[str, bytes]], None]:
    def check(secret_type: str, data: Mapping[str, bytes]) -> None:
        if not data.get(key):
            raise InvalidForType(
                f"a Secret of type {secret_type!r} needs data key {key!r}, and it must not be empty"
            )

    return check


def _is_json_object(value: bytes) -> bool:
    # As Go reads it: always UTF-8, foreign bytes replaced, null taken for an empty map, no NaN, and no number
    # that a float does not hold.
    text = value.decode("utf-8", "replace")
    if is_too_deep(text):
        return False
    try:
        parsed = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_finite)
    except ValueError:
        return False
    return parsed is None or isinstance(parsed, dict)


def _refuse(_: str) -> None:
    raise ValueError("not JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise ValueError("not a number that a float holds")
    return number


_BY_TYPE: dict[str, Callable[[str, Mapping[str, bytes]], None]] = {
    "kubernetes.io/tls": _needs("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": _needs_json(".dockerconfigjson"),
    "kubernetes.io/dockercfg": _needs_json(".dockercfg"),
    "kubernetes.io/basic-auth": _needs_one_of("username", "password"),
    "kubernetes.io/ssh-auth": _needs_content("ssh-privatekey"),
}
