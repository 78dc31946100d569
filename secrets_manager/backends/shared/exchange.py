"""One exchange with a backend, cut short where the caller is in a hurry."""

from __future__ import annotations

from dataclasses import replace

from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import NoAnswerYet
from secrets_manager.runtime.http import HttpClient
from secrets_manager.runtime.hurry import Hurry
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.transport_errors import TimedOut


def exchange(client: HttpClient, request: Request, hurry: Hurry | None, clock: Clock) -> Reply:
    """The reply to ``request``, and in ``hurry`` how long it took.

    Raises NoAnswerYet when the hurry ended before the time of the request did, else what the client raises.
    """
    if hurry is None:
        return client.call(request)
    seconds = min(request.timeout, hurry.seconds)
    began = clock()
    try:
        reply = client.call(replace(request, timeout=seconds))
    except TimedOut:
        if seconds < request.timeout:
            raise NoAnswerYet(f"no answer within {seconds:.2g} s; it is asked again with more time") from None
        raise
    hurry.took = clock() - began
    return reply
