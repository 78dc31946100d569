"""The real promtool: checks rules as Prometheus reads them, and runs its unit tests of rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.testbed.module_programs import promtool_program

__all__ = ["check_rules", "test_rules"]


def check_rules(file: Path) -> str:
    """What it finds wrong with a file of rules, lints included; "" when nothing."""
    return _complaint("check", "rules", "--lint=all", "--lint-fatal", str(file))


def test_rules(file: Path) -> str:
    """What fails of a file of unit tests; "" when nothing."""
    return _complaint("test", "rules", str(file))


# It is no test, whatever its name.
test_rules.__test__ = False  # type: ignore[attr-defined]


def _complaint(*arguments: str) -> str:
    done = subprocess.run(
        [promtool_program(), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    return f"{done.stdout}\n{done.stderr}".strip() if done.returncode else ""
