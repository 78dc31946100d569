"""`python -m chaos.outage`: take one server away for a while; print the promises and the findings."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.world import World, open_world
from chaos.outage import api_server, backend, part
from chaos.outage.findings import Finding

OUTAGES: Mapping[str, Callable[[World, int, float], list[Finding]]] = {
    "backend-refused": backend.refused,
    "backend-hung": backend.hung,
    "backend-hung-in-part": part.hung,
    "api-server-refused": api_server.refused,
    "api-server-refused-alone": api_server.refused_alone,
}


def main(argv: Sequence[str]) -> int:
    """Run the outages one after the other; returns 1 when a promise was not kept."""
    wanted = _arguments(argv)
    good = True
    for name in wanted.outage or OUTAGES:
        with tempfile.TemporaryDirectory(prefix="outage-") as folder, open_world(Path(folder)) as world:
            findings = OUTAGES[name](world, wanted.definitions, 60 * wanted.minutes)
        print(f"{name}, {wanted.definitions} definitions, {wanted.minutes:g} minutes", flush=True)
        for finding in findings:
            print(f"  {finding.text()}", flush=True)
        good = good and all(finding.good for finding in findings)
    return 0 if good else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos.outage", description=__doc__)
    parser.add_argument("--outage", action="append", choices=OUTAGES, help="which; all without it")
    parser.add_argument("--definitions", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10.0, help="that the server is away")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
