"""For whom a kubeconfig says that calls are made: the headers for it, as client-go sends them. Pure.

To ignore this would mean to act with more rights than the kubeconfig gives. Whether the user may stand in for
another is for the API server to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from secrets_manager.domain.errors import ConfigError

# As a header's value has to be; nothing but blanks would be nobody.
_VALUE = re.compile(r"[\x21-\x7e\xa0-\xff](?:[\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?")
# What a header's name may hold besides letters and digits; the rest of a key goes behind percent signs.
_IN_A_NAME = "!#$&'*+-.^_`|~"


def impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers for a user's section of a kubeconfig, which may repeat; raises ConfigError."""
    found = tuple(_headers(user))
    if found and found[0][0] != "Impersonate-User":
        raise ConfigError("its user has 'as-groups', 'as-uid' or 'as-user-extra' without 'as'; add 'as'")
    return found


def _headers(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if user.get("as"):
        yield "Impersonate-User", _value("as", user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", _value("as-uid", user["as-uid"])
    for group in _listed("as-groups", user.get("as-groups")):
        yield "Impersonate-Group", _value("as-groups", group)
    extra = user.get("as-user-extra") or {}
    if not isinstance(extra, dict):
        raise ConfigError("its 'as-user-extra' is not a map of lists")
    for key, values in extra.items():
        name = f"Impersonate-Extra-{quote(str(key), safe=_IN_A_NAME)}"
        for value in _listed("as-user-extra", values):
            yield name, _value("as-user-extra", value)


def _listed(field: str, values: object) -> list[object]:
    if values is not None and not isinstance(values, list):
        raise ConfigError(f"its {field!r} is not a list of texts")
    return values or []


def _value(field: str, value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ConfigError(f"its {field!r} is not a text that can be sent in a header")
    return value
