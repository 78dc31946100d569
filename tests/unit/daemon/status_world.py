"""A program that was never started, with definitions as its informers would have put them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.daemon.status.as_json import overview_json
from secrets_manager.daemon.status.journal import Journal
from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.status.query import parse_query
from secrets_manager.daemon.status.turns import Turns
from secrets_manager.daemon.status.view import StatusView
from secrets_manager.daemon.web.doors import Door, LoopbackDoor
from secrets_manager.daemon.web.server import HttpAnswer, HttpRequest
from secrets_manager.daemon.web.status_page import status_page
from secrets_manager.daemon.web.status_site import StatusSite
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.definition import DataSource, Definition, Ref, SecretSpec, is_subdomain
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.settings import StatusPageSettings
from secrets_manager.settings.listening import ListenAddress
from tests.builders import Clock
from tests.unit.daemon.daemon_world import World

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LOOPBACK = ListenAddress(host="127.0.0.1", port=0)
PAGE = StatusPageSettings(address=LOOPBACK)
ALL = Sight()


def definition(ref: str, *, paths: Sequence[str] = ("app",), suspended: bool = False) -> Definition:
    namespace, _, name = ref.partition("/")
    keys = {f"k{number}": DataSource(path=path, key="k") for number, path in enumerate(paths)}
    secret = f"{name}-secret" if is_subdomain(f"{name}-secret") else "app-secret"
    return Definition(
        ref=Ref(namespace, name),
        uid=f"uid of {ref}",
        created="2026-01-01T00:00:00Z",
        generation=1,
        secret_name=secret,
        spec=SecretSpec(secret_name=secret, keys=keys, suspended=suspended),
    )


def entry(
    ref: str,
    reason: str = "Synced",
    message: str = "as it should be",
    *,
    ready: bool | None = None,
    observed: int = 1,
    paths: Sequence[str] = ("app",),
    sources: Sequence[SourceVersion] = (),
    suspended: bool = False,
) -> DefinitionEntry:
    """An entry; ready, unless the reason is another one than that of a definition in step."""
    condition = Condition(
        ready=reason == "Synced" if ready is None else ready,
        reason=reason,
        message=message,
        observed_generation=observed,
        last_transition_time="2026-05-04T11:00:00Z",
    )
    status = Status(
        observed_generation=observed, secret_name="s", condition=condition, sources=tuple(sources)
    )
    return DefinitionEntry(definition(ref, paths=paths, suspended=suspended), "1", status)


class StatusWorld:
    """The program, and its page for whoever asks."""

    def __init__(self, *entries: DefinitionEntry, door: Door | None = None) -> None:
        self.world = World()
        self.world.settings = replace(self.world.settings, status_page=PAGE)
        self.program = self.world.program()
        for each in entries:
            self.program.core.agenda.view.definitions.apply(each)
        # The one with which the agenda tells the time is the real one.
        self.clock = Clock()
        self.journal = self.program.journal or Journal(self.clock)
        self.seconds_left = 4.0
        self.view = StatusView(
            program=self.program,
            journal=self.journal,
            left=lambda: self.seconds_left,
            now=lambda: NOW,
        )
        turns = Turns(effort=lambda: 0.0)
        self.site = StatusSite(self.view, door or LoopbackDoor(), lambda: self.seconds_left, turns)

    def ask(self, target: str = "/", **headers: str) -> HttpAnswer:
        """The answer to a request; its headers are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.answer(HttpRequest(target, {"host": "localhost", **named}))

    def html(self, query: str = "", sight: Sight = ALL) -> str:
        return status_page(self.view.page(parse_query(query), sight)).decode()

    def json(self, query: str = "", sight: Sight = ALL) -> bytes:
        return overview_json(*self.view.overview(parse_query(query), sight))
