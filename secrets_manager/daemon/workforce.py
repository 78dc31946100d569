"""How many workers there are."""

from __future__ import annotations

from secrets_manager.backends.factory import plugin_of
from secrets_manager.settings import Settings

# One for routine work, two that it leaves to urgent work.
_LEAST = 3


def workers_of(settings: Settings) -> int:
    """The workers of the settings, but no more than the rate limit can serve in time; at least three.

    Any more would wait for the rate limit until their calls time out.
    """
    calls_per_second = plugin_of(settings).calls_per_second(settings.of_backend)
    if calls_per_second is None:
        return settings.controller.workers
    in_time = int(calls_per_second * settings.backend_timeout / 2)
    return min(settings.controller.workers, max(_LEAST, in_time))
