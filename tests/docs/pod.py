"""Runs the pods of a Deployment as processes, since no node runs here: as much of a kubelet as that needs.

It follows the Deployment in the cluster: replicas, account, arguments, environment, and volumes of
ConfigMaps, Secrets and projected tokens. It must not know which settings these are, except for files that a
pod finds at places that a process of this machine cannot have.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click import Context

from secrets_manager.commands.app import app
from secrets_manager.commands.kinds import WithFlags
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, base_environment
from tests.testbed.kubectl import KubectlError
from tests.testbed.waiting import wait_until

_SYSTEM_FILE = "/etc/secrets-manager/settings.toml"
# A pod reads this in /var/run/secrets/kubernetes.io/serviceaccount/namespace.
_NAMESPACE = "SECRETS_MANAGER_ELECTION__LEASE_NAMESPACE"
_PATIENCE = 60.0


@dataclass(eq=False)
class Node:
    """Runs the pods of Deployments below ``folder``."""

    cluster: TestCluster
    folder: Path
    running: dict[tuple[str, str], list[DaemonProcess]] = field(default_factory=dict)
    # How another process is started in the pods of a Deployment: its folder, its environment and its flags.
    _inside: dict[tuple[str, str], tuple[Path, dict[str, str], list[str]]] = field(default_factory=dict)

    def roll_out(self, namespace: str, name: str) -> None:
        """Replace the pods of a Deployment by pods of its present template; returns when all are ready."""
        self.stop(namespace, name)
        spec = self._object(namespace, "deployment", name)["spec"]
        pods = self.running[namespace, name] = []
        pods.extend(self._start(namespace, name, spec["template"]["spec"]) for _ in range(spec["replicas"]))
        for pod in pods:
            _await_ready(pod)

    def stop(self, namespace: str, name: str) -> None:
        """End the pods of a Deployment, if there are any, as Kubernetes would."""
        for pod in self.running.pop((namespace, name), []):
            assert pod.stop() == 0, pod.output()

    def execute(self, namespace: str, name: str, words: list[str]) -> tuple[int, str]:
        """Run the program with these words as in a pod of a Deployment; its exit code and what it said."""
        root, environ, flags = self._inside[namespace, name]
        # In a pod they stand in a file of the system, which a process of this machine cannot have.
        reads_settings = isinstance(app.get_command(Context(app), words[0]), WithFlags)
        done = subprocess.run(
            [sys.executable, "-m", "secrets_manager", *words, *(("--", *flags) if reads_settings else ())],
            capture_output=True,
            text=True,
            cwd=root,
            env={**base_environment(), **environ},
            timeout=_PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout

    def stop_all(self) -> None:
        """End every pod."""
        for pod in itertools.chain.from_iterable(self.running.values()):
            pod.kill()

    def _start(self, namespace: str, name: str, pod: dict[str, Any]) -> DaemonProcess:
        (container,) = pod["containers"]
        account = pod.get("serviceAccountName", "default")
        root = self.folder / f"{namespace}-{len(list(self.folder.iterdir()))}"
        root.mkdir()
        mounts = self._mount(root, namespace, account, pod, container)
        kubeconfig = self.cluster.kubeconfig_for(self.cluster.token(namespace, account))
        scopes = _scopes(mounts)
        wait_until(lambda: self._may_watch(kubeconfig, scopes), _PATIENCE, "the account's rights in effect")
        given = {each["name"]: self._value(namespace, each) for each in container.get("env", [])}
        environ = {_NAMESPACE: namespace, **given}
        config = [f"-config={_SYSTEM_FILE}"] if _SYSTEM_FILE in mounts else []
        flags = [_moved(flag, mounts) for flag in [*config, *container.get("args", [])]]
        moved = {variable: _moved(value, mounts) for variable, value in environ.items()}
        environ = {**moved, "KUBECONFIG": str(kubeconfig)}
        self._inside[namespace, name] = root, environ, flags
        return DaemonProcess(root, environ, *flags)

    def _mount(
        self, root: Path, namespace: str, account: str, pod: dict[str, Any], container: dict[str, Any]
    ) -> dict[str, Path]:
        """Lay the volumes out below ``root``; returns where each mount path is now."""
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        mounts = {}
        for mount in container.get("volumeMounts", []):
            files = self._files(namespace, account, volumes[mount["name"]])
            target = mounts[mount["mountPath"]] = root / mount["mountPath"].strip("/")
            if "subPath" in mount:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(files[mount["subPath"]])
                continue
            target.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (target / name).write_bytes(content)
        for file in (path for path in root.rglob("*.toml")):
            file.write_text(_moved(file.read_text(encoding="utf-8"), mounts), encoding="utf-8")
        return mounts

    def _files(self, namespace: str, account: str, volume: dict[str, Any]) -> dict[str, bytes]:
        if "configMap" in volume:
            data = self._object(namespace, "configmap", volume["configMap"]["name"])["data"]
            return {name: text.encode() for name, text in data.items()}
        if "secret" in volume:
            return self._secret(namespace, volume["secret"]["secretName"])
        sources = [source["serviceAccountToken"] for source in volume["projected"]["sources"]]
        return {
            source["path"]: self.cluster.token(namespace, account, audiences=[source["audience"]]).encode()
            for source in sources
        }

    def _value(self, namespace: str, variable: dict[str, Any]) -> str:
        if "value" in variable:
            return str(variable["value"])
        source = variable["valueFrom"]["secretKeyRef"]
        return self._secret(namespace, source["name"])[source["key"]].decode()

    def _secret(self, namespace: str, name: str) -> dict[str, bytes]:
        data = self._object(namespace, "secret", name)["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def _object(self, namespace: str, kind: str, name: str) -> Any:
        return json.loads(self.cluster.kubectl("get", kind, name, "-n", namespace, "-o", "json"))

    def _may_watch(self, kubeconfig: Path, scopes: list[list[str]]) -> bool:
        asked = ("auth", "can-i", "update", "secretdefinitions")
        try:
            said = [self.cluster.kubectl(*asked, *scope, kubeconfig=kubeconfig) for scope in scopes]
        except KubectlError:
            return False
        return {each.strip() for each in said} == {"yes"}


def _await_ready(pod: DaemonProcess) -> None:
    try:
        pod.wait_ready(_PATIENCE)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{pod.output()}") from None


def _scopes(mounts: dict[str, Path]) -> list[list[str]]:
    """Where the pod works, as its settings file says, in the words of kubectl."""
    file = mounts.get(_SYSTEM_FILE)
    settings = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    return [["-n", namespace] for namespace in settings.get("watch-namespaces", ())] or [["-A"]]


def _moved(text: str, mounts: dict[str, Path]) -> str:
    """The text with every mount path replaced by where it is on this machine."""
    for path in sorted(mounts, key=len, reverse=True):
        text = text.replace(path, str(mounts[path]))
    return text
