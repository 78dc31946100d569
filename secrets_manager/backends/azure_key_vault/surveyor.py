"""One look at the whole vault: which of many sources have changed, for a call per 25 secrets.

Whether a list is allowed and pays is found out by making one, and asked again every ten minutes. It must not
know how the vault is spoken to, nor what its answers mean beyond that.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.client import Refused, VaultClient
from secrets_manager.backends.azure_key_vault.freshness import Freshness, Properties
from secrets_manager.backends.base import Clock, Source, Survey
from secrets_manager.domain.errors import BackendFault, BackendUnavailable

_LOG = logging.getLogger(__name__)
_ASK_AGAIN = 600.0
# A list that takes longer pays no more, and holds up a worker.
_LONGEST_LIST = 30.0


class VaultSurveyor:
    """Looks; one thread at a time."""

    def __init__(
        self,
        client: VaultClient,
        freshness: Freshness,
        *,
        timeout: float,
        clock: Clock,
        now: Clock,
    ) -> None:
        """``timeout`` is the total of one page in seconds; ``now`` gives Unix time."""
        self._client = client
        self._freshness = freshness
        self._timeout = timeout
        self._clock = clock
        self._now = now
        self._no_list_until = float("-inf")
        self._forbidden_told = False

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
        except Refused as refused:
            self._learn(refused.refusal)
            return None

    def _learn(self, refused: faults.Refusal) -> None:
        error = _fault(refused)
        if error is not None:
            raise error
        if not self._forbidden_told:
            self._forbidden_told = True
            _LOG.info(
                "the secrets of the vault may not be listed",
                extra={
                    "backend": "azure-kv",
                    "operation": "list",
                    "reason": "each source is read once a period instead; grant list for fewer calls",
                },
            )


def _fault(refused: faults.Refusal) -> BackendFault | None:
    """The fault of the whole vault behind a refused list, or None for a missing right."""
    if refused.status == 401:
        return BackendUnavailable("the key vault did not accept our token for a list")
    if refused.status == 403 and refused.ours and not faults.is_network_rule(refused):
        return None
    error = faults.from_vault(refused, "")
    return error if isinstance(error, BackendFault) else BackendUnavailable("the key vault gave no list")
