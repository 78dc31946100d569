"""The environment of one daemon under test: servers, a login at OpenBao, rights in the cluster, definitions.

A World holds what an operator would have prepared; a test then starts daemons in it and plays the user. It
knows the manifests in config/ and the form of SecretDefinitions. It must not know the daemon's inside.
"""

from __future__ import annotations

import base64
import re
import secrets as random_source
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tests.testbed.apiserver import AuditEntry
from tests.testbed.cluster import ServiceAccount, TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions, events, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.waiting import wait_until

__all__ = [
    "CONFIG_RULES",
    "NO_SECRET_LIST",
    "ORIGINAL_RULES",
    "RESTART_RULES",
    "Calls",
    "World",
    "definition",
    "electable_world",
    "new_world",
    "raw_secret",
    "source",
]

Json = dict[str, Any]
Rules = Sequence[Mapping[str, Any]]
Calls = Counter[tuple[str, str]]

# Nothing is proved by it: a busy machine does late what an idle one does at once.
PATIENCE = 60.0
MARK = "secrets-manager.tuenti.io/"
LAST_UPDATE = f"{MARK}lastUpdateTime"
FINALIZER = "secret.finalizer.secrets-manager.tuenti.io"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_ROLE = Path(__file__).parents[2] / "config/rbac/cluster-wide/role.yaml"
_RESTART = Path(__file__).parents[2] / "config/components/restart/kustomization.yaml"
# The rules of config/rbac; the per-namespace role holds the same ones.
CONFIG_RULES: Rules = yaml.safe_load(_ROLE.read_text(encoding="utf-8"))["rules"]
# What config/components/restart adds to them.
(_RESTART_PATCH,) = yaml.safe_load(_RESTART.read_text(encoding="utf-8"))["patches"]
RESTART_RULES: Rules = [each["value"] for each in yaml.safe_load(_RESTART_PATCH["patch"])]
# The same rules without list and watch on Secrets, as with config/components/no-secret-list.
NO_SECRET_LIST: Rules = [
    *(rule for rule in CONFIG_RULES if "secrets" not in rule["resources"]),
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update", "delete"]},
]
# The rights that the original had: no status, no Events, no list or watch on Secrets.
ORIGINAL_RULES: Rules = (
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update", "delete"]},
    {
        "apiGroups": ["secrets-manager.tuenti.io"],
        "resources": ["secretdefinitions"],
        "verbs": ["get", "list", "watch", "create", "update", "delete"],
    },
)

# The rights for an election, with any Lease.
LEASES: Rules = ({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a daemon needs to run: use `new_world`. KV2 values live below `prefix`, KV1 values in `kv1/`."""

    cluster: TestCluster
    openbao: OpenBao
    role: AppRole
    account: ServiceAccount
    prefix: str
    folder: Path
    environ: dict[str, str] = field(repr=False)

    # -- the daemon

    def daemon(self, *flags: str, **environ: str) -> DaemonProcess:
        """Start a daemon with the World's account and login; keywords add to its environment or replace."""
        return DaemonProcess(self.folder, {**self.environ, **environ}, *flags)

    @property
    def user(self) -> str:
        """The daemon's name in the API server's audit log."""
        return f"system:serviceaccount:{self.account.namespace}:{self.account.name}"

    def calls(self, since: Calls | None = None) -> Calls:
        """The daemon's calls, by (verb, "resource/subresource"), after the counts in `since`."""
        made = self.cluster.audit_counts(self.user) - (since or Counter())
        # The test bed checks in the account's name whether its rights are in effect.
        del made["create", "selfsubjectaccessreviews"]
        return made

    def wait_calls(self, *least: tuple[str, str], since: Calls | None = None) -> Calls:
        """Wait until each of these calls was counted as often as it is named; returns all calls.

        The API server logs a call a moment after its effect can be seen.
        """
        wanted = Counter(least)
        return wait_until(
            lambda: made if (made := self.calls(since)) >= wanted else None, PATIENCE, f"calls {dict(wanted)}"
        )

    def writes(self, since: Calls | None = None) -> Calls:
        """The calls of `calls` that could change something."""
        return Counter({call: n for call, n in self.calls(since).items() if call[0] in WRITES})

    def entries(self) -> list[AuditEntry]:
        """Every finished call of the daemon."""
        finished = [entry for entry in self.cluster.audit() if entry.user == self.user]
        return [entry for entry in finished if entry.resource != "selfsubjectaccessreviews"]

    # -- values in OpenBao

    def path(self, name: str) -> str:
        """The path that a definition writes for the KV2 secret `name`."""
        return f"secret/data/{self.prefix}/{name}"

    def write(self, name: str, **data: Any) -> int:
        """Write the KV2 secret `name`; returns the version."""
        return self.openbao.write_kv2(f"{self.prefix}/{quote(name)}", data)

    def reads(self, name: str) -> int:
        """How often the KV2 secret `name` was read, by any client."""
        return self.openbao.reads(self.path(name))

    def keys(self, *names: str, of: str = "app") -> Json:
        """A keysMap that takes each data key from the same key of the KV2 secret `of`."""
        return {name: source(self.path(of), name) for name in names}

    # -- objects in the cluster

    def define(self, namespace: str, name: str, keys: Json, **fields: Any) -> Json:
        """Create a SecretDefinition (fields as of `definition`)."""
        return self.cluster.api.post(definitions(namespace), definition(name, keys, **fields))

    def found(self, namespace: str, name: str) -> Json:
        """The SecretDefinition."""
        return self.cluster.api.get(definitions(namespace, name))

    def change(self, namespace: str, name: str, patch: Json) -> Json:
        """Merge `patch` into a SecretDefinition."""
        return self.cluster.api.patch(definitions(namespace, name), patch)

    def secret(self, namespace: str, name: str) -> Json:
        """The Secret."""
        return self.cluster.api.get(secrets(namespace, name))

    def data(self, namespace: str, name: str) -> dict[str, str] | None:
        """The values of a Secret as text, or None if there is no Secret."""
        found = self.cluster.api.secret_data(namespace, name)
        return None if found is None else {key: value.decode() for key, value in found.items()}

    def condition(self, namespace: str, name: str) -> Json:
        """The Ready condition, or {} while there is none."""
        conditions = self.found(namespace, name).get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == "Ready"), {})

    def versions(self, namespace: str, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Identity and version of each of these Secrets."""
        kept = {name: self.secret(namespace, name)["metadata"] for name in names}
        return {name: (each["uid"], each["resourceVersion"]) for name, each in kept.items()}

    def events(self, namespace: str, about: str) -> list[Json]:
        """The Events about a SecretDefinition, oldest first."""
        happened = self.cluster.api.list(events(namespace))
        return [event for event in happened if event["involvedObject"]["name"] == about]

    # -- waiting

    def wait_data(
        self, namespace: str, name: str, data: Mapping[str, str] | None, patience: float = PATIENCE
    ) -> None:
        """Wait until the Secret holds exactly this, or with None is gone."""
        wait_until(
            lambda: self.data(namespace, name) == data,
            patience,
            f"Secret {name} {'gone' if data is None else 'as it should be'}",
        )

    def wait_reason(self, namespace: str, name: str, reason: str, patience: float = PATIENCE) -> Json:
        """Wait until the condition has a reason that matches this regular expression; returns the condition.

        A failure shows the reason it has.
        """
        seen: Json = {}

        def told() -> bool:
            seen.update(self.condition(namespace, name))
            return bool(re.fullmatch(reason, seen.get("reason", "")))

        try:
            wait_until(told, patience, f"{name} {reason}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {seen}") from None
        return seen

    def wait_event(self, namespace: str, about: str, reason: str) -> Json:
        """Wait until there is an Event of this reason; returns it."""
        return wait_until(
            lambda: next((e for e in self.events(namespace, about) if e["reason"] == reason), None),
            PATIENCE,
            f"Event {reason} about {about}",
        )

    def wait_polls(self, name: str, count: int = 2) -> None:
        """Wait until the KV2 secret `name` was read this many more times: the daemon had occasion to act."""
        before = self.reads(name)
        wait_until(lambda: self.reads(name) >= before + count, PATIENCE, f"{count} more polls of {name}", 0.1)


def definition(
    name: str,
    keys: Json,
    *,
    secret: str | None = None,
    secret_type: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    finalizers: Sequence[str] = (),
) -> Json:
    """A SecretDefinition; the Secret has its name unless the caller says otherwise."""
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {
            "name": name,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
            "finalizers": list(finalizers),
        },
        "spec": {
            "name": secret or name,
            **({"type": secret_type} if secret_type else {}),
            "keysMap": keys,
        },
    }


def source(path: str, key: str, encoding: str | None = None) -> Json:
    """One entry of a keysMap."""
    return {"path": path, "key": key, **({} if encoding is None else {"encoding": encoding})}


def raw_secret(name: str, data: Mapping[str, str], **fields: Any) -> Json:
    """The body of a Secret that somebody else writes; `metadata` adds to its metadata."""
    metadata = {"name": name, **fields.pop("metadata", {})}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": metadata, "data": encoded, **fields}


@contextmanager
def new_world(
    cluster: TestCluster,
    openbao: OpenBao,
    folder: Path,
    *,
    cluster_rules: Rules = CONFIG_RULES,
    rules: Mapping[str, Rules] | None = None,
    **role_options: object,
) -> Iterator[World]:
    """Prepare everything. Rights are `cluster_rules`, or those in `rules` by namespace if that is given.

    `role_options` are those of the AppRole. The account's namespace is deleted at the end, without a wait.
    """
    prefix = f"w-{random_source.token_hex(4)}"
    policy = openbao.read_policy(prefix, f"secret/data/{prefix}/*", f"kv1/{prefix}/*")
    role = openbao.approle(prefix, [policy], **role_options)
    home = cluster.create_namespace()
    account = cluster.service_account(
        home, "secrets-manager", cluster_rules=() if rules is not None else cluster_rules
    )
    for namespace, granted in (rules or {}).items():
        grant(cluster, account, namespace, granted)
    environ = {
        "VAULT_ADDR": openbao.url,
        "VAULT_ROLE_ID": role.role_id,
        "VAULT_SECRET_ID": role.secret_id,
        "KUBECONFIG": str(account.kubeconfig),
        **({"VAULT_CACERT": str(openbao.ca_file)} if openbao.ca_file else {}),
    }
    yield World(
        cluster=cluster,
        openbao=openbao,
        role=role,
        account=account,
        prefix=prefix,
        folder=folder,
        environ=environ,
    )
    cluster.delete_namespace(home)


@contextmanager
def electable_world(
    cluster: TestCluster, openbao: OpenBao, folder: Path, *, proxied: tuple[str, Path] | None = None
) -> Iterator[World]:
    """A World whose account may use any Lease in its own namespace, and that has the secret `app`.

    `proxied` is the URL of the proxy before the API server, and the authority to trust there.
    """
    home = cluster.create_namespace()
    account = cluster.service_account(home, "daemon", rules=LEASES, cluster_rules=CONFIG_RULES)
    path = account.kubeconfig
    if proxied is not None:
        url, ca_file = proxied
        path = cluster.kubeconfig_for(account.token, server=url, ca_file=ca_file)
    with new_world(cluster, openbao, folder) as made:
        made.write("app", a="1")
        yield replace(made, account=account, environ={**made.environ, "KUBECONFIG": str(path)})
    cluster.delete_namespace(home)


def grant(cluster: TestCluster, account: ServiceAccount, namespace: str, rules: Rules) -> None:
    """Give an account rights in one namespace; they are in effect when this returns."""
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    cluster.api.post(f"{base}/roles", {"metadata": {"name": account.name}, "rules": [dict(r) for r in rules]})
    binding = {
        "metadata": {"name": account.name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account.name},
        "subjects": [{"kind": "ServiceAccount", "namespace": account.namespace, "name": account.name}],
    }
    cluster.api.post(f"{base}/rolebindings", binding)
    client = cluster.client(account.token)
    wait_until(lambda: _may_list_definitions(client, namespace), PATIENCE, f"rights in {namespace}")


def _may_list_definitions(client: Any, namespace: str) -> bool:
    attributes = {
        "group": "secrets-manager.tuenti.io",
        "resource": "secretdefinitions",
        "verb": "list",
        "namespace": namespace,
    }
    review = {"spec": {"resourceAttributes": attributes}}
    answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])
