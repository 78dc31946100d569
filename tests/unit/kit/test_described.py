"""Comments of values.yaml become descriptions: the lines right above a key, and no others."""

from __future__ import annotations

from kit.described import described

TEXT = """\
# About the file.

# How many.
replicas: 2

image:
  # Where it is,
  # in full.
  repository: a/b
  pullPolicy: Always

# All of it.
settings:
  # Not this one.
  workers: 3
# A table.
more:
  inner:
    # Deep.
    list: [a, b]
  # Back.
  flag: true
"""


def test_a_value_is_described_by_the_lines_right_above_it() -> None:
    assert [(value.name, value.text, value.default) for value in described(TEXT)] == [
        ("replicas", "How many.", 2),
        ("image.repository", "Where it is, in full.", "a/b"),
        ("settings", "All of it.", {"workers": 3}),
        ("more", "A table.", {"inner": {"list": ["a", "b"]}, "flag": True}),
        ("more.inner.list", "Deep.", ["a", "b"]),
        ("more.flag", "Back.", True),
    ]
