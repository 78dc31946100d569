"""The server of the status page: a port, places and time of its own, so that it takes nothing from probes."""

from __future__ import annotations

from secrets_manager.cluster.reviews import ClusterReviews
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.status.journal import Journal
from secrets_manager.daemon.status.turns import Turns
from secrets_manager.daemon.status.view import StatusView
from secrets_manager.daemon.web.doors import Door, LoopbackDoor, is_loopback
from secrets_manager.daemon.web.server import Server
from secrets_manager.daemon.web.status_site import StatusSite
from secrets_manager.daemon.web.token_door import TokenDoor
from secrets_manager.runtime.deadline import current_remaining
from secrets_manager.settings.listening import ListenAddress

_PLACES = 4
# Of the time of a request, so much is for what comes after the page is made.
_RESERVE_SECONDS = 1.0
_ENDLESS_SECONDS = 4.0


def status_server(program: Program, journal: Journal, address: ListenAddress) -> Server:
    """The server, which does not listen to anybody yet but has its port; raises ConfigError."""
    view = StatusView(program=program, journal=journal, left=_left)
    site = StatusSite(view, _door(program, address), _left, Turns())
    return Server(address, site, places=_PLACES)


def _door(program: Program, address: ListenAddress) -> Door:
    if is_loopback(address.host):
        return LoopbackDoor()
    services = program.services
    return TokenDoor(
        ClusterReviews(services.reviews_api or services.api, program.settings.status_page.audience),
        left=_left,
    )


def _left() -> float:
    remaining = current_remaining()
    return _ENDLESS_SECONDS if remaining is None else remaining - _RESERVE_SECONDS
