"""The tokens that the daemon used lately, to recognise them in replies.

A reply is compared with the token that was used and with those before it: a login may replace the token
between two tries of one read, and a replaced token stays valid until it expires. This module must not know
how tokens are made or replaced.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from secrets_manager.runtime.json_view import JsonMap

# Each token lives for minutes or more, and logins are paced.
_REMEMBERED = 32


class OwnTokens:
    """Remembers the last tokens; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: deque[str] = deque(maxlen=_REMEMBERED)

    def __repr__(self) -> str:
        return "OwnTokens(…)"

    def remember(self, token: str) -> None:
        """Remember a token that is now in use."""
        with self._lock:
            if token not in self._tokens:
                self._tokens.append(token)

    def are_in(self, values: Mapping[str, object]) -> bool:
        """Whether one of the tokens is in ``values``: as a key or within a text, at any depth."""
        with self._lock:
            tokens = tuple(self._tokens)
        if isinstance(values, JsonMap):
            return any(values.mentions(token) for token in tokens)
        rest: list[object] = [values]
        while rest:
            one = rest.pop()
            if isinstance(one, str):
                # A loop, since a generator for each text would cost more than the search.
                for token in tokens:
                    if token in one:
                        return True
            elif isinstance(one, dict):
                rest += one.keys()
                rest += one.values()
            elif isinstance(one, list):
                rest += one
        return False
