"""Runs the bare loop of bench/floor.py on a World and measures it as the daemon is measured."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.corpus import Corpus
from bench.meter import Meter, Stretch
from bench.plans import Plan
from bench.proc import Memory
from bench.world import World
from tests.integration.deployment_support import daemon_token
from tests.testbed.daemon import base_environment

_SECONDS = 600


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


def _run(world: World, corpus: Corpus) -> Stretch:
    job = json.dumps(_job(world, corpus))
    meter = Meter(world.traffic())
    ended = subprocess.run(
        [sys.executable, "-m", "bench.floor"],
        input=job,
        capture_output=True,
        text=True,
        env=base_environment(),
        timeout=_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"the floor failed:\n{ended.stderr[-2000:]}"
    report = json.loads(ended.stdout)
    assert report["done"] == len(corpus.items), f"the floor did {report['done']} of {len(corpus.items)}"
    peak = report["peak_mib"]
    return meter.stop_with(cpu=report["cpu_seconds"], memory=Memory(resident=peak, peak=peak))


def _job(world: World, corpus: Corpus) -> dict[str, object]:
    login = {"role_id": world.role.role_id, "secret_id": world.role.secret_id}
    answer = world.bed.openbao.request("POST", "auth/approle/login", login, token="")
    return {
        "api": world.bed.cluster.url.partition("://")[2],
        "ca_file": str(world.bed.cluster.ca_file),
        "api_token": daemon_token(world.bed.cluster),
        "bao": world.bed.openbao.url.partition("://")[2],
        "bao_token": answer["auth"]["client_token"],
        "items": [
            {
                "namespace": item.wish.namespace,
                "name": item.wish.name,
                "path": item.wish.path,
                "uid": item.uid,
                "version": item.version,
            }
            for item in corpus.items
        ],
    }
