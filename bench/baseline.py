"""Runs the bare loop of bench/floor.py on a World and measures it as the daemon is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.corpus import Corpus
from bench.meter import Meter, Stretch
from bench.plans import Plan
from bench.proc import Memory
from bench.world import World
from tests.integration.deployment_support import daemon_token
from tests.testbed.daemon import base_environment

_SECONDS = 600
# The steps for a definition, in this order.
STEPS = ("read", "create", "status")


def measure_floor(world: World, plan: Plan) -> Stretch:
    """Bring the Secrets of a plan by the bare loop, in a process of its own, as the daemon's identity.

    The servers are idle when it begins. Its Secrets are checked; then they and the definitions are deleted,
    as a daemon would take them for its own. No daemon may run meanwhile.
    """
    corpus = world.seed(plan)
    world.wait_idle()
    stretch = _run(world, corpus)
    corpus.check(world.bed.cluster.api)
    world.clear(plan)
    return stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTime:
    """The seconds of the loop for one kind of call, connections included."""

    seconds: float
    cpu: float


def measure_alone(world: World, plan: Plan) -> Mapping[str, LoopTime]:
    """The three kinds of call of the bare loop, each for all of a plan before the next begins.

    As measure_floor, without the start of the process.
    """
    corpus = world.seed(plan)
    found = {}
    for step in STEPS:
        world.wait_idle()
        report = _loop(_job(world, corpus, (step,)))
        found[step] = LoopTime(seconds=report["loop_seconds"], cpu=report["loop_cpu_seconds"])
    corpus.check(world.bed.cluster.api)
    world.clear(plan)
    return found


def _run(world: World, corpus: Corpus) -> Stretch:
    job = _job(world, corpus, STEPS)
    meter = Meter(world.traffic())
    report = _loop(job)
    peak = report["peak_mib"]
    return meter.stop_with(cpu=report["cpu_seconds"], memory=Memory(resident=peak, peak=peak))


def _loop(job: Mapping[str, Any]) -> Mapping[str, float]:
    """Run the loop as a process of its own; returns its report."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.floor"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env=base_environment(),
        timeout=_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"the floor failed:\n{ended.stderr[-2000:]}"
    report: Mapping[str, float] = json.loads(ended.stdout)
    wanted = len(job["items"])
    assert report["done"] == wanted, f"the floor did {report['done']} of {wanted}"
    return report


def _job(world: World, corpus: Corpus, steps: Sequence[str]) -> Mapping[str, Any]:
    login = {"role_id": world.role.role_id, "secret_id": world.role.secret_id}
    answer = world.bed.openbao.request("POST", "auth/approle/login", login, token="")
    return {
        "api": world.bed.cluster.url.partition("://")[2],
        "ca_file": str(world.bed.cluster.ca_file),
        "api_token": daemon_token(world.bed.cluster),
        "bao": world.bed.openbao.url.partition("://")[2],
        "bao_token": answer["auth"]["client_token"],
        "steps": list(steps),
        "items": [
            {
                "namespace": item.wish.namespace,
                "name": item.wish.name,
                "path": item.wish.path,
                "uid": item.uid,
                "version": item.version,
                # Those of a Job that does not read them.
                "values": {} if "read" in steps else dict(corpus.plan.data(item.wish)),
            }
            for item in corpus.items
        ],
    }
