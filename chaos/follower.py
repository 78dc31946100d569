"""A watch that sees every state of the objects at a path, from start to stop.

It resumes by resourceVersion, so no state is missed as long as the API server remembers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import urllib3

from tests.testbed.kube_api import ApiError, KubeApi

Json = dict[str, Any]


class Follower:
    """Follows a list of objects in a thread of its own; what comes of it is for subclasses to say."""

    def __init__(self, api: KubeApi, path: str) -> None:
        self._api = api
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follower of {path}", daemon=True)
        self._version = ""

    def start(self) -> None:
        """See what there is, and from now on each change of it."""
        self._list_again()
        self._thread.start()

    def stop(self) -> None:
        """See no more."""
        self._stop.set()
        self._thread.join(10)

    def take(self, event: Json) -> None:
        """One event of the watch."""
        raise NotImplementedError

    def listed(self, items: Sequence[Json]) -> None:
        """All objects that there are, at the start or after an API server forgot what was before."""
        for item in items:
            self.take({"type": "MODIFIED", "object": item})

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self._follow():
                    self._list_again()
            except (ApiError, OSError, ValueError, urllib3.exceptions.HTTPError):
                # The API server is away, or went in the middle of a line.
                time.sleep(0.1)

    def _follow(self) -> bool:
        """Whether the watch may go on where it ended."""
        with self._api.watch(self._path, resourceVersion=self._version, timeoutSeconds=5) as events:
            for event in events:
                if event["type"] == "ERROR":
                    return False
                self.take(event)
                self._version = event["object"]["metadata"]["resourceVersion"]
        return True

    def _list_again(self) -> None:
        answer = self._api.get(self._path)
        self.listed(answer["items"])
        self._version = answer["metadata"]["resourceVersion"]
