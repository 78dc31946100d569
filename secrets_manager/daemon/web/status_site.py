"""The addresses of the status page: / for people, /status.json for programs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from secrets_manager.daemon.status.as_json import TooLong, overview_json
from secrets_manager.daemon.status.listing import Sight, TooSlow
from secrets_manager.daemon.status.query import BadQuery, Query, parse_query
from secrets_manager.daemon.status.turns import Busy, Turns
from secrets_manager.daemon.status.view import StatusView
from secrets_manager.daemon.web.doors import Door, TurnedAway
from secrets_manager.daemon.web.markup import Inside, tag
from secrets_manager.daemon.web.server import HttpAnswer, HttpRequest
from secrets_manager.daemon.web.status_page import message_page, status_page
from secrets_manager.daemon.web.status_style import CSS_SOURCE
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.runtime.reminder import Reminder
from secrets_manager.sync.queue.work_log import raised_at

log = logging.getLogger("daemon.status")

_HTML, _JSON, _TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
# Nothing is loaded from anywhere, nothing runs, and no other page may frame this one or read it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {CSS_SOURCE}; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class StatusSite:
    """The answer of each path. ``left`` gives the seconds that are left for an answer."""

    option = "status-addr"

    def __init__(self, view: StatusView, door: Door, left: Callable[[], float], turns: Turns) -> None:
        self._view = view
        self._door = door
        self._left = left
        self._turns = turns
        self._reminder = Reminder()
        self._makers: dict[str, tuple[str, Callable[[Query, Sight], bytes]]] = {
            "/": (_HTML, self._page),
            "/status.json": (_JSON, self._json),
        }

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request; a fault of ours is a short answer, and a line in the log."""
        path, _, query = request.target.partition("?")
        if path not in self._makers:
            return HttpAnswer(404, _TEXT, b"not found\n", HEADERS)
        content_type, make = self._makers[path]
        try:
            body = self._body(make, request, query)
            return HttpAnswer(200, content_type, body, HEADERS)
        except TurnedAway as away:
            self._complain(away.__cause__)
            return _message(away, content_type)
        except Exception as unexpected:  # noqa: BLE001 - the page must not cost more than itself
            return _message(_fault(unexpected), content_type)

    def _body(self, make: Callable[[Query, Sight], bytes], request: HttpRequest, query: str) -> bytes:
        if request.header("content-length") not in {"", "0"} or request.header("transfer-encoding"):
            raise TurnedAway(400, "A body where none belongs", "Nothing but an address is read here.")
        try:
            asked = parse_query(query)
            sight = self._door.admit(request, asked.namespaces)
            with self._turns.turn(self._left()):
                return make(asked, sight)
        except BadQuery as error:
            raise TurnedAway(400, "Not understood", f"{error}.") from None
        except (TooLong, TooSlow) as too_much:
            raise TurnedAway(
                400 if isinstance(too_much, TooLong) else 503,
                "Too much for one answer",
                "Narrow it by namespace, reason or backend, or ask page by page: page=1, page=2 and so on.",
            ) from None
        except Busy:
            raise TurnedAway(
                503, "Busy", "Others are served first. Try again in a moment.", {"Retry-After": "2"}
            ) from None

    def _page(self, query: Query, sight: Sight) -> bytes:
        return status_page(self._view.page(query, sight))

    def _json(self, query: Query, sight: Sight) -> bytes:
        return overview_json(*self._view.overview(query, sight))

    def _complain(self, cause: BaseException | None) -> None:
        """Log why nobody can be let in; seldom, since anybody may ask."""
        if isinstance(cause, SecretsManagerError) and self._reminder.happened(cause.reason):
            log.warning(
                "the API server does not say who asks for the status page",
                extra={"reason": cause.reason, "error": cause.message},
            )


def _fault(unexpected: Exception) -> TurnedAway:
    log.error("the status page could not be made", extra={"error": f"unexpected {raised_at(unexpected)}"})
    return TurnedAway(500, "A fault of this page", "The log of the daemon says more.")


def _message(away: TurnedAway, content_type: str) -> HttpAnswer:
    headers = {**HEADERS, **away.headers}
    if content_type == _HTML:
        return HttpAnswer(away.status, _HTML, message_page(away.heading, _paragraphs(away)), headers)
    return HttpAnswer(away.status, _TEXT, f"{away.heading}: {away.text}\n".encode(), headers)


def _paragraphs(away: TurnedAway) -> Iterator[Inside]:
    yield away.text
    if away.status == 401:
        yield from _ways_in()


def _ways_in() -> Iterator[Element]:
    yield tag(
        "span",
        "From a terminal: ",
        tag("code", 'curl -H "Authorization: Bearer $(kubectl create token NAME -n NAMESPACE)" ADDRESS'),
    )
    yield tag(
        "span",
        "A browser sends no such header by itself. Put a proxy before this address that adds it, or serve "
        "the page on loopback (status-addr) and reach it by ",
        tag("code", "kubectl port-forward"),
        ".",
    )
