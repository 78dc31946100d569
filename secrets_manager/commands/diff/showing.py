"""Differences for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from secrets_manager.commands.diff.differences import Difference, Names
from secrets_manager.domain.plan import Operation
from secrets_manager.domain.wording import printable


def as_data(found: Sequence[Difference]) -> dict[str, Any]:
    """All of them, also where nothing would change."""
    return {"secrets": [_data(each) for each in found]}


def _data(each: Difference) -> dict[str, Any]:
    return {
        "namespace": each.definition.namespace,
        "name": each.definition.name,
        "secret": each.secret or None,
        "operation": each.operation,
        "reason": each.reason,
        "message": each.message or None,
        "keys": names_data(each.keys),
        "labels": names_data(each.labels),
        "annotations": names_data(each.annotations),
        "type": {"from": each.types[0], "to": each.types[1]} if each.types else None,
        "ownerChanges": each.owner,
        "restarts": list(each.restarts),
        "notRestarted": each.not_restarted or None,
    }


def names_data(names: Names) -> dict[str, list[str]]:
    """Names for programs."""
    return {"added": list(names.added), "changed": list(names.changed), "removed": list(names.removed)}


def as_text(found: Sequence[Difference]) -> Text:
    """Only what would change, and a tally."""
    lines = [line for each in found if each.is_any for line in _lines(each)]
    return Text("\n").join([*lines, Text(_tally(found))])


def _lines(each: Difference) -> Iterator[Text]:
    about = f"{each.definition} Secret {each.secret}" if each.secret else str(each.definition)
    said = f"{each.operation} ({each.reason})" + (f": {each.message}" if each.message else "")
    yield Text(printable(f"{about}: {said}"), "bold")
    if each.types:
        yield Text(printable(f"  ~ type {each.types[0]} -> {each.types[1]}"), "yellow")
    for word, names in (("key", each.keys), ("label", each.labels), ("annotation", each.annotations)):
        yield from signed(word, names)
    if each.owner:
        yield Text("  ~ owner", "yellow")
    for workload in each.restarts:
        yield Text(printable(f"  restarts {workload}"))
    if each.not_restarted:
        yield Text(printable(f"  {each.not_restarted}"))


def signed(word: str, names: Names) -> Iterator[Text]:
    """A line for each name, with a sign that says what becomes of it."""
    for sign, style, some in (
        ("+", "green", names.added),
        ("~", "yellow", names.changed),
        ("-", "red", names.removed),
    ):
        for name in some:
            yield Text(printable(f"  {sign} {word} {name}"), style)


def _tally(found: Sequence[Difference]) -> str:
    counts = Counter(each.operation for each in found)
    unchanged = counts.pop(str(Operation.UNCHANGED), 0)
    parts = [f"{number} {word}" for word, number in sorted(counts.items())]
    return ", ".join([*parts, f"{unchanged} unchanged"])
