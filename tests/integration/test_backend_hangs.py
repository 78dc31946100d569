"""A backend that hangs or drips: every call ends in time, and paths that do not hang are not delayed."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import pytest

from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

# More than the workers that polls may have.
HUNG = 16
CHANGES = 7
TIMEOUT = 1.5
BREAKER = "secrets_manager_backend_breaker_open"
# Buckets of the histogram: calls that ended within the timeout and a second, and the delay of a busy machine.
IN_TIME, IN_THE_END = "2.5", "10.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One daemon with definitions in two namespaces, and the proxy before its backend."""

    world: World
    proxy: FaultProxy
    sick: str
    well: str
    daemon: DaemonProcess

    def changes(self) -> list[float]:
        """Seconds until a change of a value in the healthy namespace arrived, for some changes."""
        seconds = []
        for number in range(CHANGES):
            value = f"{number}-{time.monotonic()}"
            started = time.monotonic()
            self.world.write("well", a=value)
            self.world.wait_data(self.well, "well", {"a": value})
            seconds.append(time.monotonic() - started)
        return seconds

    def given_up(self) -> Counter[str]:
        """The number of reads given up, at the first try or with all their time, by bucket."""
        series = r"secrets_manager_backend_request_duration_seconds_bucket\{(.*)\} (.*)"
        counts: Counter[str] = Counter()
        for labels, count in re.findall(series, self.daemon.metrics()):
            if '"read"' in labels and re.search('result="(BackendTimeout|NoAnswerYet)"', labels):
                counts[re.findall(r'le="(.*?)"', labels)[0]] += round(float(count))
        return counts


@pytest.fixture
def stage(
    definitions_api: TestCluster,
    openbao: OpenBao,
    openbao_proxy: FaultProxy,
    namespace: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    sick = definitions_api.create_namespace()
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("hangs")) as world:
        world.write("well", a="0")
        world.define(namespace, "well", world.keys("a", of="well"))
        for number in range(HUNG):
            world.write(f"sick-{number}", a="0")
            world.define(sick, f"sick-{number}", world.keys("a", of=f"sick-{number}"))
        flags = (
            "-reconcile-period=500ms",
            f"-config.backend-timeout={TIMEOUT}s",
            f"-watch-namespaces={namespace},{sick}",
        )
        with world.daemon(*flags, VAULT_ADDR=openbao_proxy.url) as daemon:
            for number in range(HUNG):
                world.wait_reason(sick, f"sick-{number}", "Synced")
            world.wait_reason(namespace, "well", "Synced")
            yield Stage(world=world, proxy=openbao_proxy, sick=sick, well=namespace, daemon=daemon)
            assert daemon.stop() == 0
    definitions_api.delete_namespace(sick)


def test_paths_that_hang_or_drip_end_in_time_and_delay_no_other_namespace(stage: Stage) -> None:
    before = stage.changes()
    sick = rf"/v1/secret/data/{stage.world.prefix}/sick-"
    for act, digits in (("hang", "[0-9]"), ("drip_headers", "1[0-2]"), ("drip_body", "1[3-5]")):
        getattr(stage.proxy.on("GET", f"{sick}{digits}"), act)()
    for number in range(HUNG):
        stage.world.wait_reason(stage.sick, f"sick-{number}", "BackendTimeout")
    wait_until(lambda: stage.daemon.metric(BREAKER) == 0, PATIENCE, "the breaker closed")

    during = stage.changes()

    given_up = stage.given_up()
    assert given_up["+Inf"] >= HUNG
    assert given_up[IN_TIME] >= 0.9 * given_up["+Inf"]
    assert given_up[IN_THE_END] == given_up["+Inf"]
    # The poll period explains the median; a busy machine explains the slowest few.
    assert median(during) < median(before) + TIMEOUT / 2
    stage.world.wait_reason(stage.well, "well", "Synced")

    stage.proxy.clear()
    for number in range(HUNG):
        stage.world.write(f"sick-{number}", a="1")
    for number in range(HUNG):
        stage.world.wait_data(stage.sick, f"sick-{number}", {"a": "1"})
        stage.world.wait_reason(stage.sick, f"sick-{number}", "Synced")
