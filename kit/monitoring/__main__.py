"""Write what is made here into the repository, or say with --check which files differ from it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.monitoring.dashboard import dashboard_json
from kit.monitoring.pages import PAGES, PageError, with_made_part
from kit.monitoring.rule import RUNBOOKS
from kit.monitoring.rules import prometheus_rule

__all__ = ["made_files", "main"]

ROOT = Path(__file__).parents[2]


def made_files(runbooks: str = RUNBOOKS) -> Mapping[str, str]:
    """The content of each file that is made here, by its path below the root of the repository."""
    pages = {name: with_made_part(name, (ROOT / name).read_text(encoding="utf-8")) for name in PAGES}
    return {
        "config/prometheus/rules.yaml": prometheus_rule(runbooks),
        "config/grafana/secrets-manager.json": dashboard_json(runbooks),
        **pages,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 1 if --check found a difference, 2 if a page has no place for its part."""
    parser = argparse.ArgumentParser(prog="python -m kit.monitoring", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; name the files that would change"
    )
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where docs/runbooks is published (%(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        made = made_files(chosen.runbooks.rstrip("/"))
    except PageError as error:
        print(error, file=sys.stderr)
        return 2
    stale = {name: text for name, text in made.items() if _read(ROOT / name) != text}
    for name in stale:
        print(f"{name} is out of date: run `make monitoring`" if chosen.check else f"wrote {name}")
    if chosen.check:
        return 1 if stale else 0
    for name, text in stale.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
