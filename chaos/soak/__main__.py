"""`python -m chaos.soak`: a long run under random faults; a line each minute and a verdict at the end."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.soak import report
from chaos.soak.faults import Stage
from chaos.soak.run import Diary, Plan, soak
from chaos.soak.samples import Sample
from chaos.soak.scene import open_scene, open_stage
from chaos.soak.verdict import Limits, judge
from tests.integration.deployment_support import CONFIG, install
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao

_SEEDS = 1_000_000


def main(argv: Sequence[str]) -> int:
    """Run; returns 1 if a check failed."""
    wanted = _arguments(argv)
    seed = random.randrange(_SEEDS) if wanted.seed is None else wanted.seed
    plan = Plan(seed=seed, definitions=wanted.definitions, seconds=60 * wanted.minutes)
    print(f"seed {seed}, {plan.definitions} definitions, {wanted.minutes:g} minutes", flush=True)
    diary = Diary(on_sample=MinutePrinter())
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, _servers(Path(folder)) as stage:
        flags = (f"-reconcile-period={wanted.period}s", *wanted.flag)
        with open_scene(stage, Path(folder), flags) as scene:
            evidence = soak(scene, plan, diary)
            if wanted.log:
                Path(wanted.log).write_text(scene.daemon.output(), encoding="utf-8")
    judgements = judge(evidence, Limits())
    print(report.table(judgements, evidence, diary.spells))
    if wanted.json:
        document = {"seed": seed, **report.figures(evidence, judgements, diary.spells)}
        Path(wanted.json).write_text(json.dumps(document), encoding="utf-8")
    good = all(each.good for each in judgements)
    print(f"\n{'good' if good else 'BAD'}; seed {seed}")
    return 0 if good else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="during which faults come and go")
    parser.add_argument("--definitions", type=int, default=300, help="that stay; others come and go")
    parser.add_argument("--seed", type=int, help="of all that is random; printed, for a run like it")
    parser.add_argument("--period", type=float, default=5.0, help="the reconcile period, in seconds")
    parser.add_argument("--flag", action="append", default=[], help="a further flag of the daemon")
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--log", help="file for the log of the daemon")
    return parser.parse_args(argv)


@contextmanager
def _servers(folder: Path) -> Iterator[Stage]:
    with TestCluster.start(folder / "cluster") as cluster:
        install(cluster, CONFIG / "crd")
        openbao = OpenBao.durable(folder / "openbao")
        try:
            openbao.enable_auth("approle", "approle")
            with open_stage(cluster, openbao, folder) as stage:
                yield stage
        finally:
            openbao.kill()


class MinutePrinter:
    """Prints one sample a minute."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, sample: Sample, faults: int) -> None:
        """Print it when a minute has passed."""
        if sample.at >= self._next:
            print(report.minute(sample, faults), flush=True)
            self._next += 60.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
