"""Metrics whose values are read at each scrape.

They mirror values that other parts keep anyway: the queue, the informers, the log. Reading them must be cheap
and must not raise, since an exception fails the whole scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from secrets_manager.daemon.metrics.parts import HELP


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """How one backend is: down as a whole, so many parts of it down, and whether a login works."""

    down: bool
    parts_down: int
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveValues:
    """The values that are read at each scrape: reading is cheap, and must not raise."""

    ready: Callable[[], bool]
    queue_depth: Callable[[], int]
    oldest_wait: Callable[[], float]
    overdue: Callable[[], float]
    work_ages: Callable[[], list[float]]
    definitions: Callable[[], int]
    backends: Callable[[], Mapping[str, BackendState]]
    log_lines_dropped: Callable[[], int]
    events_dropped: Callable[[], int]
    watch_silence: Callable[[], float]
    read_by_name: Callable[[], int]
    unwatched: Callable[[], int]
    full_lists: Callable[[], Mapping[str, int]]


class LiveCollector(Collector):
    """The metrics whose values are read at each scrape."""

    def __init__(self, values: LiveValues, controller: str) -> None:
        self._values = values
        self._controller = controller

    def collect(self) -> list[Metric]:
        """The families; nothing here may raise, since that would fail the whole scrape."""
        values = self._values
        ages = values.work_ages()
        of_queue: Mapping[str, float] = {
            "workqueue_depth": values.queue_depth(),
            "workqueue_unfinished_work_seconds": sum(ages),
            "workqueue_longest_running_processor_seconds": max(ages, default=0.0),
        }
        ours: Mapping[str, tuple[str, float]] = {
            "ready": ("1 while /readyz says ok.", float(values.ready())),
            "queue_oldest_wait_seconds": ("Age of the oldest ready key.", values.oldest_wait()),
            "poll_overdue_seconds": ("Lateness of the most overdue poll.", values.overdue()),
            "definitions": ("Definitions in scope.", values.definitions()),
            "log_lines_dropped": ("Log lines lost.", values.log_lines_dropped()),
            "events_dropped": ("Events not written, since there were too many.", values.events_dropped()),
            "watch_silence_seconds": (
                "Time since the quietest watch last received anything.",
                values.watch_silence(),
            ),
            "secrets_read_by_name": ("Lists of Secrets that are refused or fail.", values.read_by_name()),
            "watches_replaced_by_lists": (
                "Watches that do not work and are replaced by lists.",
                values.unwatched(),
            ),
        }
        families: list[Metric] = [self._family(name, HELP, "name", value) for name, value in of_queue.items()]
        families.append(
            self._family("controller_runtime_active_workers", HELP, "controller", float(len(ages)))
        )
        families += [
            GaugeMetricFamily(f"secrets_manager_{name}", text, value) for name, (text, value) in ours.items()
        ]
        return [*families, *self._backends(), self._lists()]

    def _backends(self) -> list[Metric]:
        states = self._values.backends()
        ours: Mapping[str, tuple[str, Callable[[BackendState], float]]] = {
            "breaker_open": ("1 while the backend is down as a whole.", lambda state: state.down),
            "parts_open": (
                "Parts of the backend that are down by themselves.",
                lambda state: state.parts_down,
            ),
            "ready": ("1 while the daemon can log in to the backend.", lambda state: state.ready),
        }
        families: list[Metric] = []
        for name, (text, value) in ours.items():
            family = GaugeMetricFamily(f"secrets_manager_backend_{name}", text, labels=["backend"])
            for backend, state in states.items():
                family.add_metric([backend], value(state))
            families.append(family)
        return families

    def _lists(self) -> Metric:
        name, text = "secrets_manager_full_lists", "Full lists by reason."
        family = CounterMetricFamily(name, text, labels=["reason"])
        for reason, count in sorted(self._values.full_lists().items()):
            family.add_metric([reason], count)
        return family

    def _family(self, name: str, text: str, label: str, value: float) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, text, labels=[label])
        family.add_metric([self._controller], value)
        return family
