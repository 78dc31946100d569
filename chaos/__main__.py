"""`python -m chaos`: run a campaign, in stages that can be broken off and taken up again, and print the
tally.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from chaos.blows import Blow
from chaos.campaign import Plan, Tally, run
from tests.testbed.bed import running_bed

_STAGE = 20


def main(argv: Sequence[str]) -> int:
    """Run until the wanted number of kills is reached; returns 1 when an update was lost, regressed or
    partial.
    """
    wanted = _arguments(argv)
    journal = Path(wanted.journal)
    done = _resumed(journal)
    while (left := wanted.kills - _kills(done)) > 0:
        stage = min(_STAGE, left)
        plan = Plan(
            terminations=stage // 2,
            kills=stage - stage // 2,
            pauses=max(1, stage * wanted.pauses // max(1, wanted.kills)) if wanted.pauses else 0,
            longest_pause=wanted.longest_pause,
            replicas=wanted.replicas,
        )
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, running_bed(Path(folder)) as bed:
            tally = run(bed, Path(folder), plan, random.Random(len(done.blows)), _print_blow)
        done.blows += tally.blows
        done.faults += tally.faults
        done.behind += tally.behind
        journal.write_text(json.dumps(_as_json(done)), encoding="utf-8")
        if not tally.good():
            break
    print("\n".join(_report(done)))
    return 0 if done.good() else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="SIGTERM and SIGKILL, half each")
    parser.add_argument("--pauses", type=int, default=200, help="SIGSTOP, then SIGCONT")
    parser.add_argument("--longest-pause", type=float, default=60.0, help="seconds; the shortest is 5")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--journal", default="build/chaos.json", help="what was done so far; taken up again")
    return parser.parse_args(argv)


def _resumed(journal: Path) -> Tally:
    journal.parent.mkdir(parents=True, exist_ok=True)
    if not journal.exists():
        return Tally()
    written = json.loads(journal.read_text(encoding="utf-8"))
    return Tally(
        blows=[Blow(**blow) for blow in written["blows"]], faults=written["faults"], behind=written["behind"]
    )


def _as_json(tally: Tally) -> dict[str, object]:
    return {"blows": [asdict(b) for b in tally.blows], "faults": tally.faults, "behind": tally.behind}


def _kills(tally: Tally) -> int:
    return sum(blow.kind in {"SIGTERM", "SIGKILL"} for blow in tally.blows)


def _print_blow(blow: Blow) -> None:
    print(f"{blow.kind:16} {blow.seconds:6.2f} s  exit {blow.exit_code}", flush=True)


def _report(tally: Tally) -> list[str]:
    lines = ["", "blow              count   p50     p99     max"]
    for kind in ("SIGTERM", "SIGKILL", "pause", "pause outlasted"):
        seconds = tally.seconds(kind)
        if seconds:
            p50, p99 = (seconds[min(len(seconds) - 1, int(len(seconds) * part))] for part in (0.5, 0.99))
            lines.append(f"{kind:16} {len(seconds):6} {p50:6.2f}  {p99:6.2f}  {seconds[-1]:6.2f}")
    lines.append(
        f"regressed, partial or deleted: {len(tally.faults)}; behind at the end: {len(tally.behind)}"
    )
    return [*lines, *tally.faults[:20]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
