"""The witness: sees every state that a Secret was ever in, through a watch of its own, and remembers faults.

Judging is pure: states in, faults out. The watch resumes by resourceVersion, so no state is missed.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import urllib3

from tests.testbed.kube_api import ApiError, KubeApi, secrets

Json = dict[str, Any]


@dataclass(eq=False)
class Judge:
    """Holds the highest number of each Secret against the next one."""

    highest: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    doomed: set[str] = field(default_factory=set)

    def doom(self, name: str) -> None:
        """From now on a Secret may be deleted, and more than once: its definition is about to be."""
        self.doomed.add(name)

    def see(self, name: str, data: Mapping[str, str]) -> None:
        """Take one state of a Secret."""
        one, two = data.get("one"), data.get("two")
        if one is None or one != two:
            self.faults.append(f"{name}: partial ({one}, {two})")
            return
        if int(one) < self.highest.get(name, 0):
            self.faults.append(f"{name}: went back from {self.highest[name]} to {one}")
        self.highest[name] = max(int(one), self.highest.get(name, 0))

    def lost(self, name: str) -> None:
        """A Secret was deleted."""
        if name in self.doomed:
            self.highest.pop(name, None)
        else:
            self.faults.append(f"{name}: deleted")

    def missing(self, present: AbstractSet[str]) -> list[str]:
        """The Secrets that were there and are not among those present."""
        return [name for name in self.highest if name not in present]


class Witness:
    """Watches the Secrets of a namespace from `start` to `stop`."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._version = ""
        self.judge = Judge()
        self.writes = 0

    def start(self) -> None:
        """See from now on."""
        self._version = str(self._api.get(secrets(self._namespace))["metadata"]["resourceVersion"])
        self._thread.start()

    def stop(self) -> None:
        """See no more."""
        self._stop.set()
        self._thread.join(10)

    def wait_for_write(self, seconds: float) -> bool:
        """Until the next state of any Secret is seen; whether that was in time."""
        with self._changed:
            before = self.writes
            return self._changed.wait_for(lambda: self.writes > before, seconds)

    def wait_for_level(self, level: int, count: int, seconds: float) -> list[str]:
        """Until so many Secrets hold the number; returns the names that do not in time."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._below(level)) == 0 and self._known() >= count, seconds)
            return self._below(level)

    def _known(self) -> int:
        return len(self.judge.highest)

    def _below(self, level: int) -> list[str]:
        return [name for name, number in self.judge.highest.items() if number < level]

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
        query = {"resourceVersion": self._version, "timeoutSeconds": 5}
        with self._api.watch(secrets(self._namespace), **query) as events:
            for event in events:
                if event["type"] == "ERROR":
                    return False
                self._take(event)
        return True

    def _list_again(self) -> None:
        """An API server that was restarted forgot what was before it: go on from what there is now."""
        answer = self._api.get(secrets(self._namespace))
        for secret in answer["items"]:
            self._take({"type": "MODIFIED", "object": secret})
        with self._changed:
            for name in self.judge.missing({secret["metadata"]["name"] for secret in answer["items"]}):
                self.judge.lost(name)
            self._version = answer["metadata"]["resourceVersion"]

    def _take(self, event: Json) -> None:
        secret = event["object"]
        name = secret["metadata"]["name"]
        data = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
        with self._changed:
            self._version = secret["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                self.judge.lost(name)
            else:
                self.judge.see(name, data)
            self.writes += 1
            self._changed.notify_all()
