"""How many workers there are; pure."""

from __future__ import annotations

from secrets_manager.settings import Settings

# One for routine work, two that it leaves to urgent work.
_LEAST = 3


def workers_of(settings: Settings) -> int:
    """Of the workers of the settings, those whose calls get their turn in time, at least three.

    More would only wait for the backend's rate limit until the time of their calls is over.
    """
    backend = settings.vault if settings.backend == "vault" else settings.azure_kv
    in_time = int(backend.max_requests_per_second * settings.backend_timeout / 2)
    return min(settings.controller.workers, max(_LEAST, in_time))
