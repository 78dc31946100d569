"""The daemon's identity at the API server expires and is replaced again and again, as mounted Secrets are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.api_client_support import kubeconfig
from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
USER = "rotated-leader"
FILES = ("kubeconfig", "tls.crt", "tls.key")
USER_FIELDS = {"client-certificate": "tls.crt", "client-key": "tls.key"}
COMPLAINT = "credentials could not be read again"


class Mounted:
    """Three files behind links to a folder that is switched, as a mounted Secret's are."""

    def __init__(self, folder: Path, cluster: TestCluster) -> None:
        self.folder = folder / "mounted"
        self.folder.mkdir()
        self._cluster = {"server": cluster.url, "certificate-authority": str(cluster.ca_file)}
        self._turn = 0
        self.user = ""

    def show(self, world: World, spoil: Callable[[Path], None] = lambda _: None) -> str:
        """Switch to a folder with another user's certificate; ``spoil`` gets the folder before the switch."""
        self._turn += 1
        self.user = f"{USER}-{self._turn}"
        pair = world.cluster.authority.issue(self.user)
        made = self.folder / f"..{self._turn}"
        made.mkdir()
        (made / "tls.crt").write_bytes(pair.certificate.read_bytes())
        (made / "tls.key").write_bytes(pair.key.read_bytes())
        user = {name: str(self.folder / file) for name, file in USER_FIELDS.items()}
        kubeconfig(made, self._cluster, user)
        spoil(made)
        link = self.folder / "..new"
        link.symlink_to(made.name)
        link.rename(self.folder / "..data")
        for name in FILES:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data") / name)
        return str(self.folder / "kubeconfig")


def _empty_kubeconfig(folder: Path) -> None:
    (folder / "kubeconfig").write_bytes(b"")


def _half_a_certificate(folder: Path) -> None:
    content = (folder / "tls.crt").read_bytes()
    (folder / "tls.crt").write_bytes(content[: len(content) // 2])


def _no_key(folder: Path) -> None:
    (folder / "tls.key").unlink()


def _a_pipe_for_a_kubeconfig(folder: Path) -> None:
    (folder / "kubeconfig").unlink()
    os.mkfifo(folder / "kubeconfig")


SPOILS = (_empty_kubeconfig, _half_a_certificate, _no_key, _a_pipe_for_a_kubeconfig)


@pytest.fixture
def world(definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, namespace: str) -> Iterator[World]:
    """A World in which the users of the certificates have the rights of a leader."""
    group = "rbac.authorization.k8s.io"
    name = f"rotated-{namespace}"
    api = definitions_api.api
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    api.post(f"{_RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    users = [{"kind": "User", "apiGroup": group, "name": f"{USER}-{turn}"} for turn in range(1, 10)]
    api.post(f"{_RBAC}/clusterrolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": users})
    wait_until(
        lambda: definitions_api.may(f"{USER}-1", "get", "secrets", namespace), what="the rights in effect"
    )
    with new_world(definitions_api, openbao, tmp_path) as made:
        yield made
    api.delete(f"{_RBAC}/clusterrolebindings/{name}")
    api.delete(f"{_RBAC}/clusterroles/{name}")


def test_a_leader_keeps_leading_and_serving_while_its_files_are_spoilt_and_replaced(
    world: World, namespace: str, tmp_path: Path
) -> None:
    shown = Mounted(tmp_path, world.cluster)
    world.write("app", user="first")
    world.define(namespace, "app", world.keys("user"))
    flags = ("-enable-leader-election", f"-election.lease-namespace={namespace}", "-reconcile-period=1s")

    with world.daemon(*flags, f"-watch-namespaces={namespace}", KUBECONFIG=shown.show(world)) as daemon:
        wait_until(lambda: daemon.metric("secrets_manager_leader") == 1, PATIENCE, "the daemon to lead")
        world.wait_data(namespace, "app", {"user": "first"})
        for turn, spoil in enumerate(SPOILS):
            complaints = len(daemon.logged(COMPLAINT))
            shown.show(world, spoil)
            wait_until(partial(_complained, daemon, complaints), PATIENCE, "a complaint")
            world.write("app", user=f"spoilt {turn}")
            world.wait_data(namespace, "app", {"user": f"spoilt {turn}"})
            shown.show(world)
            wait_until(partial(_is_used, world, shown.user), PATIENCE, "the new certificate to be in use")
            world.write("app", user=f"replaced {turn}")
            world.wait_data(namespace, "app", {"user": f"replaced {turn}"})
            assert daemon.metric("secrets_manager_leader") == 1


def _complained(daemon: DaemonProcess, before: int) -> bool:
    return len(daemon.logged(COMPLAINT)) > before


def _is_used(world: World, user: str) -> bool:
    return world.cluster.audit_counts(user).total() > 0
