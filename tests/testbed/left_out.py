"""A Go module without some of its files: a copy of it, and a go.mod that names the copy.

Some modules carry what only their own tests need among their code, and all that it imports would be compiled.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["copy_pins", "copy_without"]


def copy_pins(module: Path, folder: Path) -> Path:
    """A copy of the go.mod of ``module``, with its go.sum beside it; returns the path of the go.mod."""
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(module / name, folder / name)
    return folder / "go.mod"


def copy_without(source: Path, left_out: str, target: Path) -> None:
    """Make ``target`` like ``source``, but without tests and the file ``left_out``, which is a path in it.

    Files and folders become writable, as those of Go's cache are not. Raises FileNotFoundError if ``source``
    has no such file.
    """
    (source / left_out).stat()
    for folder, _, names in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True)
        for name in names:
            path = Path(folder, name)
            if path != source / left_out and not name.endswith("_test.go"):
                shutil.copyfile(path, there / name)
