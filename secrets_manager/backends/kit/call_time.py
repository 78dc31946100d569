"""The time of a call to a backend: what is left of it, and one exchange within it."""

from __future__ import annotations

from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import TimedOut, Unreachable
from secrets_manager.runtime.terms import Deadline, Terms


def time_left(deadline: Deadline, server: str = "the backend") -> float:
    """Seconds until ``deadline``, always above 0; raises BackendTimeout when there are none.

    ``server`` is the server that the call waits for, for the message.
    """
    seconds = deadline.left()
    if seconds <= 0:
        raise BackendTimeout(f"{server} did not answer within the time allowed")
    return seconds


def timed_call(client: HttpClient, request: Request, terms: Terms, max_bytes: int) -> Reply:
    """The reply to ``request``, of at most ``max_bytes``; ``terms.answered`` is called with its seconds.

    Raises NoAnswerYet when the first try ended before the deadline, and otherwise the errors of the client.
    """
    deadline, clock = request.deadline, request.deadline.clock
    until = deadline.sooner(terms.first_try)
    began = clock()
    try:
        reply = client.call(request if until is deadline else request.until(until), max_bytes=max_bytes)
    except (TimedOut, Unreachable) as error:
        # A connection that took longer than the first try does not show that nobody is there.
        if until is deadline or (isinstance(error, Unreachable) and until.left() > 0):
            raise
        seconds = terms.first_try
        raise NoAnswerYet(f"no answer within {seconds:.2g} s; the next try gets more time") from None
    terms.answered(clock() - began)
    return reply
