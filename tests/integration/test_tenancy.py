"""An author of definitions can neither read the values of others nor have their credentials made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.world import MARK, PATIENCE, World, raw_secret, source
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import secrets
from tests.testbed.waiting import wait_until

ACCOUNT = "kubernetes.io/service-account.name"


@dataclass(frozen=True, slots=True)
class Tenants:
    """Two namespaces of one daemon, each with a value of its own."""

    ours: str
    theirs: str
    daemon: DaemonProcess


@pytest.fixture(scope="module")
def tenants(world: World) -> Iterator[Tenants]:
    ours, theirs = (world.cluster.create_namespace() for _ in range(2))
    for namespace in (ours, theirs):
        world.write(f"{namespace}/app", a=namespace)
    flags = (
        f"-watch-namespaces={ours},{theirs}",
        "-reconcile-period=1s",
        f"-policy.paths=secret/data/{world.prefix}/{{namespace}}/*",
    )
    with world.daemon(*flags) as daemon:
        yield Tenants(ours, theirs, daemon)
    for namespace in (ours, theirs):
        world.cluster.delete_namespace(namespace)


def test_each_namespace_reads_its_own_tree(world: World, tenants: Tenants) -> None:
    for namespace in (tenants.ours, tenants.theirs):
        world.define(namespace, "own", world.keys("a", of=f"{namespace}/app"))
        world.wait_data(namespace, "own", {"a": namespace})


# Plain dots do not get past the schema; tests/integration/test_bad_input.py has them under an older one.
DETOURS = {
    "by its name": ("{root}/{theirs}/app", "PathNotAllowed"),
    "with a slash before": ("/{root}/{theirs}/app", "PathNotAllowed"),
    "through a hidden parent folder": ("{root}/{ours}/%2e%2e/{theirs}/app", "InvalidPath"),
    "through one hidden twice": ("{root}/{ours}/%252e%252e/{theirs}/app", "InvalidPath"),
    "through one behind a hidden slash": ("{root}/{ours}/..%2f{theirs}/app", "InvalidPath"),
    "by the list of versions": ("secret/metadata/{prefix}/{theirs}/app", "PathNotAllowed"),
    "by the system's own paths": ("sys/raw/logical/{prefix}", "InvalidPath"),
    "by a namespace of the server": ("ns1/{root}/{theirs}/app", "PathNotAllowed"),
    "by a name that only begins alike": ("{root}/{ours}-b/app", "PathNotAllowed"),
}


@pytest.mark.parametrize("detour", DETOURS)
def test_no_path_leads_into_the_tree_of_another_namespace(
    world: World, tenants: Tenants, detour: str
) -> None:
    form, reason = DETOURS[detour]
    root = f"secret/data/{world.prefix}"
    path = form.format(root=root, prefix=world.prefix, ours=tenants.ours, theirs=tenants.theirs)
    name = f"detour-{list(DETOURS).index(detour)}"

    world.define(tenants.ours, name, {"a": source(path, "a")})

    world.wait_reason(tenants.ours, name, reason)
    assert world.data(tenants.ours, name) is None


def test_a_refused_path_is_never_asked_for(world: World, tenants: Tenants) -> None:
    world.write("nobodys", a="1")
    world.define(tenants.ours, "nosy", world.keys("a", of="nobodys"))
    world.wait_reason(tenants.ours, "nosy", "PathNotAllowed")
    world.write(f"{tenants.ours}/clock", a="1")
    world.define(tenants.ours, "clock", world.keys("a", of=f"{tenants.ours}/clock"))
    world.wait_polls(f"{tenants.ours}/clock", 2)

    assert world.reads("nobodys") == 0


# ── credentials of others ────────────────────────────────────────────────────────────────────────────


def test_the_token_of_an_account_is_not_taken_over_whatever_the_author_asks_for(
    world: World, tenants: Tenants
) -> None:
    token = raw_secret(
        "token",
        {},
        metadata={"annotations": {ACCOUNT: "default"}},
        type="kubernetes.io/service-account-token",
    )
    world.cluster.api.post(secrets(tenants.ours), token)
    wait_until(lambda: world.data(tenants.ours, "token"), PATIENCE, "a token in it")
    before = world.secret(tenants.ours, "token")
    consent = {f"{MARK}adopt": "true", f"{MARK}recreate": "true"}

    world.define(
        tenants.ours,
        "token",
        world.keys("a", of=f"{tenants.ours}/app"),
        annotations={**consent, ACCOUNT: "default"},
    )

    refused = world.wait_reason(tenants.ours, "token", "NotOwned")
    assert "never taken over" in refused["message"]
    assert world.secret(tenants.ours, "token") == before


def test_marks_that_would_give_a_secret_to_another_owner_are_not_copied(
    world: World, tenants: Tenants
) -> None:
    marks = {ACCOUNT: "default", "kubernetes.io/service-account.uid": "u", "meta.helm.sh/release-name": "r"}

    world.define(
        tenants.ours, "marked", world.keys("a", of=f"{tenants.ours}/app"), annotations={**marks, "note": "n"}
    )

    world.wait_data(tenants.ours, "marked", {"a": tenants.ours})
    annotations = world.secret(tenants.ours, "marked")["metadata"]["annotations"]
    assert annotations["note"] == "n"
    assert not set(marks) & set(annotations)
