"""Metrics whose values are asked for at each scrape rather than told.

They mirror what other parts keep anyway: the queue, the informers, the log. Asking must be cheap and must not
raise, since one that raises fails the whole scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from secrets_manager.daemon.metrics.parts import HELP


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What is asked at each scrape rather than told: cheap, and must not raise."""

    queue_depth: Callable[[], int]
    oldest_wait: Callable[[], float]
    overdue: Callable[[], float]
    work_ages: Callable[[], list[float]]
    definitions: Callable[[], int]
    breaker_open: Callable[[], bool]
    log_lines_dropped: Callable[[], int]
    events_dropped: Callable[[], int]
    watch_silence: Callable[[], float]
    full_lists: Callable[[], Mapping[str, int]]


class Asked(Collector):
    """Metrics whose value is asked for at each scrape."""

    def __init__(self, readings: Readings, controller: str) -> None:
        self._readings = readings
        self._controller = controller

    def collect(self) -> list[Metric]:
        """The families; a scrape must survive whatever happens here, so nothing here can raise."""
        asked = self._readings
        ages = asked.work_ages()
        of_queue: Mapping[str, float] = {
            "workqueue_depth": asked.queue_depth(),
            "workqueue_unfinished_work_seconds": sum(ages),
            "workqueue_longest_running_processor_seconds": max(ages, default=0.0),
        }
        ours: Mapping[str, tuple[str, float]] = {
            "queue_oldest_wait_seconds": ("Age of the oldest ready key.", asked.oldest_wait()),
            "poll_overdue_seconds": ("Lateness of the most overdue poll.", asked.overdue()),
            "definitions": ("Definitions in scope.", asked.definitions()),
            "backend_breaker_open": ("1 while the backend is down.", asked.breaker_open()),
            "log_lines_dropped": ("Log lines lost.", asked.log_lines_dropped()),
            "events_dropped": ("Events not written, since there were too many.", asked.events_dropped()),
            "watch_silence_seconds": ("Time since the quietest watch told anything.", asked.watch_silence()),
        }
        families: list[Metric] = [self._family(name, HELP, "name", value) for name, value in of_queue.items()]
        families.append(
            self._family("controller_runtime_active_workers", HELP, "controller", float(len(ages)))
        )
        families += [
            GaugeMetricFamily(f"secrets_manager_{name}", text, value) for name, (text, value) in ours.items()
        ]
        families.append(self._lists())
        return families

    def _lists(self) -> Metric:
        name, text = "secrets_manager_full_lists", "Full lists by what made them due."
        family = CounterMetricFamily(name, text, labels=["reason"])
        for reason, count in sorted(self._readings.full_lists().items()):
            family.add_metric([reason], count)
        return family

    def _family(self, name: str, text: str, label: str, value: float) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, text, labels=[label])
        family.add_metric([self._controller], value)
        return family
