"""The daemon with what a cloud puts into its pod: it outlives a service that hangs and shows nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.cloud_benches import BENCHES, Bench, Make
from tests.integration.world import PATIENCE, World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.waiting import wait_until

ANY = ".*"
NO_APPROLE = {"VAULT_ROLE_ID": "", "VAULT_SECRET_ID": ""}
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def environment(name: str, bench: Bench) -> dict[str, str]:
    """The names as the cloud's own tools know them."""
    login = bench.settings[bench.group]
    ours = {
        "SECRETS_MANAGER_VAULT__AUTH_METHOD": bench.group,
        f"SECRETS_MANAGER_VAULT__{bench.group.upper()}_ROLE": login.role,
        f"SECRETS_MANAGER_VAULT__{bench.group.upper()}_PATH": login.path,
        "VAULT_ADDR": bench.url,
        **NO_APPROLE,
    }
    if name == "gcp-machine":
        assert bench.service is not None
        return {**ours, "GCE_METADATA_HOST": bench.service.url.removeprefix("http://")}
    if name == "azure-workload":
        return {
            **ours,
            "SECRETS_MANAGER_VAULT__AZURE_RESOURCE": login.resource,
            "SECRETS_MANAGER_VAULT__AZURE_SUBSCRIPTION_ID": login.subscription_id,
            "SECRETS_MANAGER_VAULT__AZURE_RESOURCE_GROUP": login.resource_group,
            "SECRETS_MANAGER_VAULT__AZURE_VM_NAME": login.vm_name,
            "AZURE_TENANT_ID": login.tenant_id,
            "AZURE_CLIENT_ID": login.client_id,
            "AZURE_FEDERATED_TOKEN_FILE": login.federated_token_file,
            "AZURE_AUTHORITY_HOST": f"https://{login.authority_host}/",
            "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],
        }
    return {
        **ours,
        "SECRETS_MANAGER_VAULT__AWS_HEADER_VALUE": login.header_value,
        "AWS_ACCESS_KEY_ID": login.access_key_id,
        "AWS_SECRET_ACCESS_KEY": login.secret_access_key,
        "AWS_SESSION_TOKEN": login.session_token,
        "AWS_ROLE_ARN": login.role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": login.web_identity_token_file,
        "AWS_ENDPOINT_URL_STS": login.sts_url,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": login.container_url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": login.container_token_file,
    }


@pytest.mark.parametrize(
    "name", ["aws-keys", "aws-web-identity", "aws-pod-identity", "azure-workload", "gcp-machine"]
)
def test_the_daemon_logs_in_once_its_cloud_answers_and_again_when_its_token_dies(
    world: World, made: Make, namespace: str, name: str
) -> None:
    made.policy = world.prefix
    bench = BENCHES[name](made)
    world.write(made.mount, a="1")
    world.define(namespace, "app", world.keys("a", of=made.mount))
    if bench.service is not None:
        bench.service.on(ANY, ANY).hang()
    flags = ("-enable-debug-log", "-reconcile-period=1s", "-config.backend-timeout=1s")
    environ = environment(name, bench)
    with world.daemon(f"-watch-namespaces={namespace}", *flags, **environ) as daemon:
        _outlives_a_hang(world, bench, daemon, namespace)
        world.wait_data(namespace, "app", {"a": "1"})
        shown = Path(f"/proc/{daemon.pid}/environ").read_bytes()
        assert [each for each in SECRETS if (text := environ.get(each)) and text.encode() in shown] == []

        bench.auth.revoke_all()
        world.write(made.mount, a="2")
        world.wait_data(namespace, "app", {"a": "2"})
        _is_refused(world, bench, daemon, namespace)
        said = daemon.output() + daemon.metrics() + str(world.found(namespace, "app"))
        assert daemon.stop() == 0
    texts = bench.secrets()
    assert len(texts) >= 3
    assert [text for text in texts if text in said + daemon.output()] == []


def _outlives_a_hang(world: World, bench: Bench, daemon: DaemonProcess, namespace: str) -> None:
    if bench.service is None:
        return
    assert bench.named in world.wait_reason(namespace, "app", "BackendTimeout")["message"]
    assert daemon.fetch("/healthz")[0] == 200
    assert daemon.fetch("/readyz")[0] == 503
    bench.service.clear()


def _is_refused(world: World, bench: Bench, daemon: DaemonProcess, namespace: str) -> None:
    bench.refuse()
    bench.auth.revoke_all()
    world.write(bench.auth.mount, a="3")
    world.wait_reason(namespace, "app", "AuthFailed")
    wait_until(lambda: daemon.fetch("/readyz")[0] == 503, PATIENCE, "an unready daemon")
    assert len(bench.auth.bodies) >= 3
