"""Servers, the proxies in front of them, and one daemon that knows only the proxies.

It must not know which faults are made there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos.soak.faults import Stage
from tests.integration.world import CONFIG_RULES, RESTART_RULES
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority

_TOKEN_SECONDS = 2 * 86400
# Short enough that a run sees renewals and new logins.
_TOKEN_LIFE = {"token_ttl": "120s", "token_max_ttl": "300s"}
_CARE = (
    "-restart.window=2s",
    "-vault.max-token-ttl=60",
    "-vault.renew-ttl-increment=120",
    "-vault.token-polling-period=5s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stage with the daemon on it; `planted` texts must never be shown."""

    stage: Stage
    namespace: str
    daemon: DaemonProcess
    planted: Sequence[str] = field(repr=False)


@contextmanager
def open_stage(cluster: TestCluster, openbao: OpenBao, folder: Path) -> Iterator[Stage]:
    """Put the proxies in front of two servers; SecretDefinitions must be served and AppRole be enabled."""
    authority = Authority(folder / "authority")
    tls = authority.issue("127.0.0.1", "localhost")
    with (
        FaultProxy(cluster.url, upstream_ca=cluster.ca_file, tls=tls) as api_proxy,
        FaultProxy(openbao.url) as backend_proxy,
    ):
        yield Stage(
            cluster=cluster,
            openbao=openbao,
            api_proxy=api_proxy,
            backend_proxy=backend_proxy,
            proxy_ca=authority.ca_file,
        )


@contextmanager
def open_scene(stage: Stage, folder: Path, flags: Sequence[str]) -> Iterator[Scene]:
    """Start the daemon for a namespace of its own; the caller stops it for its exit code."""
    namespace = stage.cluster.create_namespace()
    token = _account(stage.cluster, namespace)
    policy = stage.openbao.read_policy(namespace, f"secret/data/{namespace}/*")
    role = stage.openbao.approle(namespace, [policy], **_TOKEN_LIFE)
    kubeconfig = stage.cluster.kubeconfig_for(
        token, namespace=namespace, server=stage.api_proxy.url, ca_file=stage.proxy_ca
    )
    environ = {
        "KUBECONFIG": str(kubeconfig),
        "VAULT_ADDR": stage.backend_proxy.url,
        "VAULT_ROLE_ID": role.role_id,
        "VAULT_SECRET_ID": role.secret_id,
    }
    with DaemonProcess(folder, environ, f"-watch-namespaces={namespace}", *_CARE, *flags) as daemon:
        yield Scene(stage=stage, namespace=namespace, daemon=daemon, planted=(token, role.secret_id))
    stage.cluster.delete_namespace(namespace)


def _account(cluster: TestCluster, namespace: str) -> str:
    """A token with the rights of config/rbac and config/components/restart that outlives the run."""
    cluster.service_account(namespace, "daemon", cluster_rules=[*CONFIG_RULES, *RESTART_RULES])
    return cluster.token(namespace, "daemon", seconds=_TOKEN_SECONDS)
