"""Every scenario, by name, in the order in which they run. A new one is a file here and a line below."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios import (
    azure,
    backends,
    cold,
    drift,
    fail_over,
    fresh,
    machine,
    memory,
    new_object,
    outage,
    poisoned,
    quiet,
    shapes,
    sharing,
    sick_mount,
    startup,
    ten_thousand,
    two_backends,
)

SCENARIOS: dict[str, Scenario] = {
    each.name: each
    for each in (
        machine.SCENARIO,
        cold.SCENARIO,
        shapes.SCENARIO,
        quiet.SCENARIO,
        fresh.SCENARIO,
        drift.SCENARIO,
        new_object.SCENARIO,
        sharing.SCENARIO,
        outage.SCENARIO,
        startup.SCENARIO,
        memory.SCENARIO,
        ten_thousand.SCENARIO,
        fail_over.SCENARIO,
        poisoned.SCENARIO,
        sick_mount.SCENARIO,
        two_backends.SCENARIO,
        backends.SCENARIO,
        azure.SCENARIO,
    )
}
