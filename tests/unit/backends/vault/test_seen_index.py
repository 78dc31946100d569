"""Which of two states is the newer one."""

from __future__ import annotations

import pytest

from secrets_manager.backends.vault.seen_index import SeenIndex, is_older
from tests.builders import Clock
from tests.unit.backends.vault.clusters import encoded, openbao_index, vault_index


@pytest.mark.parametrize(
    ("index", "other"),
    [
        (vault_index(8), vault_index(9)),
        (vault_index(9, replicated=1), vault_index(9, replicated=2)),
        (openbao_index(9), openbao_index(10)),
        (openbao_index(9, namespace="a"), openbao_index(10, namespace="a")),
    ],
    ids=["Vault", "Vault's replicated", "OpenBao", "OpenBao's namespace"],
)
def test_a_lower_count_of_the_same_cluster_is_older(index: str, other: str) -> None:
    assert is_older(index, other)
    assert not is_older(other, index)
    assert not is_older(index, index)


@pytest.mark.parametrize(
    ("index", "other"),
    [
        (vault_index(1), vault_index(9, cluster="another")),
        (openbao_index(1), openbao_index(9, cluster="another")),
        (openbao_index(1, namespace="a"), openbao_index(9, namespace="b")),
        (vault_index(1, replicated=9), vault_index(9, replicated=1)),
        (vault_index(1), openbao_index(9)),
        ("1", "9"),
        (encoded("v2:c:1:1:00"), encoded("v2:c:9:9:00")),
        (encoded("v1:c:1:1"), encoded("v1:c:9:9")),
        (encoded("v1:c:x:1:00"), encoded("v1:c:9:9:00")),
        (encoded("{}"), encoded("{}")),
        (encoded("{"), encoded('{"value": 7}')),
        (encoded('{"value": "-1"}'), encoded('{"value": "7"}')),
        (encoded("[1]"), encoded("[9]")),
        (encoded('{"a":' * 700), encoded("{}")),
        ("/w==", "/w=="),
    ],
    ids=str,
)
def test_what_cannot_be_compared_is_not_older(index: str, other: str) -> None:
    assert not is_older(index, other)


def test_the_last_one_is_kept_where_none_is_older() -> None:
    seen = SeenIndex(Clock())
    for index in ("opaque-9", "opaque-1", vault_index(9), vault_index(1, cluster="promoted")):
        seen.note(index)

        assert seen.get() == index


def test_an_index_that_was_replaced_meanwhile_is_not_forgotten() -> None:
    seen = SeenIndex(Clock())
    seen.note("new")
    seen.forget("old")

    assert seen.get() == "new"


def test_an_index_that_was_missed_is_kept_while_it_is_new() -> None:
    clock = Clock()
    seen = SeenIndex(clock)
    seen.note("a")
    clock.now += 29.9
    seen.was_missed("a")
    assert seen.get() == "a"

    clock.now += 0.1
    seen.was_missed("a")
    assert seen.get() == ""


def test_it_is_not_shown() -> None:
    seen = SeenIndex(Clock())
    seen.note("canary")

    assert "canary" not in repr(seen)
