"""Once credentials that were refused are replaced, what waited for the backend goes on."""

from __future__ import annotations

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import AuthFailed
from tests.unit.sync.world import World


class LoggedOut(MemoryBackend):
    """Refuses everything until its credentials are replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.replaced = False
        self.tries = 0
        self.put("app", {"user": "alice"})
        self.fail_with(AuthFailed("refused"))

    def retry_login(self) -> bool:
        self.tries += 1
        if not self.replaced:
            return False
        self.recover()
        return True


def refused() -> tuple[World, LoggedOut]:
    backend = LoggedOut()
    world = World(backend=backend)
    world.define("app")
    return world.start(), backend


def test_a_login_that_works_again_reconciles_the_definitions_that_waited_for_it() -> None:
    world, backend = refused()
    assert world.condition() == ("False", "AuthFailed")
    backend.replaced = True

    world.rounds.retry_login(DEFAULT_BACKEND)
    world.settle()

    assert world.data() == {"user": "alice"}
    assert world.condition() == ("True", "Synced")


def test_a_login_that_is_still_refused_reconciles_nothing() -> None:
    world, backend = refused()
    reads = backend.reads()

    world.rounds.retry_login(DEFAULT_BACKEND)
    world.settle()

    assert (backend.tries, backend.reads()) == (1, reads)


def test_a_standby_does_not_log_in() -> None:
    world, backend = refused()
    world.leadership.leading = False

    world.rounds.retry_login(DEFAULT_BACKEND)

    assert backend.tries == 0


def test_a_backend_without_logins_is_left_alone() -> None:
    world = World().start()

    world.rounds.retry_login(DEFAULT_BACKEND)


def test_a_standby_leaves_the_session_of_every_backend_alone() -> None:
    mine, other = LoggedOut(), LoggedOut()
    world = World(backend=mine, others={"other": other}).start()
    world.leadership.leading = False
    before = mine.maintained, mine.tries, other.maintained, other.tries
    for name in world.upstreams:
        world.rounds.maintain(name)
        world.rounds.retry_login(name)

    assert (mine.maintained, mine.tries, other.maintained, other.tries) == before


def test_a_login_to_one_backend_is_none_to_another() -> None:
    mine, other = LoggedOut(), LoggedOut()
    world = World(backend=mine, others={"other": other}).start()

    world.rounds.retry_login("other")

    assert (mine.tries, other.tries) == (0, 1)
