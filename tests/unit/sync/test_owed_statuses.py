"""An owed status whose write fails: what is tried again, and how soon."""

from __future__ import annotations

from secrets_manager.domain.errors import ClusterUnavailable, SourceNotFound
from secrets_manager.sync.queue.keys import Key
from tests.unit.sync.world import World, wanting


def owing() -> World:
    """A world in which a definition whose source is missing was reconciled, and its status is owed."""
    world = World()
    world.backend.put("app", {"user": "alice"})
    bad = world.define("bad", spec=wanting("bad", "bad"))
    # Another definition waits for a Secret, so the status of the first one waits.
    world.define("well")
    world.deliver()
    assert world.workforce.work_once(0)
    assert world.agenda.queue.is_known(Key.status(bad))
    assert world.status("bad") == {}
    return world


def test_a_permanent_error_whose_status_could_not_be_written_is_reported_within_seconds() -> None:
    world = owing()
    world.cluster.fail_next("update", "secretdefinitions/status", *[ClusterUnavailable("busy")] * 2)
    with world.spending() as spent:
        world.pass_time(10)

    assert world.condition("bad") == ("False", SourceNotFound("bad").reason)
    # The two that failed, and one for each definition.
    assert spent.calls["update secretdefinitions/status"] == 4
