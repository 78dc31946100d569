"""One sample of the daemon from outside: from the kernel and from /metrics.

Knows nothing of the faults, nor of the limits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed.daemon import DaemonProcess

_PROC = Path("/proc")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of /metrics."""

    metric: str
    labels: Mapping[str, str]
    value: float

    @property
    def about(self) -> str:
        """The Secret or the path that it is about; "" if it is about none."""
        if "namespace" in self.labels:
            return self.labels.get("name", "")
        return self.labels.get("path", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Taken `at` seconds after the begin of the run.

    Attributes:
        resident: memory in MiB.
        threads: of the process.
        descriptors: open ones.
        object_series: series about one Secret or one path; None while /metrics did not answer.
        other_series: the rest.
        depth: keys that are ready and wait.

    """

    at: float
    resident: float
    threads: int
    descriptors: int
    object_series: int | None = None
    other_series: int | None = None
    depth: float | None = None
    faults: tuple[str, ...] = field(default=())


def take(daemon: DaemonProcess, at: float, faults: Collection[str]) -> Sample:
    """A sample of now; `faults` are those in force. OSError when the process is gone."""
    status = dict(_status_lines(daemon.pid))
    code, text = daemon.fetch("/metrics")
    series = list(parse(text)) if code == 200 else None
    about = [bool(each.about) for each in series or ()]
    return Sample(
        at=at,
        resident=int(status["VmRSS"].split()[0]) / _KIB_PER_MIB,
        threads=int(status["Threads"]),
        descriptors=sum(1 for _ in (_PROC / str(daemon.pid) / "fd").iterdir()),
        object_series=None if series is None else sum(about),
        other_series=None if series is None else len(about) - sum(about),
        depth=next((each.value for each in series or () if each.metric == "workqueue_depth"), None),
        faults=tuple(sorted(faults)),
    )


def parse(text: str) -> Iterator[Series]:
    """The series of a page of /metrics."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            metric, _, labels = series.partition("{")
            yield Series(metric=metric, labels=dict(_LABEL.findall(labels)), value=float(value))


def strays(series: Collection[Series], living: Collection[str]) -> list[str]:
    """The subjects of series that are gone; `living` are the names of the Secrets and the paths."""
    about = dict.fromkeys(each.about for each in series if each.about)
    return [what for what in about if what not in living]


def _status_lines(pid: int) -> Iterator[tuple[str, str]]:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        name, _, rest = line.partition(":")
        yield name, rest.strip()
