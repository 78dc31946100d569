"""Each state that the daemon leaves a definition in, made by a whole daemon on the fakes.

`STATES` names them, each with what kstatus and Argo CD must make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import BackendUnavailable, SourceExpired
from tests.unit.sync.test_cautions import CAUTION, CautiousBackend
from tests.unit.sync.world import TEAM, World, wanting

__all__ = ["STATES", "State"]

APP = Ref(TEAM, "app")
# As the default of the CRD, which the cluster in memory does not know.
UNSEEN = {"observedGeneration": -1}
AWAY = BackendUnavailable("the backend does not answer")


class State(NamedTuple):
    """A definition as the API server has it; `argo_cd` is the health that Argo CD must show."""

    make: Callable[[], Json]
    kstatus: str
    argo_cd: str


def made(*, values: Any = None, **spec: Any) -> World:
    """A world whose definition was reconciled; `values` are those of its path, None where it has none."""
    world = World(backend=CautiousBackend())
    if values is not None:
        world.backend.put("app", values)
    world.define(spec={**wanting(), **spec})
    return world.start()


def in_step() -> World:
    return made(values={"user": "alice"})


def never_seen() -> Json:
    world = World()
    world.define()
    world.cluster.edit(DEFINITIONS, APP, {"status": UNSEEN})
    return world.definition()


def changed(**spec: Any) -> World:
    """One that was in step, with another spec that nobody looked at."""
    world = in_step()
    world.respecify(APP, {**wanting(), **spec})
    return world


def away_from_the_start() -> Json:
    world = World()
    world.backend.fail_with(AWAY)
    world.define()
    return world.start().definition()


def away_later(world: World) -> Json:
    world.backend.fail_with(AWAY)
    world.pass_time(60)
    return world.definition()


def mended() -> Json:
    world = made()
    world.backend.put("app", {"user": "alice"})
    world.pass_time(60)
    return world.definition()


def gone_on() -> Json:
    world = made(values={"user": "alice"}, suspend=True)
    world.respecify(APP, wanting())
    world.settle()
    return world.definition()


def not_owned() -> Json:
    world = World()
    world.backend.put("app", {"user": "alice"})
    world.make_secret()
    world.define()
    return world.start().definition()


def in_conflict() -> Json:
    world = in_step()
    world.clock.advance(2)
    world.define("younger", spec=wanting(), created="2030-01-01T00:00:00Z")
    world.settle()
    return world.definition("younger")


def not_allowed() -> Json:
    world = World(policy=("team elsewhere/*",))
    world.backend.put("app", {"user": "alice"})
    world.define()
    return world.start().definition()


def immutable() -> Json:
    world = in_step()
    world.cluster.edit(SECRETS, APP, {"immutable": True})
    world.backend.put("app", {"user": "bob"})
    world.pass_time()
    return world.definition()


def cautious(*, refused: bool = False) -> Json:
    world = in_step()
    assert isinstance(world.backend, CautiousBackend)
    if refused:
        world.backend.fail_with(SourceExpired(CAUTION))
    world.backend.caution = CAUTION
    world.pass_time(60)
    return world.definition()


def suspended_in_step() -> Json:
    world = changed(suspend=True)
    world.settle()
    return world.definition()


def shrunk(wish: str) -> Json:
    world = made(values={"user": "alice"}, **wanting(source={"optional": True}), onShrink=wish)
    world.backend.put("app", {"other": "x"})
    world.pass_time()
    return world.definition()


STATES: dict[str, State] = {
    "never seen": State(never_seen, "InProgress", "Progressing"),
    "in step": State(lambda: in_step().definition(), "Current", "Healthy"),
    "in step with a value past its date": State(cautious, "Current", "Healthy"),
    "in step after the path was written": State(mended, "Current", "Healthy"),
    "changed and not seen": State(lambda: changed(type="Opaque").definition(), "InProgress", "Progressing"),
    "backend away from the start": State(away_from_the_start, "InProgress", "Progressing"),
    "backend away after it was in step": State(lambda: away_later(in_step()), "InProgress", "Progressing"),
    "backend away since it was changed": State(
        lambda: away_later(changed(type="Opaque")), "InProgress", "Progressing"
    ),
    "path missing": State(lambda: made().definition(), "Failed", "Degraded"),
    "key missing": State(lambda: made(values={"other": "x"}).definition(), "Failed", "Degraded"),
    "value refused": State(lambda: made(values={"user": 7}).definition(), "Failed", "Degraded"),
    "value expired and refused": State(lambda: cautious(refused=True), "Failed", "Degraded"),
    "Secret would lose a key": State(lambda: shrunk("Refuse"), "Failed", "Degraded"),
    "Secret lost a key": State(lambda: shrunk("Warn"), "Current", "Healthy"),
    "template wrong": State(
        lambda: made(values={"user": "a"}, template={"url": "{{ nobody }}"}).definition(),
        "Failed",
        "Degraded",
    ),
    "template fails": State(
        lambda: made(values={"user": "a"}, template={"url": "{{ user.x.y }}"}).definition(),
        "Failed",
        "Degraded",
    ),
    "mark refused": State(
        lambda: made(values={"user": "a"}, metadata={"labels": {"managedBy": "me"}}).definition(),
        "Failed",
        "Degraded",
    ),
    "spec wrong": State(lambda: made(keysMap=[]).definition(), "Failed", "Degraded"),
    "path not allowed": State(not_allowed, "Failed", "Degraded"),
    "Secret of somebody else": State(not_owned, "Failed", "Degraded"),
    "Secret of an older definition": State(in_conflict, "Failed", "Degraded"),
    "Secret immutable": State(immutable, "Failed", "Degraded"),
    "suspended in step": State(suspended_in_step, "Current", "Suspended"),
    "suspended and not seen": State(lambda: changed(suspend=True).definition(), "InProgress", "Suspended"),
    "suspended before the first work": State(
        lambda: made(values={"user": "alice"}, suspend=True).definition(), "Failed", "Suspended"
    ),
    "no longer suspended": State(gone_on, "Current", "Healthy"),
}
