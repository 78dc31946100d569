"""Checks the rules of the path policy as a settings file holds them, and makes values of them.

Every fault names the rule by its number, the field, and the item of a list; what was found is named by its
type alone. A pattern that no name or path can ever match is a fault: a rule that denies by it would protect
nothing. Whether a pattern matches a backend that there is, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from secrets_manager.domain.policy_rules import Effect, Rule
from secrets_manager.domain.wording import in_quotes
from secrets_manager.settings.checks import path_pattern
from secrets_manager.settings.kinds import ValueKindError, list_of_items, toml_type

MOST_RULES = 1000
# Of all lists of all rules.
MOST_PATTERNS = 10_000
MOST_FAULTS = 10
_LONGEST_NAME = 63
_LABEL_GLOB = re.compile(r"[a-z0-9*](?:[-a-z0-9*]*[a-z0-9*])?", re.ASCII)


def path_rules(value: tuple[object, ...]) -> tuple[Rule, ...]:
    """The rules of these tables. Raises `ValueError`.

    A list that is set but empty is a mistake, and must not mean every path.
    """
    if not value:
        raise ValueError("is set but empty; write at least one rule, or leave it out")
    if len(value) > MOST_RULES:
        raise ValueError(f"has {len(value)} rules; the most is {MOST_RULES}")
    faults = [f"rule {number}{fault}" for number, item in enumerate(value, 1) for fault in _faults(item)]
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise ValueError("; ".join([*faults[:MOST_FAULTS], *more]))
    rules = tuple(_rule(item) for item in value if isinstance(item, dict))
    patterns = sum(len(rule.namespaces) + len(rule.backends) + len(rule.paths) for rule in rules)
    if patterns > MOST_PATTERNS:
        raise ValueError(f"has {patterns} patterns in its lists; the most is {MOST_PATTERNS}")
    return rules


def _rule(item: Mapping[str, Any]) -> Rule:
    lists = {name: list_of_items(item[name]) for name in RULE_LISTS if name in item}
    return Rule(**lists, effect=Effect(item["effect"]))


def _faults(item: object) -> Iterator[str]:
    """The faults of a rule, each with a comma and the field before it where there is one."""
    if not isinstance(item, dict):
        yield f": must be a table, found {toml_type(item)}"
        return
    for name in item:
        if name not in {*RULE_LISTS, "effect"}:
            known = ", ".join(RULE_LISTS)
            yield f", {in_quotes(name[:_LONGEST_NAME])}: unknown; a rule has {known} and effect"
    for name, check in RULE_LISTS.items():
        if name in item:
            yield from (f", {name}{fault}" for fault in _faults_of_list(item[name], check))
        elif name != "backends":
            yield f", {name}: missing"
    yield from (f", effect: {fault}" for fault in _faults_of_effect(item))


def _faults_of_effect(item: Mapping[str, object]) -> Iterator[str]:
    words = [effect.value for effect in Effect]
    if "effect" not in item:
        yield "missing"
    elif not isinstance(item["effect"], str):
        yield f"must be {' or '.join(words)}, found {toml_type(item['effect'])}"
    elif item["effect"] not in words:
        yield f"must be {' or '.join(words)}"


def _faults_of_list(value: object, check: Callable[[str], None]) -> Iterator[str]:
    if not isinstance(value, list):
        yield f": must be a list of strings, found {toml_type(value)}"
        return
    if not value:
        yield ": must not be empty"
    for number, item in enumerate(value, 1):
        try:
            (bare,) = list_of_items([item])
            check(bare)
        except (ValueKindError, ValueError) as fault:
            yield f", item {number}: {fault}"


def _namespace_glob(item: str) -> None:
    if not _LABEL_GLOB.fullmatch(item) or len(item.replace("*", "")) > _LONGEST_NAME:
        raise ValueError(
            "matches no namespace: those have lower-case letters, digits and inner dashes, at most 63, "
            "and * is any text"
        )


def _backend_glob(item: str) -> None:
    if not _LABEL_GLOB.fullmatch(item) or len(item.replace("*", "")) > _LONGEST_NAME:
        raise ValueError(
            "matches no backend: their names have lower-case letters, digits and inner dashes, at most 63, "
            "and * is any text"
        )


def _path_glob(item: str) -> None:
    path_pattern(item)
    if "" in item.lstrip("/").split("/"):
        raise ValueError("matches no path: none has two slashes in a row or ends with one; /* is all below")


RULE_LISTS: dict[str, Callable[[str], None]] = {
    "namespaces": _namespace_glob,
    "backends": _backend_glob,
    "paths": _path_glob,
}
