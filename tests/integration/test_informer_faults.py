"""Informers against a real API server whose network misbehaves: nothing is lost, and no server is flooded."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from secrets_manager.cluster.base import EVENTS, SECRETS, Scope
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.cluster.view.second_opinion import SecondOpinion
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import SecretSink
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import Rule, RuleBuilder
from tests.testbed.kube_api import secrets
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

LABEL = "app.kubernetes.io/managed-by"
WATCH = r".*watch=true.*"
LIST = r"(?!.*watch=true).*limit=.*"
OF_SECRETS = r".*/secrets\?.*"
DIGESTER = Digester(b"0123456789abcdef")
Clock = Callable[[], float]


def fast() -> float:
    """A clock that makes the waits of minutes and seconds short: four of its seconds are one."""
    return 4.0 * time.monotonic()


def still() -> float:
    """A clock by which nothing takes long, however busy the machine is."""
    return 0.0


class Follower:
    """A running informer of one namespace's Secrets, and what it knows."""

    def __init__(
        self,
        kubeconfig: str,
        namespace: str,
        *,
        page_size: int = 500,
        others: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        self.namespace = namespace
        self.store = SecretStore()
        self.changed: list[str] = []
        self.api = HttpKubernetesApi(
            Credentials(kubeconfig),
            Watchdog(),
            SilentCluster(),
            timeout=2,
            limits=Limits(watch_seconds=2, idle_seconds=3, page_size=page_size),
        )
        sink = SecretSink(
            store=self.store,
            digester=DIGESTER,
            changed_secret=lambda secret: self.changed.append(secret.ref.name),
            tracking_changed=lambda: None,
            namespace=namespace,
        )
        scope = Scope(resource=SECRETS, namespace=namespace, selector=f"{LABEL}=secrets-manager")
        heartbeat = Heartbeats().register("informer", limit=60)
        # A watch of less than a second is too short.
        shortest = {fast: 4.0, still: 0.0}.get(clock, 1.0)
        self.informer = Informer(self.api, scope, sink, heartbeat, clock=clock, shortest_watch=shortest)
        if others:
            # A kind that can be listed while Secrets cannot.
            events = Scope(resource=EVENTS, namespace=namespace)
            other = Informer(self.api, events, sink, Heartbeats().register("other", limit=60), clock=clock)
            self.informer.others_answered = SecondOpinion(self.api, other)
        self._thread = threading.Thread(target=self.informer.run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def synced(self) -> None:
        """Wait for the first full list."""
        assert self.informer.synced.wait(30)

    def knows(self, *names: str) -> None:
        """Wait until exactly these are known."""
        wanted = {Ref(self.namespace, name) for name in names}
        wait_until(lambda: set(self.store._secrets) == wanted, 30, f"the store to know {names}")

    def stop(self) -> None:
        self.informer.stop.set()
        self._thread.join(20)
        self.api.close()
        assert not self._thread.is_alive()


Follow = Callable[..., Follower]


@pytest.fixture
def follow(
    cluster: TestCluster, authority: Authority, cluster_proxy: FaultProxy, namespace: str
) -> Iterator[Follow]:
    path = cluster.kubeconfig_for(cluster.admin_token, server=cluster_proxy.url, ca_file=authority.ca_file)
    made: list[Follower] = []

    def make(**options: Any) -> Follower:
        made.append(Follower(str(path), namespace, **options))
        made[-1].start()
        return made[-1]

    yield make
    cluster_proxy.clear()
    cluster_proxy.accept()
    for follower in made:
        follower.stop()


@pytest.fixture
def put(cluster: TestCluster, namespace: str) -> Callable[[str], None]:
    """Make a Secret of ours."""

    def make(name: str) -> None:
        cluster.api.post(
            secrets(namespace),
            {
                "metadata": {"name": name, "labels": {LABEL: "secrets-manager"}},
                "data": {"a": "MQ=="},
            },
        )

    return make


Put = Callable[[str], None]


def test_changes_are_followed_over_many_short_watches(
    follow: Follow, put: Put, cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str
) -> None:
    put("before")
    follower = follow()
    follower.synced()
    put("after")
    follower.knows("before", "after")
    cluster.api.delete(secrets(namespace, "before"))
    follower.knows("after")
    cluster_proxy.wait_for("GET", ".*", count=4, timeout=30)
    put("late")
    follower.knows("after", "late")

    assert follower.informer.relists == 1


def test_a_secret_that_loses_our_label_is_forgotten(
    follow: Follow, put: Put, cluster: TestCluster, namespace: str
) -> None:
    put("app")
    follower = follow()
    follower.knows("app")
    cluster.api.patch(secrets(namespace, "app"), {"metadata": {"labels": {LABEL: "somebody"}}})

    follower.knows()
    assert follower.changed == ["app"]


@pytest.mark.parametrize(
    "fault",
    [
        lambda proxy: proxy.on("GET", WATCH).times(1).silence(),
        lambda proxy: proxy.on("GET", WATCH).times(1).reset(),
        lambda proxy: proxy.on("GET", WATCH).times(2).html(),
        lambda proxy: proxy.on("GET", WATCH).times(2).reply(429, retry_after=1),
        lambda proxy: proxy.on("GET", WATCH).times(2).kubernetes_error(500, "InternalError"),
        lambda proxy: proxy.on("GET", WATCH).times(1).drip_headers(),
    ],
    ids=["silence", "reset", "HTML", "429", "500", "dripping headers"],
)
def test_changes_during_a_fault_of_the_watch_are_known_after_it(
    fault: Callable[[FaultProxy], object], follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    fault(cluster_proxy)
    follower = follow(clock=still)
    follower.synced()
    put("meanwhile")

    follower.knows("meanwhile")
    assert follower.informer.relists == 1


def test_a_watch_that_is_cut_within_a_line_resumes_where_it_was(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    cluster_proxy.on("GET", WATCH).times(1).truncate(lines=1)
    follower = follow(clock=still)
    follower.synced()
    for name in ("one", "two", "three"):
        put(name)

    follower.knows("one", "two", "three")
    assert follower.informer.relists == 1


@pytest.mark.parametrize("where", ["in the stream", "before it"])
def test_a_version_that_is_too_old_costs_one_list_and_loses_nothing(
    where: str, follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    rule = cluster_proxy.on("GET", WATCH).after(1).times(1)
    told = rule.gone_in_stream() if where == "in the stream" else rule.gone()
    follower = follow()
    follower.synced()
    told.wait_hit(timeout=30)
    put("app")

    follower.knows("app")
    assert follower.informer.relists == 2


def test_a_list_whose_continue_token_expired_starts_again(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    for name in ("a", "b", "c"):
        put(name)
    told = cluster_proxy.on("GET", r".*continue=.*").times(1).gone()
    follower = follow(page_size=1)

    follower.knows("a", "b", "c")
    assert told.hits == 1


def test_a_list_that_breaks_half_way_is_not_taken_for_whole(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    for name in ("a", "b", "c"):
        put(name)
    follower = follow(page_size=1)
    follower.knows("a", "b", "c")
    follower.informer.request_relist()
    broken = cluster_proxy.on("GET", r".*continue=.*").times(2).reset()
    broken.wait_hit(2, timeout=30)
    wait_until(lambda: follower.informer.relists == 2, 30, "the list to be made up for")

    assert follower.changed == []
    follower.knows("a", "b", "c")


@pytest.mark.parametrize("reply", ["HTML", "an empty object"])
def test_a_reply_that_is_not_a_list_makes_nothing_look_deleted(
    reply: str, follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    put("app")
    follower = follow()
    follower.knows("app")
    follower.informer.request_relist()
    rule = cluster_proxy.on("GET", LIST).times(2)
    told = rule.html() if reply == "HTML" else rule.reply(200, {})
    told.wait_hit(2, timeout=30)
    wait_until(lambda: follower.informer.relists == 2, 30, "a real list")

    assert follower.changed == []


def test_an_api_server_that_is_away_is_tried_again_at_a_limited_pace(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    follower = follow(clock=still)
    follower.synced()
    cluster_proxy.refuse()
    put("meanwhile")
    wait_until(lambda: isinstance(follower.informer.fault, ClusterUnavailable), 30, "the fault")
    cluster_proxy.accept()

    follower.knows("meanwhile")
    wait_until(lambda: follower.informer.fault is None, 30, "the end of the fault")
    assert follower.informer.relists == 1


def test_an_api_server_that_is_away_at_the_start_is_used_once_it_is_there(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    cluster_proxy.refuse()
    put("app")
    follower = follow()
    wait_until(lambda: follower.informer.fault is not None, 30, "the fault")
    assert not follower.informer.settled.is_set()
    cluster_proxy.accept()

    follower.knows("app")


JSON = {"Content-Type": "application/json"}
BOOKMARK = b'{"type":"BOOKMARK","object":{"kind":"Secret","metadata":{"resourceVersion":"99999999"}}}\n'
ERROR = b'{"type":"ERROR","object":{"kind":"Status","code":500,"message":"no"}}\n'


@pytest.mark.parametrize(
    "fault",
    [
        lambda rule: rule.reply(200, b"", JSON),
        lambda rule: rule.reply(200, BOOKMARK, JSON),
        lambda rule: rule.reply(200, ERROR, JSON),
        lambda rule: rule.gone_in_stream(),
        lambda rule: rule.gone(),
        lambda rule: rule.html(),
        lambda rule: rule.reset(),
        lambda rule: rule.reply(405),
        lambda rule: rule.kubernetes_error(500, "InternalError"),
        lambda rule: rule.kubernetes_error(403, "Forbidden", 'secrets is forbidden: User "x" cannot watch'),
        lambda rule: rule.reply(429, retry_after=30),
    ],
    ids=["closed", "bookmark", "error", "gone-in-stream", "410", "HTML", "reset", "405", "500", "403", "429"],
)
def test_changes_are_known_though_no_watch_works_and_watching_comes_back(
    fault: Callable[[RuleBuilder], Rule],
    follow: Follow,
    put: Put,
    cluster_proxy: FaultProxy,
    cluster: TestCluster,
    namespace: str,
) -> None:
    broken = fault(cluster_proxy.on("GET", WATCH))
    follower = follow(clock=fast)
    follower.synced()
    wait_until(lambda: follower.informer.unwatched, 30, "lists in place of watches")
    dialled, listed = broken.hits, len(_lists(cluster_proxy))
    put("one")
    follower.knows("one")
    put("two")
    follower.knows("one", "two")
    cluster.api.delete(secrets(namespace, "one"))
    follower.knows("two")

    assert follower.store.tracks(namespace)
    assert not follower.informer.by_name
    # A watch is tried after a list at most, and one of those may be from before.
    tried, lists = broken.hits - dialled, _lists(cluster_proxy)
    assert tried <= len(lists) - listed + 1
    assert all(later - earlier >= 1.9 for earlier, later in pairwise(lists[2:]))
    broken.remove()
    wait_until(lambda: not follower.informer.unwatched, 60, "watches that work")
    relists = follower.informer.relists
    put("three")
    follower.knows("two", "three")
    assert follower.informer.relists == relists


def _lists(proxy: FaultProxy) -> list[float]:
    """When each list was asked for."""
    return [each.at for each in proxy.requests if re.fullmatch(LIST, each.target)]


def test_watches_that_are_cut_soon_lose_nothing(follow: Follow, put: Put, cluster_proxy: FaultProxy) -> None:
    follower = follow()
    follower.synced()
    names = []
    for number in range(8):
        # Some watches end after they delivered something, some before.
        cluster_proxy.drop_connections()
        names.append(f"app-{number}")
        put(names[-1])
        follower.knows(*names)


# ── lists that fail while others are answered ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        lambda rule: rule.kubernetes_error(500, "InternalError", "unable to transform key"),
        lambda rule: rule.kubernetes_error(503, "ServiceUnavailable"),
        lambda rule: rule.kubernetes_error(400, "BadRequest"),
        lambda rule: rule.hang(),
        lambda rule: rule.reset(),
        lambda rule: rule.html(),
        lambda rule: rule.reply(200, {}),
        lambda rule: rule.drip_body(),
        lambda rule: rule.oversize(11 * 1024 * 1024),
        lambda rule: rule.gone(),
    ],
    ids=["500", "503", "400", "hang", "reset", "HTML", "no-list", "drip", "oversize", "410"],
)
@pytest.mark.parametrize("when", ["at the start", "in the middle of life"])
def test_secrets_whose_list_fails_are_not_trusted_until_it_works_again(
    when: str,
    fault: Callable[[RuleBuilder], Rule],
    follow: Follow,
    put: Put,
    cluster_proxy: FaultProxy,
    namespace: str,
) -> None:
    put("before")
    if when == "at the start":
        began = fast()
        fault(cluster_proxy.on("GET", OF_SECRETS))
        follower = follow(others=True, clock=fast)
    else:
        follower = follow(others=True, clock=fast)
        follower.knows("before")
        began = fast()
        fault(cluster_proxy.on("GET", OF_SECRETS))
        cluster_proxy.drop_connections()
    wait_until(lambda: follower.informer.by_name, 30, "reads by name")

    assert fast() - began >= 5
    assert follower.informer.settled.is_set()
    assert not follower.store.tracks(namespace)
    cluster_proxy.clear()
    put("after")
    follower.knows("before", "after")
    assert follower.store.tracks(namespace)
    wait_until(lambda: follower.informer.fault is None, 30, "the end of the fault")


def test_no_secret_is_read_by_name_while_the_api_server_answers_nothing(
    follow: Follow, cluster_proxy: FaultProxy
) -> None:
    follower = follow(others=True, clock=fast)
    follower.synced()
    broken = cluster_proxy.on("GET", ".*").kubernetes_error(503, "ServiceUnavailable")
    cluster_proxy.drop_connections()
    wait_until(lambda: follower.informer.failing_for() > 9, 30, "a while")
    broken.wait_hit(4)

    assert not follower.informer.by_name


def test_the_real_servers_restart_loses_nothing(
    follow: Follow, put: Put, cluster: TestCluster, namespace: str
) -> None:
    put("before")
    follower = follow()
    follower.knows("before")
    cluster.stop_apiserver()
    cluster.start_apiserver()
    put("after")
    cluster.api.delete(secrets(namespace, "before"))

    follower.knows("after")


def test_the_store_learns_of_a_missing_right_and_of_its_grant(
    cluster: TestCluster, namespace: str, put: Put
) -> None:
    rights = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}
    account = cluster.service_account(namespace, "daemon")
    put("app")
    follower = Follower(str(account.kubeconfig), namespace)
    follower.informer.pace.forbidden = 0.5
    follower.start()
    assert follower.informer.settled.wait(30)
    assert isinstance(follower.informer.fault, Forbidden)
    assert not follower.store.tracks(namespace)
    cluster._grant(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}", "Role", namespace, "daemon", [rights]
    )

    follower.knows("app")
    assert follower.store.tracks(namespace)
    follower.stop()
