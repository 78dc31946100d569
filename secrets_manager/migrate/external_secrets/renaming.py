"""How External Secrets renames the keys of a whole path, as ``rename`` of a definition. Pure.

A definition strips a prefix, changes the case, adds a prefix, in this order; what can be said so is.
"""

from __future__ import annotations

import re
from typing import Any

from secrets_manager.migrate.originals import Json, dig
from secrets_manager.migrate.remarks import Refused, Remark, note

__all__ = ["rename"]

_WORD = r"[A-Za-z0-9_-]+"
# `(.*)` to `PG_$1`, where `$1_` would be another name to Go.
_WHOLE = re.compile(r"\^?\(\.[*+]\)\$?")
_ADDED = re.compile(rf"({_WORD})(?:\$1|\$\{{1\}})")
_START = re.compile(rf"\^({_WORD})")
_STRIPPED = re.compile(rf"\^({_WORD})\(\.[*+]\)\$?")
_ALL = frozenset({"$1", "${1}"})
_CASED = re.compile(r"\{\{-?\s*\.value\s*\|\s*(upper|lower)\s*-?\}\}")
_PREFIXED = re.compile(rf"({_WORD})\{{\{{\s*\.value\s*\}}\}}")
_ORDER = ("stripPrefix", "case", "addPrefix")
_SPELLS = "spells letters that no key of a Secret has as numbers; a definition refuses such a key by name"
_BY_HAND = "renames keys in a way that a definition cannot; name the keys in keysMap, or in a template"


def rename(entry: Any, at: str) -> tuple[Json, tuple[Remark, ...]]:
    """``rename`` of an entry of dataFrom, and what is to be said about it. Raises Refused."""
    rewrites = dig(entry, "rewrite")
    if isinstance(rewrites, list) and rewrites:
        return _rewritten(rewrites, at), ()
    every = (dig(each, "conversionStrategy") for each in (dig(entry, "extract"), entry))
    strategy = next(filter(None, every), "Default")
    if strategy == "Default":
        return {"invalid": "_"}, ()
    return {}, (note(f"{at}.extract.conversionStrategy", _SPELLS),)


def _rewritten(rewrites: list[Any], at: str) -> Json:
    made: Json = {}
    for number, rewrite in enumerate(rewrites):
        name, value = _step(rewrite, f"{at}.rewrite[{number}]")
        if any(done in made for done in _ORDER[_ORDER.index(name) :]):
            raise Refused(f"{at}.rewrite[{number}]", _BY_HAND)
        made[name] = value
    return made


def _step(rewrite: Any, at: str) -> tuple[str, str]:
    source, target = (dig(rewrite, "regexp", name) for name in ("source", "target"))
    if isinstance(source, str) and isinstance(target, str):
        if _WHOLE.fullmatch(source) and (found := _ADDED.fullmatch(target)):
            return "addPrefix", found[1]
        if source == "^" and re.fullmatch(_WORD, target):
            return "addPrefix", target
        if (found := _START.fullmatch(source)) and not target:
            return "stripPrefix", found[1]
        if (found := _STRIPPED.fullmatch(source)) and target in _ALL:
            return "stripPrefix", found[1]
        raise Refused(f"{at}.regexp", _BY_HAND)
    template = dig(rewrite, "transform", "template")
    if isinstance(template, str):
        if found := _CASED.fullmatch(template.strip()):
            return "case", found[1]
        if found := _PREFIXED.fullmatch(template.strip()):
            return "addPrefix", found[1]
    raise Refused(at, _BY_HAND)
