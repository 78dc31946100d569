"""Reads what a field of an object says, and says where a remark stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.settings.checks import vault_url

__all__ = ["address", "flag", "items", "located", "mapping", "needed", "text", "texts"]


_PLACEHOLDER = re.compile(r"\$\{[^${}]{1,200}\}")
_STEP = re.compile(r"\[(?P<number>[0-9]{1,9})\]|\['(?P<quoted>[^']+)'\]|(?P<name>[^.\[\]]+)")


def text(value: Any, *at: str | int) -> str:
    """The text at a place, "" where there is none."""
    found = dig(value, *at)
    return found if isinstance(found, str) else ""


def needed(original: Original, path: str) -> str:
    """The text of a field that has to be there. Raises Refused."""
    found = text(original.body, *path.split("."))
    if not found:
        raise Refused(path, "is missing")
    return found


def address(given: str, path: str) -> str:
    """The address of a server as a field gives it. Raises Refused where the daemon would not take it.

    Placeholders of other tools may stand for a name in it; the table of the fields tells of them.
    """
    if not given:
        raise Refused(path, "is missing; it is the address of the Vault")
    try:
        vault_url(_PLACEHOLDER.sub("x", given))
    except ValueError as why:
        raise Refused(path, f"is no address that the daemon takes: it {why}") from None
    return given


def flag(value: Any, *at: str | int, usual: bool = False) -> bool:
    """Whether a field is true; ``usual`` is what it is where it is absent."""
    found = dig(value, *at)
    return found if isinstance(found, bool) else usual


def mapping(value: Any, *at: str | int) -> Json:
    """The map at a place, an empty one where there is none."""
    found = dig(value, *at)
    return found if isinstance(found, dict) else {}


def texts(value: Any, *at: str | int) -> dict[str, str]:
    """The texts of a map by name."""
    return {name: each for name, each in mapping(value, *at).items() if isinstance(each, str)}


def items(value: Any, *at: str | int) -> list[Any]:
    """The list at a place, an empty one where there is none."""
    found = dig(value, *at)
    return found if isinstance(found, list) else []


def located(original: Original, remark: Remark) -> Remark:
    """The remark with the line of its field, as far as its path leads."""
    return remark.at(original.line(_steps(remark.path)))


def _steps(path: str) -> Iterator[str | int]:
    """The names and numbers of a path such as ``spec.data[0].secretKey``, also in brackets and quotes."""
    for found in _STEP.finditer(path):
        yield int(found["number"]) if found["number"] else found["quoted"] or found["name"]
