"""Who may see the status page, and how much of it.

On loopback, whoever comes may see all, as with a file that the machine's users may read; but only under a
name of loopback: the page of another site must not reach it by a name that leads here (DNS rebinding). At any
other address, a bearer token is asked for, and the API server is asked whose it is and what they may list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Protocol

from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.web.server import HttpRequest

_LOOPBACK_NAME = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)


class TurnedAway(Exception):
    """Somebody may not see what they asked for.

    Attributes:
        status: of the HTTP answer.
        heading, text: what they are told.
        headers: of the answer.

    """

    def __init__(
        self, status: int, heading: str, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(heading)
        self.status = status
        self.heading = heading
        self.text = text
        self.headers = headers or {}


class Door(Protocol):
    """Lets somebody in."""

    def admit(self, request: HttpRequest, namespaces: Sequence[str]) -> Sight:
        """What they may see, who ask for these namespaces or for all; raises TurnedAway."""


def is_loopback(host: str) -> bool:
    """Whether only processes of this machine, or of this pod, reach that address; a name counts as none."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class LoopbackDoor:
    """Lets everybody in who knows that this is loopback."""

    def admit(self, request: HttpRequest, namespaces: Sequence[str]) -> Sight:  # noqa: ARG002 - the port's
        """All."""
        if not _LOOPBACK_NAME.fullmatch(request.header("host")):
            raise TurnedAway(
                421,
                "Not under this name",
                "Without a token this page answers to localhost and to addresses of loopback alone.",
            )
        return Sight()
