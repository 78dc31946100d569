"""A Kubernetes control plane to test against, and ways to use it: etcd, API server, controller manager.

Knows nothing of `secrets_manager`.
"""

from __future__ import annotations

import json
import secrets as random_source
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.testbed import kubectl as kubectl_program
from tests.testbed.apiserver import ApiServer, AuditEntry
from tests.testbed.controller_manager import ControllerManager
from tests.testbed.etcd import Etcd
from tests.testbed.kube_api import ApiError, KubeApi, namespaces
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

__all__ = ["ServiceAccount", "TestCluster"]

Rules = Sequence[Mapping[str, Any]]
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account with a token, and a kubeconfig that uses it."""

    namespace: str
    name: str
    token: str = field(repr=False)
    kubeconfig: Path


class TestCluster:
    """The control plane in `folder`; make it with `start`, end it with `stop` or as a context manager.

    Without `controllers` nothing is collected with its owner or deleted with its namespace.
    """

    __test__ = False  # not a test class, whatever its name

    def __init__(self, folder: Path, *, controllers: bool = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._etcd = Etcd(folder)
        # The authority of the server's certificate and of those of users.
        authority = self.authority = Authority(folder / "pki", "API server CA")
        self._apiserver = ApiServer(folder, etcd_url=self._etcd.url, authority=authority)
        self.url = self._apiserver.url
        self.ca_file = authority.ca_file
        self.admin_token = self._apiserver.admin_token
        self._clients: list[KubeApi] = []
        self.api = self.client(self.admin_token)
        self.kubeconfig = self.kubeconfig_for(self.admin_token)
        self._controllers: ControllerManager | None = None
        if controllers:
            self._controllers = ControllerManager(
                folder,
                kubeconfig=self.kubeconfig,
                authority=authority,
                signing_key=self._apiserver.signing_key,
            )

    @classmethod
    def start(cls, folder: Path, *, controllers: bool = True) -> Self:
        """Start all servers; returns when they are ready (seconds)."""
        cluster = cls.launch(folder, controllers=controllers)
        cluster.await_ready()
        return cluster

    @classmethod
    def launch(cls, folder: Path, *, controllers: bool = True) -> Self:
        """Start the servers without waiting for the API server, which takes longest: see `await_ready`."""
        cluster = cls(folder, controllers=controllers)
        try:
            cluster._etcd.start()
            cluster._apiserver.process.launch()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def await_ready(self) -> None:
        """Return when all servers are ready; stops them if one fails."""
        try:
            self._apiserver.await_ready()
            if self._controllers is not None:
                self._controllers.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End all servers at once; their data is of no use afterwards."""
        for client in self._clients:
            client.close()
        if self._controllers is not None:
            self._controllers.process.kill()
        self._apiserver.process.kill()
        self._etcd.process.kill()

    def stored(self, key: str) -> bytes:
        """The value of an existing key ("/registry/secrets/<namespace>/<name>") in etcd."""
        return self._etcd.get(key)

    def store(self, key: str, value: bytes) -> None:
        """Put something into etcd behind the API server's back."""
        self._etcd.put(key, value)

    # -- the API server's own life

    def stop_apiserver(self) -> None:
        """Take the API server away, as an upgrade of the control plane does."""
        self._apiserver.process.stop(timeout=5)

    def start_apiserver(self) -> None:
        """Bring it back on the same port, with everything that was stored."""
        self._apiserver.start()

    def pause_apiserver(self) -> None:
        """Freeze the API server: connections stay open, nothing is answered."""
        self._apiserver.process.pause()

    def resume_apiserver(self) -> None:
        """Let a frozen API server go on."""
        self._apiserver.process.resume()

    @contextmanager
    def without_controllers(self) -> Iterator[None]:
        """Nothing is collected with its owner, or deleted with its namespace, until the end of the block."""
        if self._controllers is None:
            yield
            return
        self._controllers.process.pause()
        try:
            yield
        finally:
            self._controllers.process.resume()

    # -- speaking to it

    def client(self, token: str) -> KubeApi:
        """A client for the user of this token; closed with the cluster."""
        client = KubeApi(self.url, self.ca_file, token)
        self._clients.append(client)
        return client

    def kubectl(self, *args: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run the real kubectl, as admin unless a kubeconfig is given, and return its standard output."""
        return kubectl_program.kubectl(kubeconfig or self.kubeconfig, *args, stdin=stdin)

    def apply(self, what: Path | dict[str, Any] | list[dict[str, Any]]) -> None:
        """`kubectl apply` a file, a folder, one object or several, as admin."""
        kubectl_program.apply(self.kubeconfig, what)

    def kubeconfig_for(
        self,
        token: str,
        *,
        namespace: str | None = None,
        server: str | None = None,
        ca_file: Path | None = None,
    ) -> Path:
        """A kubeconfig file for the user of this token; `server` and `ca_file` may lead through a proxy."""
        cluster = {"server": server or self.url, "certificate-authority": str(ca_file or self.ca_file)}
        context = {"cluster": "test", "user": "test", **({"namespace": namespace} if namespace else {})}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
        }
        path = self.folder / f"kubeconfig-{random_source.token_hex(4)}"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        return path

    # -- namespaces and identities

    def create_namespace(self, name: str | None = None, labels: Mapping[str, str] | None = None) -> str:
        """Make a namespace, of a fresh name unless one is given, and return its name."""
        name = name or f"test-{random_source.token_hex(4)}"
        self.api.post(namespaces(), {"metadata": {"name": name, "labels": dict(labels or {})}})
        return name

    def delete_namespace(self, name: str, *, wait: bool = False) -> None:
        """Delete a namespace and, by the namespace controller, everything in it."""
        self.api.delete(namespaces(name))
        if wait:
            wait_until(lambda: self.api.find(namespaces(name)) is None, 60, f"namespace {name} gone")

    def service_account(
        self, namespace: str, name: str, *, rules: Rules = (), cluster_rules: Rules = ()
    ) -> ServiceAccount:
        """A service account that holds these RBAC rules in its namespace, and those in the whole cluster.

        The rules are the dicts of a Role's YAML. Returns once the API server grants them.
        """
        self.api.post(f"{namespaces(namespace)}/serviceaccounts", {"metadata": {"name": name}})
        if rules:
            self._grant(f"{_RBAC}/namespaces/{namespace}", "Role", namespace, name, rules)
        if cluster_rules:
            self._grant(_RBAC, "ClusterRole", namespace, name, cluster_rules)
        token = self.token(namespace, name)
        self._await_rules(
            token, [(namespace, rule) for rule in rules] + [("", rule) for rule in cluster_rules]
        )
        kubeconfig = self.kubeconfig_for(token, namespace=namespace)
        return ServiceAccount(namespace=namespace, name=name, token=token, kubeconfig=kubeconfig)

    def token(self, namespace: str, name: str, *, audiences: Sequence[str] = (), seconds: int = 3600) -> str:
        """A token of a service account, as a pod would get it projected (at least 600 seconds)."""
        spec = {"expirationSeconds": seconds, **({"audiences": list(audiences)} if audiences else {})}
        path = f"{namespaces(namespace)}/serviceaccounts/{name}/token"
        token: str = self.api.post(path, {"spec": spec})["status"]["token"]
        return token

    def may(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        """Whether a user has a right in a namespace by now, as the API server's own authorizer says."""
        wanted = {"verb": verb, "resource": resource, "namespace": namespace}
        review = {"spec": {"user": user, "resourceAttributes": wanted}}
        answer = self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    # -- what was asked of it

    def audit(self) -> list[AuditEntry]:
        """Every finished call so far, oldest first (a watch counts once, when it ends)."""
        return [entry for entry in self._apiserver.audit() if entry.stage == "ResponseComplete"]

    def audit_counts(self, user: str | None = None) -> Counter[tuple[str, str]]:
        """How often each (verb, "resource/subresource") was asked; a watch counts when it begins."""
        wanted = {"watch": "ResponseStarted"}
        return Counter(
            (entry.verb, "/".join(filter(None, (entry.resource, entry.subresource))))
            for entry in self._apiserver.audit()
            if entry.stage == wanted.get(entry.verb, "ResponseComplete") and user in {None, entry.user}
        )

    def _grant(self, path: str, kind: str, namespace: str, name: str, rules: Rules) -> None:
        plural = f"{kind.lower()}s"
        role = f"{namespace}-{name}"
        self.api.post(
            f"{path}/{plural}", {"metadata": {"name": role}, "rules": [dict(rule) for rule in rules]}
        )
        binding = {
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
        }
        self.api.post(f"{path}/{kind.lower()}bindings", binding)

    def _await_rules(self, token: str, grants: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """RBAC takes effect through the API server's own informers, a moment after it is written."""
        client = self.client(token)
        for namespace, rule in grants:
            if rule.get("resources"):
                wait_until(partial(_allowed, client, namespace, rule), what="RBAC in effect")


def _allowed(client: KubeApi, namespace: str, rule: Mapping[str, Any]) -> bool:
    resource, _, subresource = rule["resources"][-1].partition("/")
    attributes = {
        "namespace": namespace,
        "verb": rule["verbs"][-1],
        "group": rule["apiGroups"][-1],
        "resource": resource,
        "subresource": subresource,
        "name": (rule.get("resourceNames") or [""])[-1],
    }
    review = {"spec": {"resourceAttributes": attributes}}
    try:
        answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    except ApiError:
        return False
    return bool(answer["status"]["allowed"])
