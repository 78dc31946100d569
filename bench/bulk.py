"""Many calls to one server, fast: seeding ten thousand objects must not take longer than measuring them.

A few threads with one connection each over `http.client`. Knows nothing of what the calls mean.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_THREADS = 8
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; the body may hold values."""

    method: str
    path: str
    body: Json | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where calls go: the URL, the headers that let them in, and the authority of an https URL."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    ca_file: Path | None = None

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        scheme, _, address = self.url.partition("://")
        if scheme == "http":
            return http.client.HTTPConnection(address)
        return http.client.HTTPSConnection(address, context=ssl.create_default_context(cafile=self.ca_file))


def send_all(server: Server, calls: Sequence[Call]) -> Sequence[Json]:
    """Make all calls, a few at a time; the answers come in the order of the calls, {} for an empty one.

    AssertionError, with the status, for the first call that was refused.
    """
    answers: list[Json] = [{} for _ in calls]
    numbered = enumerate(calls)
    lock = threading.Lock()
    failures: list[str] = []

    def work() -> None:
        with closing(server.connect()) as connection:
            for number, call in _shares(numbered, lock):
                try:
                    answers[number] = _send(connection, server, call)
                except (OSError, http.client.HTTPException, AssertionError) as error:
                    failures.append(f"{call.method} {call.path}: {error}")
                    return

    threads = [threading.Thread(target=work, name=f"bulk-{number}") for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    return answers


def _shares(numbered: Iterable[tuple[int, Call]], lock: threading.Lock) -> Iterator[tuple[int, Call]]:
    """One thread's share of the calls: the next that no thread has taken, until there is none."""
    calls = iter(numbered)
    while True:
        with lock:
            share = next(calls, None)
        if share is None:
            return
        yield share


def _send(connection: http.client.HTTPConnection, server: Server, call: Call) -> Json:
    headers = {"Content-Type": "application/json", **server.headers}
    body = None if call.body is None else json.dumps(call.body)
    connection.request(call.method, call.path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, f"answered with {answer.status}"
    parsed: Json = json.loads(text) if text else {}
    return parsed
