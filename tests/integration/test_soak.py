"""The soak in its short form: everything in motion, a few faults on each server, and a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.soak import report
from chaos.soak.forecast import Climate
from chaos.soak.run import Diary, Plan, soak
from chaos.soak.scene import open_scene, open_stage
from chaos.soak.verdict import Limits, judge
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao

PLAN = Plan(
    seed=11,
    definitions=30,
    seconds=10.0,
    climate=Climate(spell=(0.5, 1.5), calm=(0.3, 0.8)),
    slow=False,
    churn=0.2,
    interval=0.5,
)
FLAGS = ("-reconcile-period=1s", "-config.backend-timeout=1s", "-config.kubernetes-timeout=2s")
# The run is too short for a level: warming up looks like growth here.
LIMITS = Limits(growth=0.5, threads=10, descriptors=30)


@pytest.mark.slow
def test_under_random_faults_every_secret_ends_in_step_and_nothing_leaks(
    definitions_api: TestCluster, openbao_server: Callable[..., OpenBao], tmp_path: Path
) -> None:
    openbao = openbao_server()
    openbao.enable_auth("approle", "approle")
    diary = Diary()
    with (
        open_stage(definitions_api, openbao, tmp_path) as stage,
        open_scene(stage, tmp_path, FLAGS) as scene,
    ):
        evidence = soak(scene, PLAN, diary)

    judgements = judge(evidence, LIMITS)
    bad = [each for each in judgements if not each.good]
    assert bad == [], report.table(judgements, evidence, diary.spells)
    assert diary.spells.total() >= 10
    assert evidence.logbook.messages["info", "Secret deleted"] > 0
