"""The status page of a daemon on real servers: on loopback, and opened to those who may list definitions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.flock import Flock
from tests.integration.status_support import (
    LIST,
    STATUS_RULES,
    StatusPage,
    daemon_with_page,
    expired,
)
from tests.integration.world import PATIENCE, World, electable_world, grant, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, base_environment
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import namespaces
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the page asks for a token there


@pytest.fixture(scope="module")
def flock() -> Flock:
    return Flock()


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    api_proxy: FaultProxy,
    flock: Flock,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A World with the rights of the component, whose daemon reaches the API server through the proxy."""
    folder = tmp_path_factory.mktemp("world")
    with new_world(definitions_api, openbao, folder, cluster_rules=STATUS_RULES) as made:
        proxied = definitions_api.kubeconfig_for(
            made.account.token, server=api_proxy.url, ca_file=authority.ca_file
        )
        made.environ["KUBECONFIG"] = str(proxied)
        flock.take("token of the service account", made.account.token)
        flock.take("secret id", made.role.secret_id)
        made.write("app", a=flock.make("a value"), b=flock.make("another value"))
        made.write("later", a=flock.make("a third value"))
        yield made


@pytest.fixture(scope="module")
def other(definitions_api: TestCluster) -> Iterator[str]:
    """Another namespace that the daemon works in."""
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


@pytest.fixture(scope="module")
def defined(world: World, place: str, other: str) -> tuple[str, ...]:
    """Definitions in two namespaces: in step, with a missing key, with a path that is not there."""
    world.define(place, "in-step", world.keys("a", "b"))
    world.define(place, "keyless", world.keys("missing"))
    world.define(other, "pathless", world.keys("a", of="nowhere"))
    return "in-step", "keyless", "pathless"


@pytest.fixture(scope="module")
def daemon(
    world: World, place: str, other: str, defined: tuple[str, ...]
) -> Iterator[tuple[DaemonProcess, StatusPage]]:
    flags = (f"-watch-namespaces={place},{other}", "-reconcile-period=1s", "-enable-debug-log")
    running, page = daemon_with_page(world, *flags)
    with running:
        running.wait_ready()
        page.wait(defined)
        yield running, page


@pytest.fixture(scope="module")
def opened(
    world: World, place: str, other: str, defined: tuple[str, ...]
) -> Iterator[tuple[DaemonProcess, StatusPage]]:
    """A daemon whose page is not on loopback alone."""
    flags = (f"-watch-namespaces={place},{other}", "-enable-debug-log")
    running, page = daemon_with_page(world, *flags, host=EVERYWHERE)
    with running:
        running.wait_ready()
        for name in ("in-step", "keyless"):
            world.wait_reason(place, name, "Synced|KeyNotFound")
        world.wait_reason(other, "pathless", "SourceNotFound")
        yield running, page


# ── on loopback ──────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_each_definition_and_why_it_is_not_ready(
    daemon: tuple[DaemonProcess, StatusPage], place: str, other: str
) -> None:
    answer = daemon[1].ask("/")

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for shown in (
        "not ready: KeyNotFound",
        "not ready: SourceNotFound",
        place,
        other,
        "in-step",
        "logged in",
    ):
        assert shown in answer.body
    assert "2 not ready" in answer.body


def test_the_data_is_that_of_the_command(
    daemon: tuple[DaemonProcess, StatusPage], world: World, place: str
) -> None:
    environ = {**base_environment(), "KUBECONFIG": str(world.cluster.kubeconfig)}

    def command(*words: str) -> list[dict[str, Any]]:
        asked = [sys.executable, "-m", "secrets_manager", "status", "-n", place, *words, "-o", "json"]
        done = subprocess.run(
            asked, capture_output=True, text=True, env=environ, timeout=PATIENCE, check=False
        )
        return known_to_both(json.loads(done.stdout)["definitions"])

    def known_to_both(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for line in lines:
            line["nextPoll"] = None
            for source in line["sources"]:
                source["readAt"] = None
        return sorted(lines, key=lambda line: str(line["name"]))

    page = daemon[1]
    for query, words in (
        ("", ()),
        ("&ready=false", ("--not-ready",)),
        ("&reason=synced", ("--reason", "Synced")),
    ):
        shown = known_to_both(page.json(f"?namespace={place}{query}")["definitions"])
        assert shown == command(*words)
        assert shown


def test_the_daemon_says_when_it_read_and_will_read_and_how_the_backend_is(
    daemon: tuple[DaemonProcess, StatusPage],
) -> None:
    data = daemon[1].json("?reason=Synced")

    assert data["definitions"][0]["nextPoll"] is not None
    assert data["definitions"][0]["sources"][0]["readAt"] is not None
    (backend,) = data["backends"]
    assert (backend["name"], backend["kind"], backend["loggedIn"]) == ("default", "vault", True)
    assert backend["tokenLife"] > 0
    assert sum(data["changes"]["counts"]) >= 1


def test_a_change_is_on_the_page_a_moment_later(
    daemon: tuple[DaemonProcess, StatusPage], world: World, place: str
) -> None:
    page = daemon[1]
    before = page.json(f"?namespace={place}&q=in-step")["definitions"][0]["sources"][0]["version"]
    world.write("app", a="x", b="y")

    wait_until(
        lambda: (
            page.json(f"?namespace={place}&q=in-step")["definitions"][0]["sources"][0]["version"]
            == str(int(before) + 1)
        ),
        PATIENCE,
        "the new version",
    )


def test_no_other_name_than_one_of_loopback_gets_the_page(daemon: tuple[DaemonProcess, StatusPage]) -> None:
    page = daemon[1]

    assert page.ask("/", Host=f"localhost:{page.port}").status == 200
    refused = page.ask("/", Host=f"evil.test:{page.port}")
    assert refused.status == 421
    assert "in-step" not in refused.body


# ── opened wider ─────────────────────────────────────────────────────────────────────────────────────


def token_of(world: World, namespace: str, name: str, flock: Flock, *, everywhere: bool = False) -> str:
    """A token of an account that may list definitions in its namespace, or everywhere."""
    account = world.cluster.service_account(namespace, name, cluster_rules=LIST if everywhere else ())
    if not everywhere:
        grant(world.cluster, account, namespace, LIST)
    return flock.take(f"token of {name}", account.token)


@pytest.fixture(scope="module")
def admin(world: World, place: str, flock: Flock) -> str:
    return token_of(world, place, "admin", flock, everywhere=True)


@pytest.fixture(scope="module")
def team(world: World, place: str, flock: Flock) -> str:
    return token_of(world, place, "team", flock)


def test_without_a_token_there_is_a_page_that_says_what_to_do(
    opened: tuple[DaemonProcess, StatusPage],
) -> None:
    answer = opened[1].ask("/")

    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="secrets-manager"')
    assert "kubectl create token" in answer.body
    assert "in-step" not in answer.body


def test_who_may_list_everywhere_sees_everything(
    opened: tuple[DaemonProcess, StatusPage], admin: str, place: str, other: str
) -> None:
    answer = opened[1].ask("/status.json", admin)

    assert answer.names == sorted([f"{place}/in-step", f"{place}/keyless", f"{other}/pathless"])
    assert json.loads(answer.body)["queue"] is not None
    assert opened[1].ask("/", admin).status == 200


def test_a_team_sees_its_namespace_and_nothing_of_others(
    opened: tuple[DaemonProcess, StatusPage], team: str, place: str, other: str
) -> None:
    page = opened[1]

    assert page.ask("/", team).status == 403
    assert page.ask(f"/status.json?namespace={place}", team).names == [f"{place}/in-step", f"{place}/keyless"]
    both = page.ask(f"/status.json?namespace={place}&namespace={other}", team)
    assert both.names == [f"{place}/in-step", f"{place}/keyless"]
    assert json.loads(both.body)["queue"] is None
    refused = page.ask(f"/?namespace={other}", team)
    assert (refused.status, "pathless" in refused.body) == (403, False)
    assert "pathless" not in page.ask(f"/?namespace={place}", team).body


@pytest.mark.parametrize(
    "kind", ["made up", "changed", "expired", "for another audience", "of an account that is gone"]
)
def test_no_other_token_is_accepted(
    opened: tuple[DaemonProcess, StatusPage], world: World, place: str, flock: Flock, admin: str, kind: str
) -> None:
    cluster = world.cluster
    if kind == "of an account that is gone":
        # Never used before: an API server believes a token for ten seconds.
        cluster.api.post(f"{namespaces(place)}/serviceaccounts", {"metadata": {"name": "gone"}})
        token = cluster.token(place, "gone")
        cluster.api.delete(f"{namespaces(place)}/serviceaccounts/gone")
    else:
        token = {
            "made up": "made-up-token-that-nobody-ever-signed",
            "changed": f"{admin[:-8]}AAAAAAAA",
            "expired": expired(admin, cluster.folder / "service-account.key"),
            "for another audience": cluster.token(place, "admin", audiences=["somebody-else"]),
        }[kind]
    flock.take(kind, token)
    answer = opened[1].ask("/", token)

    assert answer.status == 401
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')
    assert "in-step" not in answer.body


def test_an_audience_of_the_settings_is_the_only_one(
    world: World, place: str, defined: tuple[str, ...], admin: str, flock: Flock
) -> None:
    flags = (f"-watch-namespaces={place}", "-status-audience=status-page")
    running, page = daemon_with_page(world, *flags, host=EVERYWHERE)
    ours = flock.take("ours", world.cluster.token(place, "admin", audiences=["status-page"]))
    with running:
        running.wait_ready()

        assert page.ask("/", admin).status == 401
        assert page.ask("/", ours).status == 200


def test_while_the_api_server_says_nothing_nobody_is_let_in(
    world: World, place: str, defined: tuple[str, ...], api_proxy: FaultProxy, admin: str
) -> None:
    running, page = daemon_with_page(world, f"-watch-namespaces={place}", host=EVERYWHERE)
    with running:
        running.wait_ready()
        for broken in (
            api_proxy.on("POST", ".*/tokenreviews").kubernetes_error(500, "InternalError"),
            api_proxy.on("POST", ".*/tokenreviews").hang(),
            api_proxy.on("POST", ".*/tokenreviews").reset(),
            api_proxy.on("POST", ".*/subjectaccessreviews").kubernetes_error(503, "ServiceUnavailable"),
        ):
            answer = page.ask("/", admin)
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert "in-step" not in answer.body
            broken.remove()
            assert running.fetch("/healthz")[0] == 200
        assert page.ask("/", admin).status == 200
        complaints = running.logged("the API server does not say who asks for the status page")
        assert {each["reason"] for each in complaints} == {"ClusterUnavailable"}


def test_a_daemon_without_the_rights_names_the_component(
    definitions_api: TestCluster,
    openbao: OpenBao,
    place: str,
    admin: str,
    tmp_path: Path,
) -> None:
    with new_world(definitions_api, openbao, tmp_path) as plain:
        running, page = daemon_with_page(plain, f"-watch-namespaces={place}", host=EVERYWHERE)
        with running:
            running.wait_ready()
            answer = page.ask("/", admin)

    assert answer.status == 503
    assert "config/components/status-page" in answer.body


# ── a replica that waits ─────────────────────────────────────────────────────────────────────────────


def test_a_standby_says_who_leads_and_that_it_knows_nothing_fresh(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with electable_world(definitions_api, openbao, tmp_path_factory.mktemp("elected")) as elected:
        home = elected.account.namespace
        flags = (f"-watch-namespaces={home}", "-enable-leader-election", f"-election.lease-namespace={home}")
        leader, first = daemon_with_page(elected, *flags)
        with leader:
            leader.wait_ready()
            wait_until(lambda: first.json()["lead"]["isThisOne"], PATIENCE, "the lead")
            standby, second = daemon_with_page(elected, *flags)
            with standby:
                standby.wait_ready()
                lead = wait_until(
                    lambda: found if (found := second.json()["lead"])["holder"] else None,
                    PATIENCE,
                    "the Lease",
                )
                assert lead == {**first.json()["lead"], "isThisOne": False}
                assert (second.json()["backends"], second.json()["queue"]) == (None, None)
                assert "knows nothing fresh" in second.ask("/").body


# ── nothing secret shows ─────────────────────────────────────────────────────────────────────────────


def test_no_value_and_no_token_shows_anywhere(
    daemon: tuple[DaemonProcess, StatusPage],
    opened: tuple[DaemonProcess, StatusPage],
    flock: Flock,
    admin: str,
    team: str,
    place: str,
) -> None:
    """The page, its JSON, its headers, its refusals, the log at debug level, and the metrics."""
    targets = ("/", "/status.json", f"/?namespace={place}", "/?bad=1", "/nothing")
    readers = [(daemon[1], None), *((opened[1], token) for token in (None, admin, team, "wrong"))]
    said = [page.ask(target, token).all for page, token in readers for target in targets]
    said += [running.output() + running.metrics() for running, _ in (daemon, opened)]

    assert [flock.found_in(each) for each in said if flock.found_in(each)] == []
    assert len(flock.born) >= 6
    assert any("in-step" in each for each in said)


def test_the_rights_to_ask_are_used_for_nothing_else(
    world: World, opened: tuple[DaemonProcess, StatusPage], admin: str
) -> None:
    before = world.calls()
    for _ in range(20):
        assert opened[1].ask("/", admin).status == 200
    made = world.calls(before)

    assert made["create", "tokenreviews"] <= 1
    assert made["create", "subjectaccessreviews"] <= 1
