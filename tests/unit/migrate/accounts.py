"""Any values, and whether all that an object says is accounted for in its report."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from secrets_manager.migrate.fields import Fate
from secrets_manager.migrate.operators import Kind
from secrets_manager.migrate.plan import Report

__all__ = ["VALUES", "WORDS", "is_accounted", "leaves"]

WORDS = st.sampled_from(
    [
        "",
        "a",
        "a-b",
        "A b",
        "1h",
        "Merge",
        "Retain",
        "Delete",
        "Owner",
        "v1",
        "v2",
        "{{ .PASSWORD }}",
        "{{",
        "vault",
        "kv-v1",
        "kv-v2",
        "vso/login",
        "jwt",
        "aws",
        "^a.*$",
        "a+",
        "{{ .Secrets.a }}",
        "{% .Secrets.a %}",
        "{% range .Secrets %}{% . %}{% end %}",
        "Deployment",
        "secret/a",
        "shapes",
    ]
)
VALUES = st.one_of(
    WORDS,
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.just({}),
    st.just([]),
    st.lists(WORDS, max_size=2),
    st.dictionaries(WORDS, WORDS, max_size=2),
)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """Each part that has no parts, with where it stands."""
    if isinstance(value, dict) and value:
        return [leaf for name, each in value.items() for leaf in leaves(each, (*path, name))]
    if isinstance(value, list) and value:
        return [leaf for number, each in enumerate(value) for leaf in leaves(each, (*path, number))]
    return [(path, value)]


def is_accounted(kind: Kind, report: Report, path: tuple[str | int, ...], value: Any) -> bool:
    """A row of the table says what becomes of it, or a remark does; nothing there says nothing."""
    row = kind.table(report.original.version).field(path)
    if value in (None, {}, []):
        return True
    if row is not None and row.fate in {Fate.CONVERTED, Fate.IDLE} and row.takes(value):
        return True
    if row is not None and value in row.unless:
        return True
    shown = [re.sub(r"[\[\]'.]+", " ", remark.path).split() for remark in report.remarks]
    steps = [part for step in path for part in re.sub(r"[\[\]'.]+", " ", str(step)).split()]
    return any(steps[: len(each)] == each for each in shown)
