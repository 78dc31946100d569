"""The witness: sees every state that a Secret was ever in, through a watch of its own, and remembers faults.

Judging is pure: states in, faults out.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from chaos.follower import Follower, Json
from chaos.restarts import RestartJudge
from tests.testbed.kube_api import KubeApi, secrets


@dataclass(eq=False)
class Judge:
    """Holds the highest number of each Secret against the next one."""

    highest: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    doomed: set[str] = field(default_factory=set)

    def expect_deletion(self, name: str) -> None:
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


class Witness(Follower):
    """Watches the Secrets of a namespace from `start` to `stop`."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        super().__init__(api, secrets(namespace))
        self._changed = threading.Condition()
        self.judge = Judge()
        self.restarts = RestartJudge()
        self.writes = 0

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

    def take(self, event: Json) -> None:
        """One state of a Secret."""
        secret = event["object"]
        name = secret["metadata"]["name"]
        data = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
        with self._changed:
            if event["type"] == "DELETED":
                self.judge.lost(name)
                self.restarts.lost(name)
            else:
                self.judge.see(name, data)
                self.restarts.see(secret)
            self.writes += 1
            self._changed.notify_all()

    def listed(self, items: Sequence[Json]) -> None:
        """All Secrets that there are."""
        super().listed(items)
        with self._changed:
            for name in self.judge.missing({secret["metadata"]["name"] for secret in items}):
                self.judge.lost(name)

    def _known(self) -> int:
        return len(self.judge.highest)

    def _below(self, level: int) -> list[str]:
        return [name for name, number in self.judge.highest.items() if number < level]
