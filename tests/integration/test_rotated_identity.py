"""Identities at the real API server: certificates expire and are replaced; plugins get their environment."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from secrets_manager.cluster.base import SECRETS, NotFound, Scope
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.lead.lease import LEASES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized
from secrets_manager.runtime.deadline import Watchdog
from tests.integration.api_client_support import Shown, kubeconfig
from tests.integration.world import World, new_world
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
USER = "rotated-daemon"


@pytest.fixture
def rights(cluster: TestCluster, namespace: str) -> Iterator[None]:
    """The rights of a pod's account, for the user of the certificates."""
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    user = {"kind": "User", "apiGroup": group, "name": USER}
    name = f"rotated-{namespace}"
    cluster.api.post(f"{_RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [user]}
    cluster.api.post(f"{_RBAC}/clusterrolebindings", binding)
    wait_until(lambda: cluster.may(USER, "get", "secrets", namespace), what="the rights in effect")
    yield
    cluster.api.delete(f"{_RBAC}/clusterrolebindings/{name}")
    cluster.api.delete(f"{_RBAC}/clusterroles/{name}")


def ask(api: HttpKubernetesApi, namespace: str) -> bool:
    try:
        api.get(SECRETS, Ref(namespace, "never"))
    except NotFound:
        return True
    except ClusterUnauthorized:
        return False
    raise AssertionError("there is no such Secret")


@pytest.mark.usefixtures("rights")
@pytest.mark.parametrize("way", ["inline", "file", "mounted", "plugin"])
def test_an_expired_certificate_is_replaced_by_the_new_one_for_calls_watches_and_the_lease(
    way: str, cluster: TestCluster, namespace: str, tmp_path: Path
) -> None:
    server = {"server": cluster.url, "certificate-authority": str(cluster.ca_file)}
    # A busy machine may not get to use a certificate of three seconds before it has expired.
    for seconds in (3, 12, 48):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        shown = Shown(way, folder, server)
        credentials = Credentials(
            shown.show(cluster.authority.issue(USER, valid_for=dt.timedelta(seconds=seconds)))
        )
        api, lease_api = (
            HttpKubernetesApi(credentials, Watchdog(), SilentCluster(), timeout=20) for _ in range(2)
        )
        if ask(api, namespace):
            break
    else:
        pytest.fail("the certificate is never accepted")
    wait_until(lambda: not ask(api, namespace), 60, "the certificate to be refused")
    shown.show(cluster.authority.issue(USER))

    wait_until(lambda: ask(api, namespace), 30, "the new certificate to be in use")
    assert credentials.refused_for() == 0
    with pytest.raises(NotFound):
        lease_api.get(LEASES, Ref(namespace, "never"))
    page = next(iter(api.pages(Scope(resource=SECRETS, namespace=namespace))))
    watch = api.watch(Scope(resource=SECRETS, namespace=namespace), page.resource_version)
    cluster.api.post(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "seen"}})
    assert next(iter(watch)).object["metadata"]["name"] == "seen"
    for each in (api, lease_api):
        each.close()


_PLUGIN = """#!{python}
import json, os, sys
wanted = {wanted!r}
lacking = [name for name in wanted if os.environ.get(name) != wanted[name]]
if lacking:
    print(f"canary: not in the environment: {{lacking}}", file=sys.stderr)
    sys.exit(7)
kind = {{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}}
print(json.dumps({{**kind, "status": {{"token": {token!r}}}}}))
"""


def plugin_that_wants(wanted: dict[str, str], world: World) -> str:
    """A kubeconfig whose plugin fails without these names in its environment."""
    program = world.folder / "plugin"
    program.write_text(_PLUGIN.format(python=sys.executable, wanted=wanted, token=world.account.token))
    program.chmod(0o700)
    cluster = {"server": world.cluster.url, "certificate-authority": str(world.cluster.ca_file)}
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}}
    return kubeconfig(world.folder, cluster, user)


def test_a_plugin_has_the_users_environment_though_the_daemon_has_wiped_its_own(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path
) -> None:
    with new_world(definitions_api, openbao, tmp_path) as world:
        planted = {"AZURE_CLIENT_SECRET": "canary-azure", "VAULT_TOKEN": "canary-vault"}
        path = plugin_that_wants({**planted, "VAULT_SECRET_ID": world.environ["VAULT_SECRET_ID"]}, world)
        with world.daemon(KUBECONFIG=path, **planted) as daemon:
            daemon.wait_ready()
            environ = Path(f"/proc/{daemon.pid}/environ").read_bytes()

    # Names that another backend's tools use are left alone.
    assert b"canary-vault" not in environ


def test_a_plugin_that_fails_is_reported_by_its_exit_code_and_not_by_its_words(
    cluster: TestCluster, openbao: OpenBao, tmp_path: Path
) -> None:
    with new_world(cluster, openbao, tmp_path) as world:
        path = plugin_that_wants({"NOWHERE": "x"}, world)
        with world.daemon(KUBECONFIG=path) as daemon:
            code = daemon.wait(30)
            output = daemon.output()

    assert code == 2
    assert "exit code 7; it wrote 1 lines" in output
    assert "canary" not in output
