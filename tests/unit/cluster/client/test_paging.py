"""Lists in pages that fit into memory, on an API server that is a list of weights."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Scope
from secrets_manager.cluster.client.paging import Lists, fitting
from secrets_manager.cluster.client.status_errors import ApiCall
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.runtime.byte_semaphore import ByteSemaphore
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge

CAP = 8 * 1024 * 1024
KIB = 1024
OURS = Scope(resource=SECRETS, selector="app=ours")


class Server:
    """Objects that weigh so many bytes each; replies beyond the cap do not come through."""

    def __init__(self, *weights: int) -> None:
        self.weights = weights
        self.limits: list[int] = []
        self.largest = 0
        self.selectors: set[str] = set()
        self.fault: ClusterUnavailable | None = None

    def fetch(self, path: str, call: ApiCall) -> tuple[Json, int]:
        assert call.verb == "list"
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        start, limit = int(query.get("continue", 0)), int(query["limit"])
        self.limits.append(limit)
        self.selectors.add(query.get("labelSelector", ""))
        if self.fault:
            raise self.fault
        some = self.weights[start : start + limit]
        if sum(some) > CAP:
            raise ReplyTooLarge("the reply is larger than the cap")
        self.largest = max(self.largest, sum(some))
        end = start + len(some)
        more = {"continue": str(end)} if end < len(self.weights) else {}
        items = [{"metadata": {"name": str(start + offset)}} for offset in range(len(some))]
        return {"kind": "List", "metadata": {"resourceVersion": "7", **more}, "items": items}, sum(some)

    def asked(self) -> list[int]:
        """The limits since the last time."""
        limits, self.limits = self.limits, []
        return limits


def names(lists: Lists, scope: Scope = OURS) -> list[str]:
    return [item["metadata"]["name"] for page in lists.pages(scope) for item in page.items]


def test_small_objects_come_in_a_small_page_first_and_then_in_full_ones() -> None:
    server = Server(*[KIB] * 1000)

    assert names(Lists(server.fetch, Limits())) == [str(number) for number in range(1000)]
    assert server.asked() == [100, 400, 500]
    assert server.selectors == {"app=ours"}


def test_the_next_list_begins_with_what_fitted_the_last_time() -> None:
    server = Server(*[KIB] * 1000)
    lists = Lists(server.fetch, Limits())
    names(lists)
    server.asked()
    names(lists)

    assert server.asked() == [500, 500]


def test_a_page_that_is_too_large_is_asked_for_again_with_fewer() -> None:
    server = Server(*[700 * KIB] * 20)

    assert names(Lists(server.fetch, Limits())) == [str(number) for number in range(20)]
    assert server.asked()[:4] == [100, 25, 6, 5]


def test_a_list_of_heavy_objects_stays_near_the_size_that_is_aimed_at() -> None:
    server = Server(*[700 * KIB] * 60)
    lists = Lists(server.fetch, Limits(page_bytes=4 * KIB * KIB))
    names(lists)
    server.largest = 0
    names(lists)

    assert server.largest <= 4 * KIB * KIB
    assert len(server.asked()) < 30


def test_each_scope_has_its_own_measure() -> None:
    heavy, light = Server(*[700 * KIB] * 20), Server(*[KIB] * 1000)
    lists = Lists(lambda path, call: (heavy if "v1/secrets" in path else light).fetch(path, call), Limits())
    names(lists)
    light.asked()
    names(lists, Scope(resource=DEFINITIONS))

    assert light.asked() == [100, 400, 500]


def test_a_single_object_that_is_too_large_is_an_error_and_no_endless_loop() -> None:
    server = Server(KIB, 9 * KIB * KIB)
    with pytest.raises(ClusterUnavailable, match="larger than"):
        names(Lists(server.fetch, Limits()))

    assert server.asked()[-1] == 1


def test_a_list_that_broke_off_begins_with_fewer_the_next_time() -> None:
    server = Server(*[KIB] * 300)
    lists = Lists(server.fetch, Limits())
    server.fault = ClusterUnavailable("the call did not end within the time allowed")
    for _ in range(5):
        with pytest.raises(ClusterUnavailable):
            names(lists)
    assert server.asked() == [100, 25, 6, 1, 1]
    server.fault = None

    assert len(names(lists)) == 300
    assert server.asked() == [1, 4, 16, 64, 256]


def test_an_empty_list_is_one_page() -> None:
    server = Server()
    [page] = Lists(server.fetch, Limits()).pages(OURS)

    assert (page.items, page.resource_version) == ([], "7")


@given(weights=st.lists(st.sampled_from([KIB, 100 * KIB, 1500 * KIB]), max_size=150))
def test_each_object_of_a_list_comes_once_whatever_the_objects_weigh(weights: list[int]) -> None:
    server = Server(*weights)

    assert names(Lists(server.fetch, Limits())) == [str(number) for number in range(len(weights))]
    assert server.largest <= CAP


@given(
    limit=st.integers(min_value=1, max_value=500),
    objects=st.integers(min_value=0, max_value=500),
    size=st.integers(min_value=0, max_value=CAP),
)
def test_the_limit_of_a_page_is_never_below_one_nor_above_the_maximum(
    limit: int, objects: int, size: int
) -> None:
    assert 1 <= fitting(limit, objects=objects, size=size, limits=Limits()) <= 500


def test_heavy_pages_wait_for_one_another_and_an_abandoned_list_makes_room() -> None:
    room = ByteSemaphore(7 * KIB * KIB, light=KIB)
    lists = Lists(Server(*[3 * KIB * KIB] * 2).fetch, Limits(page_size=1), room)
    names(lists)
    first, second = lists.pages(OURS), lists.pages(OURS)
    next(first)
    next(second)
    third: list[str] = []
    waiting = threading.Thread(target=lambda: third.extend(names(lists)), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    first.close()  # type: ignore[attr-defined]
    waiting.join(30)

    assert third == ["0", "1"]


def test_light_pages_do_not_wait() -> None:
    lists = Lists(Server(KIB, KIB).fetch, Limits(page_size=1))
    names(lists)
    listing = [lists.pages(OURS) for _ in range(100)]

    assert [len(next(pages).items) for pages in listing] == [1] * 100


def test_a_list_that_fails_makes_room() -> None:
    server = Server(KIB)
    room = ByteSemaphore(1, light=0)
    lists = Lists(server.fetch, Limits(), room)
    server.fault = ClusterUnavailable("down")
    for _ in range(3):
        with pytest.raises(ClusterUnavailable):
            names(lists)
    server.fault = None

    assert names(lists) == ["0"]


# ── lists without an end ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("advances", [False, True])
def test_a_list_that_never_ends_is_a_fault_of_the_api_server(*, advances: bool) -> None:
    now = 0.0

    def fetch(_path: str, _call: ApiCall) -> tuple[Json, int]:
        nonlocal now
        now += 1.0
        metadata = {"resourceVersion": "7", "continue": str(now) if advances else "again"}
        return {"kind": "List", "metadata": metadata, "items": []}, 100

    lists = Lists(fetch, Limits(), clock=lambda: now)

    with pytest.raises(ClusterUnavailable, match="does not come to an end"):
        names(lists)
    assert now <= 1000
