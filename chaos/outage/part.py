"""The backend is away in part: the paths of one namespace hang, and all others are served as before.

Changes of other paths are measured without the fault and with it, in one run.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.corpus import check_secrets
from bench.plans import MOUNT, Plan, fresh_pair, one_path_each
from bench.scenarios.fresh import change
from bench.watcher import SecretWatch
from bench.world import World
from chaos.outage.findings import Finding, delay
from tests.testbed.fault_proxy import FaultProxy

_PERIOD = 5.0
_WELL, _SICK = "outage-well", "outage-sick"
# One definition of so many is in the namespace whose paths hang.
_SICK_SHARE = 10
_CHANGES_A_SECOND = 5
_PATIENCE_SECONDS = 120.0


def hung(world: World, definitions: int, seconds: float) -> list[Finding]:
    """A tenth of the paths hang from one moment on; values of the others change before it and after."""
    few = max(1, definitions // _SICK_SHARE)
    well = world.seed(one_path_each([_WELL], definitions - few)).plan
    world.seed(one_path_each([_SICK], few))
    flags = (f"-watch-namespaces={_WELL},{_SICK}",)
    with (
        FaultProxy(world.bed.openbao.url) as proxy,
        world.watch() as watch,
        world.daemon_in_step(_PERIOD, definitions, world.openbao_at(proxy.url), flags),
    ):
        well, before = _changes(world, watch, well, seconds)
        rule = proxy.on("GET", f"/v1/{MOUNT}data/{_SICK}/.*").hang()
        well, during = _changes(world, watch, well, seconds)
        hits = rule.hits
        rule.remove()
    check_secrets(well, world.bed.cluster.api)
    return [
        Finding(what="paths that hang", value=few),
        Finding(what="calls that hung", value=hits),
        *delay(before, during),
    ]


def _changes(world: World, watch: SecretWatch, plan: Plan, seconds: float) -> tuple[Plan, list[float]]:
    """Change values for so long; the plan after it, and the seconds that each took to its Secret."""
    some = plan.some(round(_CHANGES_A_SECOND * seconds))
    new: Mapping[str, Mapping[str, str]] = {wish.path: fresh_pair(wish.name) for wish in some}
    changed = plan.changed(new)
    expectations = change(world, watch, changed, seconds=seconds, paths=new)
    return changed, list(watch.wait(expectations, _PATIENCE_SECONDS))
