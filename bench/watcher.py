"""Sees Secrets change as anyone could: by a watch of its own, in one thread that shares the cores.

So it does as little as it can: it parses a line, and checks whether a caller waits for that Secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, Self

from bench.bulk import Server
from bench.corpus import encode
from bench.plans import Wish

_ALL = "/api/v1/secrets"
_HOUR = 3600


@dataclass(slots=True, kw_only=True)
class Expectation:
    """A wait for a Secret to hold certain data.

    Attributes:
        namespace: of the Secret.
        name: of the Secret.
        data: the expected data, encoded.
        began: when it began to be wrong, in seconds since the epoch.
        at: when it was seen to be right after that; None until then.

    """

    namespace: str
    name: str
    data: Mapping[str, str] = field(repr=False)
    began: float
    at: float | None = None

    @property
    def latency(self) -> float:
        """Seconds from wrong to right; AssertionError if it was not seen."""
        assert self.at is not None, f"Secret {self.name} was not seen to become right"
        return self.at - self.began

    def fits(self, event: Mapping[str, Any]) -> bool:
        """Whether this event of a watch shows the Secret with the expected data."""
        return event["type"] in {"ADDED", "MODIFIED"} and event["object"].get("data") == self.data


class SecretWatch:
    """Watches all Secrets from the start of a with block to its end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Condition()
        self._waiting: dict[tuple[str, str], Expectation] = {}
        self._failure = ""
        self._connection = server.connect()
        self._thread = threading.Thread(target=self._follow, name="secret-watch", daemon=True)
        self._answer: HTTPResponse

    def __enter__(self) -> Self:
        newest = self._ask(f"{_ALL}?limit=1")
        version = json.loads(newest.read())["metadata"]["resourceVersion"]
        query = f"watch=1&resourceVersion={version}&timeoutSeconds={_HOUR}"
        self._answer = self._ask(f"{_ALL}?{query}")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Below TLS, which must not be taken apart while the thread reads through it.
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self._connection.sock.fileno())) as raw,
        ):
            raw.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def expect(self, wish: Wish, values: Mapping[str, str]) -> Expectation:
        """Wait from now on for the Secret of a wish to hold these values; say so before making it wrong."""
        expectation = Expectation(
            namespace=wish.namespace, name=wish.name, data=encode(values), began=time.time()
        )
        with self._lock:
            self._waiting[wish.namespace, wish.name] = expectation
        return expectation

    def wait(self, expectations: Iterable[Expectation], timeout: float) -> Sequence[float]:
        """The latency of each, once all were seen; AssertionError after `timeout` seconds without that."""
        wanted = list(expectations)
        with self._lock:
            self._lock.wait_for(lambda: self._failure or all(each.at is not None for each in wanted), timeout)
            assert not self._failure, self._failure
        return [each.latency for each in wanted]

    def _ask(self, path: str) -> HTTPResponse:
        self._connection.request("GET", path, headers=dict(self._server.headers))
        answer = self._connection.getresponse()
        assert answer.status == 200, f"{path} was answered with {answer.status}"
        return answer

    def _follow(self) -> None:
        with contextlib.suppress(OSError, HTTPException):
            while line := self._answer.readline():
                self._take(json.loads(line), time.time())
        with self._lock:
            self._failure = "the watch of the benchmark has ended"
            self._lock.notify_all()

    def _take(self, event: Mapping[str, Any], now: float) -> None:
        metadata = event["object"].get("metadata", {})
        key = metadata.get("namespace", ""), metadata.get("name", "")
        with self._lock:
            expectation = self._waiting.get(key)
            if expectation is not None and expectation.fits(event):
                expectation.at = now
                del self._waiting[key]
                self._lock.notify_all()
