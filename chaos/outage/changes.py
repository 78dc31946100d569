"""Changes of all values during an outage, and the wait for them to arrive in the Secrets."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.bulk import send_all
from bench.corpus import backend, write_call
from bench.plans import Plan, fresh_pair
from bench.watcher import Expectation, SecretWatch
from bench.world import World

_PATIENCE_SECONDS = 300.0


def all_changed(plan: Plan) -> Plan:
    """The plan with new values for every definition."""
    return plan.changed({wish.path: fresh_pair(wish.name) for wish in plan.wishes})


def change(world: World, changed: Plan, seconds: float) -> None:
    """Put the new values there; returns after so many seconds."""
    began = time.monotonic()
    send_all(backend(world.bed), [write_call(path, values) for path, values in changed.values.items()])
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def wait_fresh(watch: SecretWatch, expectations: Sequence[Expectation]) -> Sequence[float]:
    """Seconds from the begin of each sighting to its end, once all have ended."""
    return watch.wait(expectations, _PATIENCE_SECONDS)
