"""The plug-in for AWS beside the daemon: by settings alone, from AWS to Secrets on a real API server.

The AWS is moto's, behind a fault proxy.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.integration.world import CONFIG_RULES, PATIENCE, World
from tests.testbed.aws.cloud import KEY_ID, REGION, SECRET_KEY, Moto, Vaulted
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.packages import install
from tests.testbed.waiting import wait_until

ROOT = Path(__file__).parents[2]
CANARY = "canary-31d7"
SETTINGS = """
backend = "aws-sm"
reconcile-period = "1s"

[aws-sm]
region = "{region}"
endpoint = "{url}"
allow-arns = true

[backends.billing]
kind = "aws-sm"
region = "us-east-1"
endpoint = "{url}"
survey = "batch"
"""


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    running = Moto(tmp_path_factory.mktemp("moto"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def aws(moto: Moto) -> Iterator[FaultProxy]:
    with FaultProxy(moto.url) as made:
        yield made


@pytest.fixture(scope="module")
def stored(moto: Moto) -> Vaulted:
    made = Vaulted(moto)
    made.put("shop/database", f'{{"user": "u", "password": "{CANARY}-1", "port": 5432}}')
    made.put("shop/licence", "old text")
    made.put("shop/licence", "new text")
    made.put_bytes("shop/keystore", b"\x00\xff")
    return made


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, aws: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The daemon's folder has a settings file, and its Python searches where the plug-in is installed."""
    folder = tmp_path_factory.mktemp("aws")
    (folder / "settings.toml").write_text(SETTINGS.format(region=REGION, url=aws.url), encoding="utf-8")
    site = install(ROOT / "plugins/aws", folder / "plug-in")
    home = definitions_api.create_namespace()
    account = definitions_api.service_account(home, "secrets-manager", cluster_rules=CONFIG_RULES)
    nobody = cast("Any", None)
    yield World(
        cluster=definitions_api,
        openbao=nobody,
        role=nobody,
        account=account,
        prefix="",
        folder=folder,
        environ={
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(site))),
            "KUBECONFIG": str(account.kubeconfig),
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        },
    )
    definitions_api.delete_namespace(home)


@pytest.fixture(scope="module")
def daemon(world: World, stored: Vaulted) -> Iterator[DaemonProcess]:
    with world.daemon("-config=settings.toml", "-zap-log-level=debug") as running:
        running.wait_ready()
        yield running


@pytest.fixture
def working(daemon: DaemonProcess, aws: FaultProxy) -> Iterator[DaemonProcess]:
    """The module's daemon, with an AWS that is well again afterwards."""
    yield daemon
    aws.clear()
    assert daemon.process.poll() is None


def source(path: str, key: str = "", **more: str) -> dict[str, str]:
    return {"path": path, "key": key, **more}


def asked(aws: FaultProxy) -> Counter[str]:
    targets = (request.headers.get("x-amz-target", "") for request in tuple(aws.requests))
    return Counter(target.partition(".")[2] for target in targets)


def test_values_become_secrets_and_follow_their_changes(
    working: DaemonProcess, world: World, stored: Vaulted, namespace: str
) -> None:
    keys = {
        "PASSWORD": source("shop/database", "password"),
        "USER": source(stored.arn("shop/database"), "user"),
        "PORT": source("shop/database", "#/port", encoding="json"),
        "LICENCE": source("shop/licence"),
        "BEFORE": source("shop/licence", version="AWSPREVIOUS"),
    }
    world.define(namespace, "shop", keys)
    wanted = {
        "PASSWORD": f"{CANARY}-1",
        "USER": "u",
        "PORT": "5432",
        "LICENCE": "new text",
        "BEFORE": "old text",
    }
    world.wait_data(namespace, "shop", wanted)
    stored.put("shop/licence", "newest text")
    world.wait_data(namespace, "shop", {**wanted, "LICENCE": "newest text", "BEFORE": "new text"})

    assert world.condition(namespace, "shop")["reason"] == "Synced"


def test_bytes_come_as_they_were_stored(working: DaemonProcess, world: World, namespace: str) -> None:
    world.define(namespace, "keystore", {"store": source("shop/keystore", encoding="base64")})
    data = wait_until(
        lambda: world.cluster.api.secret_data(namespace, "keystore"), PATIENCE, "Secret keystore"
    )

    assert data == {"store": b"\x00\xff"}


def test_a_quiet_period_costs_one_list_and_no_read(
    working: DaemonProcess, world: World, stored: Vaulted, aws: FaultProxy, namespace: str
) -> None:
    for number in range(30):
        stored.put(f"quiet/{number}", str(number))
        world.define(namespace, f"quiet-{number}", {"a": source(f"quiet/{number}")})
    for number in range(30):
        world.wait_data(namespace, f"quiet-{number}", {"a": str(number)})

    def three_quiet_lists() -> bool:
        before = asked(aws)
        wait_until(
            lambda: asked(aws)["ListSecrets"] >= before["ListSecrets"] + 3, PATIENCE, "three more lists"
        )
        return set(asked(aws) - before) == {"ListSecrets"}

    wait_until(three_quiet_lists, PATIENCE, "lists and no reads")


def test_throttling_changes_no_secret_and_ends_with_it(
    working: DaemonProcess, world: World, stored: Vaulted, aws: FaultProxy, namespace: str
) -> None:
    stored.put("throttled", "1")
    world.define(namespace, "throttled", {"a": source("throttled")})
    world.wait_data(namespace, "throttled", {"a": "1"})
    before = world.versions(namespace, ["throttled"])
    rule = aws.on("POST", "/").reply(400, {"__type": "ThrottlingException", "message": CANARY})
    rule.wait_hit(3)
    # A new definition has to be read, so its condition tells.
    world.define(namespace, "new", {"a": source("throttled")})
    said = world.wait_reason(namespace, "new", "BackendThrottled|BackendUnavailable")
    assert CANARY not in str(said)
    assert world.versions(namespace, ["throttled"]) == before
    stored.put("throttled", "2")
    aws.clear()

    world.wait_data(namespace, "throttled", {"a": "2"})
    world.wait_data(namespace, "new", {"a": "2"})


def test_a_secret_that_is_deleted_leaves_the_last_good_one_in_the_cluster(
    working: DaemonProcess, world: World, stored: Vaulted, namespace: str
) -> None:
    stored.put("leaving", "1")
    world.define(namespace, "leaving", {"a": source("leaving")})
    world.wait_data(namespace, "leaving", {"a": "1"})
    stored.delete("leaving")
    world.wait_reason(namespace, "leaving", "SourceDeleted")
    assert world.data(namespace, "leaving") == {"a": "1"}
    stored.restore("leaving")

    world.wait_reason(namespace, "leaving", "Synced")


def test_a_version_that_cannot_be_is_refused_before_any_call(
    working: DaemonProcess, world: World, namespace: str
) -> None:
    world.define(namespace, "wrong", {"a": source("shop/licence", version="3")})
    said = world.wait_reason(namespace, "wrong", "InvalidVersion")

    assert "a stage such as AWSPREVIOUS" in said["message"]


def test_calls_are_counted_under_the_plug_ins_name_and_nothing_secret_is_logged(
    working: DaemonProcess, world: World
) -> None:
    name = "secrets_manager_backend_request_duration_seconds_count"

    for operation in ("login", "read", "list"):
        assert working.metric(name, kind="aws-sm", operation=operation, result="success")
    output = working.output() + working.metrics()
    assert not [secret for secret in (CANARY, KEY_ID, SECRET_KEY) if secret in output]
    assert KEY_ID.encode() not in Path(f"/proc/{working.pid}/environ").read_bytes()


def test_a_second_region_is_a_backend_with_a_name_and_both_may_be_in_one_secret(
    working: DaemonProcess, world: World, moto: Moto, stored: Vaulted, namespace: str
) -> None:
    there = Vaulted(moto, "us-east-1")
    stored.put("both", "from eu-west-1")
    there.put("both", "from us-east-1")
    keys = {"here": source("both"), "there": source("both", backend="billing")}
    world.define(namespace, "both", keys)
    world.wait_data(namespace, "both", {"here": "from eu-west-1", "there": "from us-east-1"})
    there.put("both", "changed")

    world.wait_data(namespace, "both", {"here": "from eu-west-1", "there": "changed"})


def test_where_the_package_is_not_beside_the_daemon_its_kind_is_unknown(world: World) -> None:
    done = run_once({**world.environ, "PYTHONPATH": str(ROOT)}, "-config=settings.toml", cwd=world.folder)

    assert done.returncode != 0
    assert "key backend: must be vault or azure-kv" in done.stderr
