"""Lets those see the status page whom the API server knows, and as much of it as they may list.

Answers of the API server are believed for half a minute. What is remembered of a token is a digest, by a key
of this process. Whoever guesses tokens uses up what strangers may ask, and takes nothing from those who are
known.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from secrets_manager.cluster.reviews import Reviews, User
from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.web.doors import TurnedAway
from secrets_manager.daemon.web.server import HttpRequest
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden, SecretsManagerError
from secrets_manager.runtime.token_bucket import TokenBucket

_K = TypeVar("_K")
_V = TypeVar("_V")
# https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)", re.IGNORECASE)
_BELIEVED_SECONDS = 30.0
_REFUSED_SECONDS = 10.0
_MOST_CALLERS = 256
_MOST_REFUSED = 1024
_MOST_GRANTS = 64
# Reviews that may be asked for tokens that were not accepted lately, all together, and for each that was.
_STRANGERS_AT_ONCE, _STRANGERS_PER_SECOND = 20, 2.0
_KNOWN_AT_ONCE, _KNOWN_PER_SECOND = 40, 5.0


@dataclass(slots=True)
class _Grant:
    allowed: bool
    until: float


@dataclass(slots=True)
class _Caller:
    """Somebody whose token was accepted, until when that counts, and what they may list."""

    user: User
    until: float
    bucket: TokenBucket
    grants: OrderedDict[str | None, _Grant] = field(default_factory=OrderedDict)


class TokenDoor:
    """Lets those in whom the API server knows; safe from many threads. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        reviews: Reviews,
        clock: Callable[[], float] = time.monotonic,
        left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """``left`` gives the seconds that are left for an answer: without any, nothing more is asked."""
        self._reviews = reviews
        self._clock = clock
        self._left = left
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._callers: OrderedDict[bytes, _Caller] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._strangers = TokenBucket(rate=_STRANGERS_PER_SECOND, burst=_STRANGERS_AT_ONCE, now=clock())

    def admit(self, request: HttpRequest, namespaces: Sequence[str]) -> Sight:
        """All namespaces for those who may list them all; of others those that they name and may list."""
        found = _BEARER.fullmatch(request.header("authorization").strip())
        if found is None:
            raise _unknown('Bearer realm="secrets-manager"')
        try:
            caller = self._caller(found[1])
            if self._may(caller, None):
                return Sight()
            if not namespaces:
                raise TurnedAway(
                    403,
                    "Which namespaces?",
                    "You may not list SecretDefinitions in all namespaces. Name those that you may list "
                    "in, such as ?namespace=a&namespace=b.",
                )
            seen = frozenset(each for each in namespaces if self._may(caller, each))
        except SecretsManagerError as error:
            raise _cannot_tell(error) from error
        if not seen:
            raise TurnedAway(
                403,
                "Not allowed",
                "You may not list SecretDefinitions in the namespaces that you named.",
            )
        return Sight(seen)

    def _caller(self, token: str) -> _Caller:
        digest = hashlib.blake2b(token.encode("ascii"), digest_size=32, key=self._key).digest()
        with self._lock:
            now = self._clock()
            known = self._callers.get(digest)
            if known is not None and now < known.until:
                self._callers.move_to_end(digest)
                return known
            if now < self._refused.get(digest, now):
                raise _unknown('Bearer realm="secrets-manager", error="invalid_token"')
            _take(self._strangers if known is None else known.bucket, now)
        user = self._reviews.owner_of(token)
        with self._lock:
            return self._remember(digest, user)

    def _remember(self, digest: bytes, user: User | None) -> _Caller:
        now = self._clock()
        if user is None:
            self._callers.pop(digest, None)
            _keep(self._refused, digest, now + _REFUSED_SECONDS, _MOST_REFUSED)
            raise _unknown('Bearer realm="secrets-manager", error="invalid_token"')
        before = self._callers.get(digest)
        bucket = before.bucket if before else _bucket(now)
        # What somebody else may have been granted under this token is of no matter any more.
        grants = before.grants if before and before.user == user else OrderedDict()
        caller = _Caller(user, now + _BELIEVED_SECONDS, bucket, grants)
        _keep(self._callers, digest, caller, _MOST_CALLERS)
        return caller

    def _may(self, caller: _Caller, namespace: str | None) -> bool:
        with self._lock:
            now = self._clock()
            known = caller.grants.get(namespace)
            if known is not None and now < known.until:
                return known.allowed
            _take(caller.bucket, now)
        if self._left() <= 0:
            raise ClusterUnavailable("no time was left for the call: create subjectaccessreviews")
        allowed = self._reviews.may_list(caller.user, namespace)
        with self._lock:
            seconds = _BELIEVED_SECONDS if allowed else _REFUSED_SECONDS
            _keep(caller.grants, namespace, _Grant(allowed, self._clock() + seconds), _MOST_GRANTS)
        return allowed


def _bucket(now: float) -> TokenBucket:
    return TokenBucket(rate=_KNOWN_PER_SECOND, burst=_KNOWN_AT_ONCE, now=now)


def _take(bucket: TokenBucket, now: float) -> None:
    if not bucket.try_take(now):
        raise TurnedAway(
            429,
            "Too many questions",
            "The API server is asked no more for a moment. Try again in a few seconds.",
            {"Retry-After": "5"},
        )


def _keep(kept: OrderedDict[_K, _V], key: _K, value: _V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


def _unknown(challenge: str) -> TurnedAway:
    return TurnedAway(
        401,
        "A token is needed",
        "Send a bearer token that the API server accepts, as a header: Authorization: Bearer TOKEN.",
        {"WWW-Authenticate": challenge},
    )


def _cannot_tell(error: SecretsManagerError) -> TurnedAway:
    text = "The API server does not say who you are. Try again in a few seconds."
    if isinstance(error, Forbidden):
        text = (
            "The daemon may not ask the API server who you are: it lacks the right to create tokenreviews "
            "and subjectaccessreviews, which config/components/status-page grants."
        )
    return TurnedAway(503, "Not known who you are", text, {"Retry-After": "5"})
