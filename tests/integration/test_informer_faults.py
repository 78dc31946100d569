"""Informers against a real API server whose network misbehaves: nothing is lost, and nothing hammers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from secrets_manager.cluster.api import HttpKubernetesApi
from secrets_manager.cluster.base import SECRETS, Scope, SilentTelemetry
from secrets_manager.cluster.credentials import Credentials
from secrets_manager.cluster.informer import Informer
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.sinks import SecretSink
from secrets_manager.cluster.wire import Limits
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import secrets
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

LABEL = "app.kubernetes.io/managed-by"
WATCH = r".*watch=true.*"
LIST = r"(?!.*watch=true).*limit=.*"
DIGESTER = Digester(b"0123456789abcdef")


class Follower:
    """An informer of one namespace's Secrets that runs, and what it knows."""

    def __init__(self, kubeconfig: str, namespace: str, *, page_size: int = 500) -> None:
        self.namespace = namespace
        self.store = SecretStore()
        self.changed: list[str] = []
        self.api = HttpKubernetesApi(
            Credentials(kubeconfig),
            Watchdog(),
            SilentTelemetry(),
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
        self.informer = Informer(self.api, scope, sink, heartbeat, shortest_watch=1.0)
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

    def make(*, page_size: int = 500) -> Follower:
        made.append(Follower(str(path), namespace, page_size=page_size))
        made[-1].start()
        return made[-1]

    yield make
    cluster_proxy.clear()
    cluster_proxy.accept()
    for follower in made:
        follower.stop()


@pytest.fixture
def put(cluster: TestCluster, namespace: str) -> Callable[[str], None]:
    """Makes a Secret of ours."""

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


def test_what_happens_is_followed_over_many_short_watches(
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
def test_what_happens_during_a_fault_of_the_watch_is_known_after_it(
    fault: Callable[[FaultProxy], object], follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    fault(cluster_proxy)
    follower = follow()
    follower.synced()
    put("meanwhile")

    follower.knows("meanwhile")
    assert follower.informer.relists == 1


def test_a_watch_that_is_cut_in_a_line_is_taken_up_where_it_was(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    cluster_proxy.on("GET", WATCH).times(1).truncate(lines=1)
    follower = follow()
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
def test_a_reply_that_is_no_list_makes_nothing_look_deleted(
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


def test_an_api_server_that_is_away_is_waited_for_at_a_pace(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    follower = follow()
    follower.synced()
    cluster_proxy.refuse()
    wait_until(lambda: isinstance(follower.informer.fault, ClusterUnavailable), 30, "the fault")
    put("meanwhile")
    assert follower.informer.failing_for() >= 0
    cluster_proxy.accept()

    follower.knows("meanwhile")
    wait_until(lambda: follower.informer.fault is None, 30, "the end of the fault")
    assert follower.informer.relists == 1


def test_an_api_server_that_is_away_at_the_start_is_found_when_it_comes(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    cluster_proxy.refuse()
    put("app")
    follower = follow()
    wait_until(lambda: follower.informer.fault is not None, 30, "the fault")
    assert not follower.informer.settled.is_set()
    cluster_proxy.accept()

    follower.knows("app")


def test_watches_that_are_closed_at_once_are_dialled_ever_more_seldom(
    follow: Follow, put: Put, cluster_proxy: FaultProxy
) -> None:
    closed = cluster_proxy.on("GET", WATCH).reply(200, b"", {"Content-Type": "application/json"})
    follower = follow()
    follower.synced()
    closed.wait_hit(4, timeout=60)
    dialled = [each.at for each in cluster_proxy.requests if re.search("watch=true", each.target)]

    # At least half of 1, 2 and 4 seconds: the rest is chance.
    pauses = [later - earlier for earlier, later in pairwise(dialled)]
    assert all(pause >= least for pause, least in zip(pauses, (0.45, 0.95, 1.95), strict=False))
    assert isinstance(follower.informer.fault, ClusterUnavailable)
    closed.remove()
    put("app")
    follower.knows("app")
    assert follower.informer.relists == 1


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


def test_a_missing_right_is_told_to_the_store_and_its_grant_is_noticed(
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
