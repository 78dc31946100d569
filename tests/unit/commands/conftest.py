"""Commands are run as a user runs them, on a cluster in memory."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from secrets_manager import commands
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.commands import cluster as cluster_module
from secrets_manager.domain.definition import Ref
from tests.integration.api_client_support import kubeconfig

CANARY = "canary-3f9a"


@dataclass(slots=True)
class Desk:
    """A user with a kubeconfig; what commands print is in ``out`` and ``err``."""

    api: MemoryCluster
    environ: dict[str, str]
    folder: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""
    all_said: list[str] = field(default_factory=list)

    def run(self, *words: str) -> int:
        """Run a command; returns its exit code."""
        code = commands.run(words, self.environ, self.folder)
        self.out, self.err = self.capsys.readouterr()
        self.all_said.append(self.out + self.err)
        return code

    def json(self, *words: str) -> Any:
        """What a command answers in JSON."""
        self.run(*words, "-o", "json")
        return json.loads(self.out)

    def define(
        self, name: str, *, namespace: str = "shop", spec: Json | None = None, **metadata: Any
    ) -> Json:
        """Make a definition."""
        wish = {
            "name": f"{name}-secret",
            "keysMap": {"A": {"path": f"secret/data/{name}", "key": "a", "encoding": "text"}},
        }
        body = {
            "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
            "kind": "SecretDefinition",
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": {**wish, **(spec or {})},
        }
        return self.api.create(DEFINITIONS, namespace, body)

    def report(self, name: str, reason: str = "Synced", message: str = "as it is", **more: Any) -> Json:
        """Write a status as the daemon does, and for one in step its Secret."""
        ref = Ref("shop", name)
        made = self.api.get(DEFINITIONS, ref)
        ready = reason == "Synced"
        condition = {
            "type": "Ready",
            "status": "True" if ready else "False",
            "reason": reason,
            "message": message,
            "observedGeneration": made["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        status = {
            "observedGeneration": made["metadata"]["generation"],
            "conditions": [condition],
            **more,
        }
        if ready:
            status.setdefault("sources", [{"path": f"secret/data/{name}", "version": "7"}])
        return self.api.replace(DEFINITIONS, ref, {**made, "status": status}, subresource="status")

    def secret(self, name: str, **metadata: Any) -> Json:
        """Make a Secret as the daemon does; its value is the canary."""
        marks = {
            "labels": {"app.kubernetes.io/managed-by": "secrets-manager"},
            "annotations": {"secrets-manager.tuenti.io/lastUpdateTime": "2026-01-02T00.00.00Z"},
        }
        return self.api.create(
            SECRETS,
            "shop",
            {
                "kind": "Secret",
                "metadata": {"name": name, "namespace": "shop", **marks, **metadata},
                "data": {"A": CANARY},
            },
        )


@pytest.fixture
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a call fails."""

    def no_call(*_: object) -> None:
        raise AssertionError("a call")

    monkeypatch.setattr(socket.socket, "connect", no_call)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A user whose kubeconfig is of a cluster in memory, and whose namespace is ``shop``."""
    api = MemoryCluster()
    api.watch_seconds = 0.01
    monkeypatch.setattr(cluster_module, "HttpKubernetesApi", lambda *_args, **_options: api)
    path = Path(kubeconfig(tmp_path, {"server": "http://127.0.0.1:1"}, {"token": CANARY}))
    config = json.loads(path.read_text())
    config["contexts"][0]["context"]["namespace"] = "shop"
    path.write_text(json.dumps(config))
    made = Desk(api=api, environ={"KUBECONFIG": str(path)}, folder=tmp_path, capsys=capsys)
    yield made
    assert CANARY not in "".join(made.all_said)
