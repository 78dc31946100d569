"""Whether the benchmark notices that a sick or a healthy definition ended in another way than it should."""

from __future__ import annotations

from typing import Any

import pytest

from bench.corpus import encoded
from bench.poison import Estate, mixed
from bench.sickbed import check_estate

ESTATE = mixed(["a"], 4, sick_every=2)
SICK = ESTATE.sick[0]
HEALTHY = ESTATE.healthy.wishes[0]


class FakeApi:
    """Everything as it should be, but for what a test says."""

    def __init__(self, estate: Estate) -> None:
        self.secrets = {wish.name: encoded(estate.healthy.data(wish)) for wish in estate.healthy.wishes}
        self.conditions = {wish.name: ("True", "Synced") for wish in estate.healthy.wishes}
        self.conditions |= {each.wish.name: ("False", each.poison.reason) for each in estate.sick}

    def get(self, path: str, **query: object) -> dict[str, Any]:
        assert query["limit"]
        return {
            "metadata": {},
            "items": self._secrets() if path.endswith("/secrets") else self._definitions(),
        }

    def _secrets(self) -> list[dict[str, Any]]:
        return [{"metadata": {"name": name}, "data": data} for name, data in self.secrets.items()]

    def _definitions(self) -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": status, "reason": reason}]},
            }
            for name, (status, reason) in self.conditions.items()
        ]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(ESTATE)


def test_an_estate_in_which_each_ended_as_it_should_passes(api: FakeApi) -> None:
    check_estate(ESTATE, api)


def test_a_healthy_one_without_its_secret_is_told(api: FakeApi) -> None:
    del api.secrets[HEALTHY.name]

    with pytest.raises(AssertionError, match="1 Secrets are not as defined"):
        check_estate(ESTATE, api)


def test_a_sick_one_with_a_secret_is_told(api: FakeApi) -> None:
    api.secrets[SICK.wish.name] = {}

    with pytest.raises(AssertionError, match="1 sick definitions have a Secret"):
        check_estate(ESTATE, api)


@pytest.mark.parametrize("name", [SICK.wish.name, HEALTHY.name], ids=["sick", "healthy"])
@pytest.mark.parametrize("condition", [("False", "InternalError"), ("Unknown", "Synced"), None], ids=str)
def test_another_condition_than_the_one_to_expect_is_told(
    api: FakeApi, name: str, condition: tuple[str, str] | None
) -> None:
    if condition is None:
        del api.conditions[name]
    else:
        api.conditions[name] = condition

    with pytest.raises(AssertionError, match="1 conditions are not as they should be"):
        check_estate(ESTATE, api)
