"""Installs a package of this repository beside the daemon as the docs show it: offline, no libraries."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_PLAIN = ("--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet")


def install(source: Path, folder: Path) -> Path:
    """Install the package in ``source`` below ``folder``, from a copy: a build leaves files behind.

    Returns the folder that Python has to search.
    """
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(source, folder / "source", ignore=unwanted)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *_PLAIN, "--target", folder / "site", folder / "source"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"
