"""A survey of the whole vault: which of many sources have changed, for one call per 25 secrets.

One list shows whether lists are allowed and cheaper than reads; otherwise the next try is ten minutes later.
This module must not know how the vault is called, nor the further meaning of its answers.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.client import KeyVaultClient, KeyVaultRefused, UnreadableList
from secrets_manager.backends.azure_key_vault.freshness import Freshness, Properties
from secrets_manager.backends.base import Clock, Source, Survey
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.domain.errors import BackendFault, BackendUnavailable

_LOG = logging.getLogger(__name__)
_ASK_AGAIN = 600.0
# A list that takes longer is not worth it, and blocks a worker.
_LONGEST_LIST = 30.0
# Of 25 names each, for a person.
_MOST_PAGES = 40


class KeyVaultSurveyor:
    """Makes surveys; one thread at a time."""

    def __init__(  # noqa: PLR0913 - the clocks are for tests
        self,
        client: KeyVaultClient,
        freshness: Freshness,
        *,
        timeout: float,
        clock: Clock,
        now: Clock,
        name: str,
    ) -> None:
        """``timeout`` is the total of one page in seconds; ``now`` gives Unix time.

        ``name`` is that of the backend in the settings.
        """
        self._log = NamedLog(_LOG, name)
        self._client = client
        self._freshness = freshness
        self._timeout = timeout
        self._clock = clock
        self._now = now
        self._no_list_until = float("-inf")
        self._logged: set[str] = set()

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """See `secrets_manager.backends.base.Surveyor`."""
        if not sources:
            return Survey(frozenset())
        if self._clock() < self._no_list_until:
            return None
        listed = self._list(len(sources))
        if listed is None:
            self._no_list_until = self._clock() + _ASK_AGAIN
            return None
        return Survey(self._freshness.stale(sources, listed, self._now()))

    def names(self) -> Collection[str]:
        """The names of all secrets, none where that is forbidden or takes too long; raises a BackendFault."""
        return self._list(_MOST_PAGES) or ()

    def _list(self, worth: int) -> dict[str, Properties] | None:
        """All secrets, or None when that is forbidden, takes too long or costs more than ``worth`` calls."""
        listed: dict[str, Properties] = {}
        pages = self._client.pages(self._timeout)
        ends_at = self._clock() + _LONGEST_LIST
        try:
            for _ in range(worth):
                page = next(pages, None)
                if page is None:
                    return listed
                listed |= page
                if self._clock() > ends_at:
                    return None
            return listed if next(pages, None) is None else None
        except UnreadableList:
            self._log_once(
                logging.WARNING,
                "the list of the secrets of the key vault cannot be read",
                "each source is polled by itself; look for a secret with an impossible date",
            )
            return None
        except KeyVaultRefused as refused:
            error = _fault(refused.refusal)
            if error is not None:
                raise error from None
            self._log_once(
                logging.INFO,
                "the login has no right to list the secrets of the key vault",
                "each source is polled by itself; grant the right to list for fewer calls",
            )
            return None

    def _log_once(self, level: int, message: str, reason: str) -> None:
        if message not in self._logged:
            self._logged.add(message)
            self._log.log(level, message, extra={"operation": "list", "reason": reason})


def _fault(refused: faults.Refusal) -> BackendFault | None:
    """The fault of the whole vault behind a refused list, or None for a missing right."""
    if refused.status == 401:
        return BackendUnavailable("the key vault did not accept our token for a list")
    if faults.is_missing_right(refused):
        return None
    error = faults.from_vault(refused, "")
    return error if isinstance(error, BackendFault) else BackendUnavailable("the key vault returned no list")
