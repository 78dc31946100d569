"""`python -m bench`: run scenarios, print one JSON line each and a table of all. See docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.figures import Result
from bench.layouts import LAYOUTS
from bench.report import json_line, table
from bench.scenario import Options, Scenario
from bench.scenarios import SCENARIOS
from bench.world import open_world
from tests.testbed.vault_program import vault_program


def main(argv: Sequence[str] | None = None) -> None:
    """Run the scenarios that the arguments name."""
    arguments = _parser().parse_args(argv)
    # The servers and the daemon are stopped, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked = {
        name: value for name, value in vars(arguments).items() if name != "scenario" and value is not None
    }
    results = []
    for name in arguments.scenario or list(SCENARIOS):
        machine = _machine()
        scenario = SCENARIOS[name]
        results.append(_run(scenario, replace(scenario.defaults, **asked)))
        print(json_line(results[-1], machine), flush=True)
    print(table(results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the daemon on real servers. Each scenario has defaults of its own.",
        epilog="scenarios: " + "; ".join(f"{each.name}: {each.summary}" for each in SCENARIOS.values()),
    )
    parser.add_argument(
        "--scenario", action="append", choices=list(SCENARIOS), help="may be repeated; default: all"
    )
    for name, (kind, metavar, help_) in _OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, metavar=metavar, help=help_, dest=_FIELDS.get(name, name))
    return parser


def _run(scenario: Scenario, options: Options) -> Result:
    print(f"bench: {scenario.name}: {scenario.summary}, {options.definitions} definitions", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory(prefix="secrets-manager-bench-") as folder,
        open_world(Path(folder)) as world,
    ):
        return scenario.run(world, options)


def _machine() -> Mapping[str, str | int | float]:
    """The machine, and how busy it was before: a busy machine makes figures worthless."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "backend": str(vault_program()),
    }


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _layout(text: str) -> str:
    if text not in LAYOUTS:
        raise argparse.ArgumentTypeError(f"{text} is not one of {', '.join(LAYOUTS)}")
    return text


_OPTIONS = {
    "definitions": (_at_least_one, "N", "how many there are"),
    "minutes": (_above_zero, "MINUTES", "length of a stretch that is watched, or over which things change"),
    "reconcile-period": (_above_zero, "SECONDS", "of the daemon"),
    "changes": (_at_least_one, "N", "how many things change, of each kind"),
    "outage": (_above_zero, "SECONDS", "for which the backend is away"),
    "lease": (_above_zero, "SECONDS", "after which a standby may take over"),
    "large": (_at_least_one, "N", "how many have a large value"),
    "layout": (_layout, "LAYOUT", "of namespaces: " + ", ".join(LAYOUTS)),
    "repeats": (_at_least_one, "N", "how often a short thing is measured"),
}
_FIELDS = {"reconcile-period": "period"}


if __name__ == "__main__":
    main()
