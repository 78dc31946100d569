"""How many workers there are."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.daemon.workforce import workers_of
from secrets_manager.settings import AzureKvSettings, ControllerSettings, Settings, VaultSettings


def settings(workers: int, rate: int, timeout: float = 5.0, **rest: Any) -> Settings:
    return Settings(
        controller=ControllerSettings(workers=workers),
        vault=VaultSettings(max_requests_per_second=rate),
        azure_kv=AzureKvSettings(max_requests_per_second=1000),
        backend_timeout=timeout,
        **rest,
    )


@pytest.mark.parametrize(
    ("asked", "rate", "timeout", "workers"),
    [(16, 1000, 5.0, 16), (16, 4, 5.0, 10), (16, 1, 5.0, 3), (16, 1000, 0.01, 5), (2, 1, 1.0, 2)],
)
def test_there_are_no_more_than_get_their_turn_in_time(
    asked: int, rate: int, timeout: float, workers: int
) -> None:
    assert workers_of(settings(asked, rate, timeout)) == workers


def test_the_rate_is_that_of_the_backend_in_use() -> None:
    assert workers_of(settings(16, 1, backend="azure-kv")) == 16
