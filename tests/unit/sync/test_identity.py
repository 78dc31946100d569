"""What came of one definition never becomes that of another with its name, however close they follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, ClusterUnavailable, SecretsManagerError
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.queue.keys import Key
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, World, wanting

APP = Ref(TEAM, "app")


class EventfulBackend(MemoryBackend):
    """A backend in which something happens in the cluster while it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None
        self.fault: BaseException | None = None

    def read(self, source: Source, terms: Terms) -> Reading:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
            if self.fault:
                raise self.fault
        return super().read(source, terms)


class EventfulCluster(LossyCluster):
    """A cluster in which something happens after a write was applied and before its reply is in."""

    meanwhile: Callable[[Ref], None] | None = None
    hung: str = ""

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        reply = super().replace(resource, ref, body, subresource=subresource)
        if self.meanwhile and (subresource or resource.plural) == self.hung:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile(ref)
        return reply


def replaced(world: World, **changes: Any) -> None:
    """What ``kubectl replace --force`` does: the definition is deleted and made again; both are heard of."""
    world.delete(APP)
    world.define(**changes)
    world.deliver()


def uid(world: World) -> str:
    return str(world.definition()["metadata"]["uid"])


def owners(world: World) -> list[str]:
    return [str(owner["uid"]) for owner in world.metadata()["ownerReferences"]]


def eventful() -> tuple[World, EventfulBackend]:
    backend = EventfulBackend()
    backend.put("app", {"user": "alice", "password": "s3cret"})
    return World(backend=backend), backend


FAULTS: list[BaseException | None] = [None, BackendUnavailable("down"), RuntimeError("a fault of ours")]


@pytest.mark.parametrize("fault", FAULTS, ids=["in step", "failing", "broken"])
def test_a_definition_that_was_made_again_during_a_reconcile_gets_no_outcome_of_it(
    fault: BaseException | None,
) -> None:
    world, backend = eventful()
    world.define()
    world.deliver()
    backend.meanwhile, backend.fault = (lambda: replaced(world)), fault

    assert world.workforce.work_once(0)
    assert (world.status(), world.secret()) == ({}, None)
    assert (world.events.told, world.telemetry.outcomes) == ([], [])

    world.pass_time(60)
    assert world.condition() == ("True", "Synced")
    assert owners(world) == [uid(world)]


def test_a_definition_that_was_made_again_is_ready_only_once_its_own_secret_is_there() -> None:
    world, backend = eventful()
    world.define()
    world.start()
    world.backend.put("app", {"user": "bob"})
    backend.meanwhile = lambda: replaced(world, spec=wanting("fresh", path="app"))
    world.pass_time(5)

    assert world.status()["secretName"] == "fresh"
    assert world.data("fresh") == {"user": "bob"}

    writes: list[tuple[str, bool]] = []
    replace = world.cluster.replace

    def watched(resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        if subresource:
            writes.append((body["metadata"]["uid"], world.secret("newest") is not None))
        return replace(resource, ref, body, subresource=subresource)

    world.cluster.replace = watched  # type: ignore[method-assign]
    replaced(world, spec=wanting("newest", path="app"))
    world.settle()
    assert writes == [(uid(world), True)]


def test_a_status_that_is_owed_is_not_written_to_a_definition_that_was_made_again() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    for name in ("app", "other"):
        world.define(name, spec=wanting(name))
    world.deliver()
    assert world.workforce.work_once(0)
    assert world.status() == {}
    world.delete(APP)
    world.define(spec=wanting(path="missing"))
    world.deliver()
    seen: list[Json] = []
    while world.workforce.work_once(0):
        seen.append(world.status())

    reasons = [status["conditions"][0]["reason"] for status in seen if status]
    assert set(reasons) == {"SourceNotFound"}


def test_a_status_whose_reply_hangs_while_the_definition_goes_does_not_bring_it_back() -> None:
    cluster = EventfulCluster()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    refs = [world.define(f"app-{number}", spec=wanting(f"app-{number}")) for number in range(300)]
    world.start()

    def all_go(hung: Ref) -> None:
        for ref in sorted(refs, key=lambda ref: ref != hung):
            world.delete(ref)
        world.deliver()

    world.backend.delete("app")
    cluster.hung, cluster.meanwhile = "status", all_go
    world.pass_time(60)

    assert len(world.agenda.view.definitions) == 0
    with world.spending() as spent:
        world.pass_time(60)
    assert (spent.calls, spent.reads) == ({}, 0)


@pytest.mark.parametrize("finalizers", [(), ("example.org/other",)], ids=["gone", "being deleted"])
def test_no_secret_is_made_for_a_definition_that_went_while_the_backend_was_read(
    finalizers: tuple[str, ...],
) -> None:
    world, backend = eventful()
    world.define(finalizers=list(finalizers))
    world.deliver()

    def gone() -> None:
        world.delete(APP)
        world.deliver()

    backend.meanwhile = gone
    world.settle()
    assert world.cluster.calls["create", "secrets"] == 0
    assert len(world.agenda.view.definitions) == len(finalizers)


def test_a_definition_that_was_made_again_with_the_same_mistake_has_it_reported() -> None:
    world = World()
    world.define()
    world.start()
    replaced(world)
    world.settle()

    assert world.events.reasons() == ["SourceNotFound", "SourceNotFound"]


def test_a_definition_that_was_made_again_begins_with_the_shortest_pause() -> None:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.cluster.fail_next("create", "secrets", *(ClusterUnavailable("down") for _ in range(60)))
    world.define()
    world.start()
    world.pass_time(120)
    assert world.secret() is None
    replaced(world)
    world.work()
    assert world.agenda.queue._failures[Key.definition(APP)][0] == 1

    world.cluster.calm()
    world.pass_time(2)
    assert world.condition() == ("True", "Synced")


class Switched(LossyCluster):
    """An API server of which one definition is hidden from lists, and whose GETs can be acted upon."""

    hidden: Ref | None = None
    meanwhile: Callable[[], None] | None = None

    def pages(self, scope: Any) -> Any:
        for page in super().pages(scope):
            kept = [raw for raw in page.items if raw["metadata"]["name"] != (self.hidden or APP).name]
            yield type(page)(kept if self.hidden else page.items, page.resource_version)

    def get(self, resource: Resource, ref: Ref) -> Json:
        answer: Json | SecretsManagerError
        try:
            answer = super().get(resource, ref)
        except SecretsManagerError as error:
            answer = error
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile and resource == DEFINITIONS:
            meanwhile()
        if isinstance(answer, SecretsManagerError):
            raise answer
        return answer


def relisted(world: World) -> None:
    for informer in world.informers:
        informer.request_relist()
    world.deliver()


def test_the_answer_to_a_question_by_name_brings_no_definition_back() -> None:
    cluster = Switched()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    cluster.hidden = APP
    relisted(world)
    cluster.hidden = None

    def gone() -> None:
        world.delete(APP)
        world.deliver()

    cluster.meanwhile = gone
    world.settle()
    assert len(world.agenda.view.definitions) == 0
    assert world.secret() is None


def test_a_late_report_that_a_definition_is_gone_does_not_drop_its_successor() -> None:
    cluster = Switched()
    world = World(cluster=cluster)
    world.backend.put("app", {"user": "alice"})
    world.define()
    world.start()
    cluster.hidden = APP
    relisted(world)
    cluster.hidden = None
    with cluster.undisturbed():
        cluster.delete(DEFINITIONS, APP, {})

    def made() -> None:
        world.define()
        world.deliver()

    cluster.meanwhile = made
    world.settle()
    assert world.condition() == ("True", "Synced")
    assert cluster.snapshot(SECRETS, APP) is not None
    assert owners(world) == [uid(world)]
