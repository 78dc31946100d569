"""The Secret as it is: from the store while that may be trusted, from the API server else."""

from __future__ import annotations

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.write.writer import SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    QuotaExceeded,
    SecretsManagerError,
)
from secrets_manager.sync.target_view import TargetView
from tests.builders import DIGESTER
from tests.unit.sync.doubles import RecordedTelemetry

APP = Ref("team", "app")


class Bench:
    """A Secret that the API server has and the store does not."""

    def __init__(self, *, tracked: bool = True) -> None:
        self.cluster = MemoryCluster()
        self.cluster.create(SECRETS, "team", {"metadata": {"name": "app"}, "data": {}})
        self.telemetry = RecordedTelemetry()
        store = SecretStore()
        store.track(None, on=tracked)
        writer = SecretWriter(api=self.cluster, store=store, digester=DIGESTER)
        self.view = TargetView(store=store, writer=writer, telemetry=self.telemetry)

    @property
    def gets(self) -> int:
        return self.cluster.calls["get", "secrets"]

    def fail_write(self, error: SecretsManagerError) -> None:
        with pytest.raises(type(error)), self.view.writing(APP):
            raise error


def test_where_secrets_are_watched_the_store_is_believed() -> None:
    bench = Bench()

    assert bench.view.observe(APP) is None
    assert bench.gets == 0


def test_where_secrets_are_not_watched_the_api_server_is_asked_each_time() -> None:
    bench = Bench(tracked=False)

    assert [bench.view.observe(APP) is not None for _ in range(3)] == [True] * 3
    assert bench.gets == 3


@pytest.mark.parametrize("error", [Conflict("x"), ClusterUnavailable("x"), QuotaExceeded("x")])
def test_after_a_write_that_may_have_been_applied_the_api_server_is_asked_once(
    error: SecretsManagerError,
) -> None:
    bench = Bench()
    bench.fail_write(error)

    assert bench.view.observe(APP) is not None
    assert bench.view.observe(APP) is None
    assert bench.gets == 1


def test_the_doubt_is_about_that_secret_alone() -> None:
    bench = Bench()
    bench.fail_write(Conflict("x"))
    bench.view.observe(Ref("team", "other"))

    assert bench.gets == 0


@pytest.mark.parametrize("error", [None, Forbidden("x"), AdmissionDenied("x")])
def test_a_write_that_worked_or_was_plainly_refused_leaves_the_store_believed(
    error: SecretsManagerError | None,
) -> None:
    bench = Bench()
    if error is not None:
        bench.fail_write(error)
    else:
        with bench.view.writing(APP):
            pass
    bench.view.observe(APP)

    assert bench.gets == 0


def test_a_secret_that_cannot_be_read_is_counted_and_the_doubt_stays() -> None:
    bench = Bench()
    bench.fail_write(Conflict("x"))
    bench.cluster.fail_next("get", "secrets", ClusterUnavailable("down"))
    with pytest.raises(ClusterUnavailable):
        bench.view.observe(APP)

    assert bench.telemetry.unreadable == [APP]
    assert bench.view.observe(APP) is not None
