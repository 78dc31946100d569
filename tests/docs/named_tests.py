"""Finds the tests that a page names as ``tests/.../test_x.py::test_name``."""

from __future__ import annotations

import ast
import functools
import re

from tests.docs.pages import ROOT

_NAME = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def is_there(name: str) -> bool:
    """Whether there is a test of this name (without the brackets of its parameters)."""
    match = _NAME.fullmatch(name)
    return match is not None and (ROOT / match[1]).is_file() and match[2] in _tests_of(match[1])


@functools.cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
