"""The servers and objects that a page's commands need, and substitutes for what a test cannot have.

Every page has servers of its own, so that it may use the plain names that a reader sees. The tables below
list every difference between the commands that are shown and those that are run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import ROOT
from tests.docs.pod import Node
from tests.docs.shell import Shell
from tests.integration.deployment_support import original_crd
from tests.integration.old_operator import external_secret, external_secrets, install_kind
from tests.integration.world import raw_secret
from tests.testbed.aws.cloud import KEY_ID, SECRET_KEY, Moto, Vaulted
from tests.testbed.binaries import program
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, definitions, secrets
from tests.testbed.module_programs import helm_program, promtool_program
from tests.testbed.openbao import OpenBao
from tests.testbed.operator_crds import operator_crds
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

# At these commands tests/docs/pod.py does what a kubelet would do.
SCALED_DOWN = re.compile(r"kubectl scale deployment/(\S+) -n (\S+) --replicas=0")
UNINSTALLED = re.compile(r"helm uninstall (\S+) -n (\S+)")
EXECUTED = re.compile(
    r'kubectl exec deploy/(\S+) -n (\S+) -- /secrets-manager (.*?)( \|\| echo "exit code \$\?")?'
)
ROLL_OUT = re.compile(r"kubectl rollout status deployment/(\S+) -n (\S+)")

# Commands that cannot be run here, by their beginning, with the reason.
NOT_RUN = {
    "docker ": "no container engine; tests/integration/test_image_build.py runs the same build steps",
    "cosign ": "it signs in a registry, by a service outside or with a key; there is neither",
    "export DIGEST=": "a registry gives it",
    "kubectl logs ": "no node, so no kubelet that has logs; the pod's process is run by tests/docs/pod.py",
    "kubectl port-forward ": "no node, so no pod to reach",
    "curl -s http://127.0.0.1:8080/": "the end of that port-forward",
    'curl -s "http://127.0.0.1:8080/': "the end of that port-forward",
    ".venv/bin/python -m pip install --quiet --require-hashes": "the same versions are in the environment",
    "~/secrets-manager/bin/pip install ": "the program and the same versions are in the environment",
    "KUBERNETES_EXEC_INFO=": "no plugin is installed; tests/unit/cluster/client/test_exec_plugin.py has one",
}

# Commands that are run in another way, by their beginning. `make -n` reads the target and its recipe.
RUN_OTHERWISE = {
    "make ": ("make -n ", "they run the tests that run this; tests/integration/test_demo.py runs the demo"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Servers, a copy of the repository to work in, a shell, and a node to run pods on."""

    cluster: TestCluster
    openbao: OpenBao
    checkout: Path
    shell: Shell
    node: Node
    at_end: Callable[[Callable[[], object]], object]
    status_port: int

    def substituted(self, command: str) -> str:
        """The command with the addresses of this scene in place of those shown."""
        for shown, real in self._addresses().items():
            command = command.replace(shown, real)
        for beginning, (other, _) in RUN_OTHERWISE.items():
            if command.startswith(beginning):
                command = other + command.removeprefix(beginning)
        return command

    def run(self, command: str) -> str:
        """Run one command of a page; returns its standard output."""
        if any(command.startswith(beginning) for beginning in NOT_RUN):
            return ""
        rolled = ROLL_OUT.fullmatch(command)
        if rolled:
            self.node.roll_out(rolled[2], rolled[1])
            return ""
        if executed := EXECUTED.fullmatch(command):
            code, said = self.node.execute(executed[2], executed[1], shlex.split(executed[3]))
            assert code == 0 or executed[4], said
            return f"{said}exit code {code}\n" if code else said
        if uninstalled := UNINSTALLED.fullmatch(command):
            self.node.stop(uninstalled[2], uninstalled[1])
        said = self.shell.run(self.substituted(command))
        if scaled := SCALED_DOWN.fullmatch(command):
            self.node.stop(scaled[2], scaled[1])
        return said

    def _addresses(self) -> dict[str, str]:
        # A Vault outside the cluster needs the API server's CA, and a token to ask it with.
        outside = f"kubernetes_host={self.cluster.url} kubernetes_ca_cert=@{self.cluster.ca_file}"
        return {
            "https://vault.example.test:8200": self.openbao.url,
            "127.0.0.1:8082": f"127.0.0.1:{self.status_port}",
            "kubernetes_host=https://kubernetes.default.svc": f'{outside} token_reviewer_jwt="$REVIEWER"',
        }


@contextmanager
def scene(folder: Path, preparations: Iterable[Callable[[Scene], None]]) -> Iterator[Scene]:
    """A scene for a page or for several, prepared by these; everything is stopped at the end."""
    with ExitStack() as stack:
        cluster = stack.enter_context(TestCluster.start(folder / "cluster"))
        openbao = OpenBao.dev(folder / "openbao")
        stack.callback(openbao.stop)
        checkout = _checkout(folder / "work")
        node = Node(cluster, folder / "node")
        node.folder.mkdir()
        stack.callback(node.stop_all)
        shell = Shell(checkout, _environment(folder, cluster, openbao), folder / "state")
        here = Scene(
            cluster=cluster,
            openbao=openbao,
            checkout=checkout,
            shell=shell,
            node=node,
            at_end=stack.callback,
            status_port=free_port(),
        )
        for prepare in preparations:
            prepare(here)
        yield here


def _checkout(folder: Path) -> Path:
    """A copy of the repository, with the name of a clone, and the environment that runs this test."""
    unwanted = shutil.ignore_patterns(
        ".git", ".venv", "build", ".*_cache", ".coverage*", "__pycache__", "*.egg-info"
    )
    checkout = folder / "secrets-manager"
    shutil.copytree(ROOT, checkout, ignore=unwanted)
    (checkout / ".venv").symlink_to(sys.prefix)
    return checkout


def _environment(folder: Path, cluster: TestCluster, openbao: OpenBao) -> dict[str, str]:
    tools = folder / "bin"
    tools.mkdir()
    scripts = ("secrets-manager", "kubectl-secrets_manager", "kubectl_complete-secrets_manager")
    own = {name: Path(sys.prefix) / "bin" / name for name in scripts}
    vault = openbao.program.path
    programs = {"kubectl": program("kubectl"), "helm": helm_program(), "promtool": promtool_program()}
    programs |= {"bao": vault, "vault": vault, **own}
    for name, target in programs.items():
        (tools / name).symlink_to(target)
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "KUBECONFIG": str(cluster.kubeconfig),
        "VAULT_ADDR": openbao.url,
        "VAULT_TOKEN": openbao.root_token,
    }


# ── what pages start from ────────────────────────────────────────────────────────────────────────────


def _crd(here: Scene) -> None:
    here.cluster.apply(ROOT / "config" / "crd")
    _await_definitions(here)


def _await_definitions(here: Scene) -> None:
    wait_until(lambda: _served(here.cluster), 60, "SecretDefinitions served")


def _served(cluster: TestCluster) -> bool:
    try:
        cluster.api.list(definitions("default"))
    except ApiError:
        return False
    return True


def _values(here: Scene) -> None:
    here.openbao.enable_engine("legacy", "kv", {"version": "1"})
    values: dict[str, dict[str, str]] = json.loads((ROOT / "samples/values.json").read_text(encoding="utf-8"))
    for path, keys in values.items():
        version_2 = path.split("/")[1] == "data"
        here.openbao.request("POST", path, {"data": keys} if version_2 else dict(keys))


def _shop(here: Scene) -> None:
    here.cluster.create_namespace("shop")


def _samples(here: Scene) -> None:
    here.cluster.kubectl("apply", "-k", str(ROOT / "samples"), "-n", "shop")


def _few_samples(here: Scene) -> None:
    """Samples of keysMap alone: the outputs of a page stay short, whichever samples come."""
    for name in ("app-settings", "binary-keystore", "image-pull", "several-paths", "tls-certificate"):
        here.cluster.kubectl("apply", "-f", str(ROOT / f"samples/{name}.yaml"), "-n", "shop")


def _settled(here: Scene) -> None:
    """Wait until the daemon has seen every definition."""
    wait_until(lambda: all(_has_status(here)), 60, "a status of each definition")


def _has_status(here: Scene) -> list[bool]:
    return ["conditions" in each.get("status", {}) for each in here.cluster.api.list(definitions("shop"))]


def _legacy_sample(here: Scene) -> None:
    here.cluster.kubectl("apply", "-k", str(ROOT / "samples/kv1"), "-n", "shop")


def _login(here: Scene) -> None:
    """A role for the daemon, its ids as files in the checkout and in the environment of the shell."""
    here.openbao.enable_auth("approle", "approle")
    here.openbao.policy("secrets-manager", (ROOT / "samples/vault-policy.hcl").read_text(encoding="utf-8"))
    role = here.openbao.approle("secrets-manager", ["secrets-manager"])
    (here.checkout / "role-id").write_text(role.role_id)
    (here.checkout / "secret-id").write_text(role.secret_id)
    here.shell.run("export VAULT_ROLE_ID=$(cat role-id) VAULT_SECRET_ID=$(cat secret-id)")


def _installed(here: Scene) -> None:
    """The daemon from config/default, running."""
    settings = here.checkout / "config/manager/settings.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"(?m)^url = .*", f'url = "{here.openbao.url}"', text), encoding="utf-8")
    here.shell.run("kubectl apply -k config/default")
    _await_definitions(here)
    here.shell.run(
        "kubectl create secret generic secrets-manager-vault -n secrets-manager"
        " --from-file=role-id --from-file=secret-id"
    )
    here.node.roll_out("secrets-manager", "secrets-manager")


def _reviewer(here: Scene) -> None:
    """An account that may review tokens, as deploying.md demands of Vault's own."""
    namespace = here.cluster.create_namespace()
    review = {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
    account = here.cluster.service_account(namespace, "openbao", cluster_rules=[review])
    here.shell.run(f"export REVIEWER={account.token}")


def _own_kustomization(here: Scene) -> None:
    """The file that deploying.md shows, in the folder that holds the checkout."""
    page = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(# kustomization.yaml\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (here.checkout.parent / "kustomization.yaml").write_text(shown, encoding="utf-8")


def _own_values(here: Scene) -> None:
    """The first file of values that helm.md shows, with the address of the scene's OpenBao."""
    page = (ROOT / "docs/helm.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(# values.yaml\n.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    (here.checkout / "values.yaml").write_text(here.substituted(shown), encoding="utf-8")


def _authority(here: Scene) -> None:
    (here.checkout / "ca.crt").write_bytes(here.cluster.ca_file.read_bytes())


def _operator(here: Scene) -> None:
    """The kinds of the Prometheus Operator."""
    for file in operator_crds():
        here.cluster.kubectl("create", "-f", str(file))


def _monitoring_namespace(here: Scene) -> None:
    here.cluster.create_namespace("secrets-manager")


def _go_version(here: Scene) -> None:
    """An installation of the Go version: its CRD, its rights, its Deployment, and definitions."""
    here.cluster.apply(original_crd())
    _await_definitions(here)
    _shop(here)
    here.cluster.create_namespace("secrets-manager")
    rules = [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update", "delete"]},
        {
            "apiGroups": ["secrets-manager.tuenti.io"],
            "resources": ["secretdefinitions"],
            "verbs": ["get", "list", "watch", "create", "update", "delete"],
        },
    ]
    here.cluster.service_account("secrets-manager", "secrets-manager", cluster_rules=rules)
    here.shell.run(
        "kubectl create secret generic vault -n secrets-manager --from-file=role-id --from-file=secret-id"
    )
    here.cluster.apply(_go_deployment(here.openbao.url))
    known = {"name", "type", "keysMap"}
    for path in (ROOT / "samples").glob("*.yaml"):
        sample: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        if sample["kind"] == "SecretDefinition" and sample["spec"].keys() <= known:
            here.cluster.kubectl("apply", "-f", str(path), "-n", "shop")


def _go_deployment(vault: str) -> dict[str, Any]:
    labels = {"control-plane": "secrets-manager"}
    ids = [("VAULT_ROLE_ID", "role-id"), ("VAULT_SECRET_ID", "secret-id")]
    container = {
        "name": "manager",
        "image": "images.example.test/platform/secrets-manager:2.1.0",
        "args": [f"-vault.url={vault}", "--vault.engine", "kv2", "--enable-debug-log"],
        "env": [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "vault", "key": key}}} for name, key in ids
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "secrets-manager", "namespace": "secrets-manager"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"serviceAccountName": "secrets-manager", "containers": [container]},
            },
        },
    }


def _external_secret(here: Scene) -> None:
    """A Secret of another operator, with the object that owns it; no such operator runs."""
    install_kind(here.cluster)
    wanted = external_secret("database")
    wanted["spec"]["target"]["name"] = "shop-database"
    made = here.cluster.api.post(external_secrets("shop"), wanted)
    owner = {name: made[name] for name in ("apiVersion", "kind")}
    owner |= {name: made["metadata"][name] for name in ("name", "uid")}
    values = json.loads((ROOT / "samples/values.json").read_text(encoding="utf-8"))
    data = {"DATABASE_URL": values["secret/data/shop/database"]["url"]}
    metadata = {"ownerReferences": [owner]}
    here.cluster.api.post(secrets("shop"), raw_secret("shop-database", data, metadata=metadata))


def _argo_cd(here: Scene) -> None:
    """The ConfigMap of an Argo CD."""
    here.cluster.create_namespace("argocd")
    here.shell.run("kubectl create configmap argocd-cm -n argocd")


def _aws(here: Scene) -> None:
    """An AWS with the secret of the sample, and credentials in the environment."""
    moto = Moto(here.node.folder / "moto")
    here.at_end(moto.stop)
    Vaulted(moto).put("shop/database", '{"username": "shop", "password": "example"}')
    here.shell.run(
        f"export AWS_ENDPOINT_URL_SECRETS_MANAGER={moto.url}"
        f" AWS_ACCESS_KEY_ID={KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET_KEY}"
    )


def _one_replica(here: Scene) -> None:
    """Of two on one machine, one would find the port of the status page taken."""
    deployment = here.checkout / "config/manager/deployment.yaml"
    text = deployment.read_text(encoding="utf-8")
    deployment.write_text(text.replace("replicas: 2", "replicas: 1"), encoding="utf-8")


def _status_page(here: Scene) -> None:
    """The overlay that the page shows; the port of the component is one that is free here."""
    page = (ROOT / "docs/status-page.md").read_text(encoding="utf-8")
    (shown,) = re.findall(
        r"^```yaml\n(# overlay/kustomization.yaml\n.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    folder = here.checkout / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(shown, encoding="utf-8")
    component = here.checkout / "config/components/status-page/deployment.yaml"
    text = component.read_text(encoding="utf-8")
    component.write_text(text.replace("8082", str(here.status_port)), encoding="utf-8")


_RUNNING = (_login, _values, _installed, _shop, _samples)

SCENES: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "README.md": (_reviewer,),
    "CONTRIBUTING.md": (),
    "docs/checking-in-ci.md": (_crd, _login, _values, _shop),
    "docs/commands.md": (_login, _values, _installed, _shop, _few_samples, _settled),
    "docs/definitions.md": _RUNNING,
    "docs/deploying.md": (_values, _reviewer, _own_kustomization, _authority, _operator),
    "docs/development.md": (),
    "docs/doctor.md": (_login, _values, _installed, _shop, _few_samples, _settled),
    "docs/gitops.md": (*_RUNNING, _argo_cd),
    "docs/helm.md": (_login, _values, _own_values),
    "docs/moving-from-akv2k8s.md": (),
    "docs/moving-from-argocd-vault-plugin.md": (),
    "docs/moving-from-external-secrets.md": (),
    "docs/moving-from-vault-secrets-operator.md": (),
    "docs/moving-from-vaultsecret.md": (),
    "docs/moving-from-go.md": (_login, _values, _go_version),
    "docs/monitoring.md": (_operator, _monitoring_namespace),
    "docs/performance.md": (),
    "docs/once-in-ci.md": (_crd, _values, _login, _shop, _few_samples),
    "docs/plug-ins.md": (_crd, _shop),
    "docs/backends.md": (),
    "docs/policy.md": (),
    "docs/releasing.md": (),
    "docs/security-rbac.md": (_login, _values, _installed),
    "docs/status-page.md": (
        _one_replica,
        _login,
        _values,
        _installed,
        _shop,
        _few_samples,
        _settled,
        _status_page,
    ),
    "docs/taking-over.md": (_login, _values, _installed, _shop, _external_secret),
    "docs/tutorials/moving-in.md": (_login, _values, _go_version),
    "docs/troubleshooting.md": (*_RUNNING, _legacy_sample),
    "plugins/aws/README.md": (_crd, _shop, _aws),
    "samples/README.md": (_login, _values, _installed, _shop),
}

# The runbooks share a world: they look at it, and leave it as it was.
RUNBOOKS = tuple(
    f"docs/runbooks/{file.name}"
    for file in sorted((ROOT / "docs/runbooks").glob("*.md"))
    if file.name != "README.md"
)

# They share one world, in this order: the first installs the daemon, the others leave it as it was.
TUTORIALS = tuple(
    f"docs/tutorials/{name}.md"
    for name in ("first-secret", "pull-secret", "database-url", "restart-on-rotation", "several-teams")
)
