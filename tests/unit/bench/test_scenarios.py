"""What the scenarios make of what was measured."""

from __future__ import annotations

import pytest

from bench.audit import BackendCall, KubernetesCall
from bench.meter import Stretch
from bench.proc import Memory
from bench.scenario import Options
from bench.scenarios import SCENARIOS, cold, quiet


def call(verb: str, resource: str, at: float, status: int = 200) -> KubernetesCall:
    return KubernetesCall(verb=verb, resource=resource, status=status, at=at)


def stretch(*kubernetes: KubernetesCall, cpu: float = 2.0, reads: int = 0) -> Stretch:
    """Two minutes from the 1000th second on."""
    return Stretch(
        began=1000.0,
        seconds=120.0,
        cpu=cpu,
        servers_cpu=6.0,
        memory=Memory(resident=60.0, peak=80.0),
        kubernetes=kubernetes,
        backend=(BackendCall(operation="read", path="secret/data/app", at=1001.0),) * reads,
    )


COLD = stretch(
    call("list", "secrets", 1000.5),
    call("create", "secrets", 1001.0, 201),
    call("create", "secrets", 1001.5, 409),
    call("create", "secrets", 1002.0, 201),
    call("update", "secretdefinitions/status", 1002.5),
    call("create", "events", 1009.0, 201),
    reads=2,
)


def test_every_scenario_is_registered_under_its_name() -> None:
    assert list(SCENARIOS) == [
        "machine",
        "cold",
        "quiet",
        "fresh",
        "drift",
        "new-object",
        "sharing",
        "outage",
        "startup",
        "memory",
        "ten-thousand",
        "fail-over",
        "poisoned",
        "azure-quiet",
    ]
    assert all(name == scenario.name and scenario.summary for name, scenario in SCENARIOS.items())


def test_a_cold_start_is_timed_from_the_start_of_the_process_to_the_last_status() -> None:
    figures = {each.key: each.value for each in cold.figures(COLD, COLD)}

    assert figures == {
        "first_call_s": 0.5,
        "half_of_the_secrets_s": 1.0,
        "all_secrets_right_s": 2.0,
        "all_in_step_s": 2.5,
        "kubernetes_calls_per_definition": 3.0,
        "backend_calls_per_definition": 1.0,
        "cpu_s": 2.0,
        "cpu_of_the_servers_s": 6.0,
        "memory_after_mib": 60.0,
        "memory_peak_mib": 80.0,
    }


def test_a_cold_start_is_compared_with_the_floor() -> None:
    figures = {each.key: each for each in cold.figures(COLD, stretch(*COLD.kubernetes, cpu=0.5))}

    assert figures["cpu_s"].ratio == 4.0
    assert figures["all_in_step_s"].ratio == 1.0
    assert figures["memory_after_mib"].ratio is None


def test_of_several_rounds_the_one_in_the_middle_is_told() -> None:
    def took(seconds: float) -> cold.Round:
        told = call("update", "secretdefinitions/status", 1000.0 + seconds)
        return cold.Round(daemon=stretch(told), floor=stretch(call("update", told.resource, 1002.0)))

    slow, usual, quick = took(9.0), took(3.0), took(2.5)

    assert usual.ratio == 1.5
    assert cold.middle([slow, quick, usual]) is usual
    assert cold.middle([usual, slow]) is usual
    assert cold.middle([slow]) is slow


def test_a_quiet_stretch_is_told_per_minute_per_read_and_per_period() -> None:
    options = Options(definitions=10, minutes=2, period=30)
    listening = (call("watch", "secrets", 1001.0), call("list", "secrets", 1002.0))

    figures = {
        each.key: each.value
        for each in quiet.figures(stretch(*listening, call("get", "secrets", 1003.0), reads=40), options)
    }

    assert figures == {
        "cpu_per_minute_s": 1.0,
        "cpu_per_backend_read_ms": 50.0,
        "cpu_of_the_servers_per_minute_s": 3.0,
        "kubernetes_calls_but_watch_and_list": 1,
        "backend_reads": 40,
        "backend_reads_per_path_and_period": 1.0,
        "memory_after_mib": 60.0,
        "memory_peak_mib": 80.0,
    }


def test_only_reads_of_values_are_backend_reads() -> None:
    other = Stretch(
        began=0.0,
        seconds=60.0,
        cpu=1.0,
        servers_cpu=0.0,
        memory=Memory(resident=1.0, peak=1.0),
        kubernetes=(),
        backend=(BackendCall(operation="read", path="auth/token/lookup-self", at=1.0),),
    )

    figures = {each.key: each.value for each in quiet.figures(other, Options())}

    assert figures["backend_reads"] == 0
    assert figures["cpu_per_backend_read_ms"] == pytest.approx(1000.0)
