"""How many workers there are."""

from __future__ import annotations

from secrets_manager.backends.factory import plugin_of
from secrets_manager.settings import Settings

# One for routine work, two that it leaves to urgent work.
_LEAST = 3


def workers_of(settings: Settings) -> int:
    """The workers of the settings, but no more than the rate limits can serve in time; at least three.

    Any more would wait for a rate limit until their calls time out.
    """
    limits = [(plugin_of(each).calls_per_second(each.own), each.timeout) for each in settings.backends]
    in_time = sum(int(rate * timeout / 2) for rate, timeout in limits if rate is not None)
    if any(rate is None for rate, _ in limits):
        return settings.controller.workers
    return min(settings.controller.workers, max(_LEAST, in_time))
