"""A workload that is restarted for changes of a few Secrets, and whether each restart had its reason.

Judging is pure: states of the Secrets and of the workload in, faults out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chaos.follower import Follower, Json
from secrets_manager.domain.update_times import moment_of
from tests.testbed.kube_api import KubeApi

NAME = "reader"
_A_LITTLE = timedelta(seconds=5)
_UPDATED = "secrets-manager.tuenti.io/lastUpdateTime"
_RESTARTED_FOR = "secrets-manager.tuenti.io/restarted-for"


@dataclass(eq=False)
class RestartJudge:
    """Holds restarts against the changes of the Secrets that they were for."""

    # The data of each Secret when it was last seen, and the times of its changes.
    data: dict[str, Json] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    restarts: list[str] = field(default_factory=list)

    def see(self, secret: Json) -> None:
        """Take one state of a Secret."""
        name, data = secret["metadata"]["name"], secret.get("data") or {}
        before = self.data.get(name)
        self.data[name] = data
        if before is not None and before != data:
            time = (secret["metadata"].get("annotations") or {}).get(_UPDATED, "")
            self.changes.setdefault(name, []).append(time)

    def lost(self, name: str) -> None:
        """A Secret was deleted: when it is made again, that is no change."""
        self.data.pop(name, None)

    def restarted(self, mark: str) -> None:
        """Take one state of the workload: the time of the change that it was restarted for."""
        if mark and (not self.restarts or self.restarts[-1] != mark):
            self.restarts.append(mark)

    def newest(self, names: Sequence[str]) -> str:
        """The time of the newest change of some Secrets."""
        return max((time for name in names for time in self.changes.get(name, ())), default="")

    def faults(self, names: Sequence[str]) -> list[str]:
        """Restarts without a reason, twice for one, or missing, of a workload that uses these Secrets.

        The mark of a restart is the time of a change, or a little later: where it would not be newer than the
        mark before, it is made so.
        """
        reasons = sorted(time for name in names for time in self.changes.get(name, ()))
        strange = (mark for mark in self.restarts if not _is_near(mark, reasons))
        found = [f"restarted for {mark}, when nothing changed" for mark in strange]
        if self.restarts != sorted(set(self.restarts)):
            found.append(f"restarts went back, or came twice: {self.restarts}")
        if len(self.restarts) > len(reasons):
            found.append(f"{len(self.restarts)} restarts for {len(reasons)} changes")
        if self.is_behind(names):
            last = self.restarts[-1] if self.restarts else "nothing"
            found.append(f"last restarted for {last}, last changed {self.newest(names)}")
        return found

    def is_behind(self, names: Sequence[str]) -> bool:
        """Whether the restart for the newest change is missing."""
        return (self.restarts[-1] if self.restarts else "") < self.newest(names)


def _is_near(mark: str, reasons: Sequence[str]) -> bool:
    """Whether one of the times is that of the mark, or a few seconds earlier."""
    at = bisect_right(reasons, mark)
    return at > 0 and moment_of(mark) - moment_of(reasons[at - 1]) <= _A_LITTLE


class Workload(Follower):
    """A Deployment that nothing runs, and every state of it from `start` to `stop`."""

    def __init__(self, api: KubeApi, namespace: str, judge: RestartJudge) -> None:
        super().__init__(api, f"/apis/apps/v1/namespaces/{namespace}/deployments")
        self._judge = judge

    def make(self, secrets: Sequence[str]) -> None:
        """Create it; its pods take their environment from these Secrets."""
        labels = {"app": NAME}
        uses = [{"secretRef": {"name": name}} for name in secrets]
        pod = {"containers": [{"name": "c", "image": "i", "envFrom": uses}]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        self._api.post(self._path, {"metadata": {"name": NAME}, "spec": spec})

    def take(self, event: Json) -> None:
        """One state of it."""
        annotations = event["object"]["spec"]["template"]["metadata"].get("annotations") or {}
        self._judge.restarted(annotations.get(_RESTARTED_FOR, ""))
