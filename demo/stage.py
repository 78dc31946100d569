"""The servers and their content; all of it is gone at the end.

Knows how they are started and reached, not in which order things are shown.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.testbed.bed import Bed, running_bed
from tests.testbed.kube_api import ApiError, definitions
from tests.testbed.kube_api import secrets as secret_path
from tests.testbed.openbao_setup import AppRole
from tests.testbed.vault_program import VAULT_BINARY, vault_program
from tests.testbed.waiting import wait_until

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
ROLE = "secrets-manager"
# The namespace and the account that config/manager gives the daemon.
INSTALLED = "secrets-manager"
_DAY = 24 * 60 * 60
_PATIENCE = 60.0
# Settings of the user who starts the demo must reach neither the daemon nor the servers.
_FOREIGN = ("VAULT_", "BAO_", "AZURE_", "SECRETS_MANAGER_")
_FOREIGN_NAMES = {"KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

Values = dict[str, dict[str, str]]


class CommandError(Exception):
    """A command of the demo ended with another code than 0."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Running servers, with their files and the programs to reach them in ``folder``."""

    bed: Bed
    folder: Path
    kubectl: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a shell that reaches the servers; the token may do everything."""
        return {
            "KUBECONFIG": str(self.folder / "kubeconfig"),
            "VAULT_ADDR": self.bed.openbao.url,
            "VAULT_TOKEN": self.bed.openbao.root_token,
            "KUBERC": "off",  # the user's own defaults and short forms of kubectl
        }

    def lay_tools(self) -> Path:
        """Put the programs and a file of settings for a shell into the folder; returns that file."""
        tools = self.folder / "bin"
        tools.mkdir()
        for name, target in (
            ("kubectl", self.kubectl),
            ("bao", vault_program().path),
            ("vault", vault_program().path),
        ):
            (tools / name).symlink_to(target)
        kubeconfig = self.folder / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_bytes(self.bed.cluster.kubeconfig.read_bytes())
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        file = self.folder / "env"
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, f'export PATH={shlex.quote(str(tools))}:"$PATH"', ""]))
        return file

    def run(self, *words: str) -> str:
        """Run kubectl or bao from the root of the repository; returns what it says."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=ROOT,
            env={**os.environ, **self.environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"{shlex.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def secret(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Secret as the API server has it, or None."""
        return self.bed.cluster.api.find(secret_path(namespace, name))

    def definitions(self, namespace: str) -> list[dict[str, Any]]:
        """The SecretDefinitions as the API server has them, in the order of their names."""
        return self.bed.cluster.api.list(definitions(namespace))

    def data(self, namespace: str, name: str) -> dict[str, bytes]:
        """The data of a Secret; {} when there is none."""
        found = self.secret(namespace, name) or {}
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


@contextmanager
def running_stage(folder: Path, kubectl: Path) -> Iterator[Stage]:
    """The servers, started; stopped at the end."""
    clear_environment()
    with running_bed(folder, controllers=False) as bed:
        yield Stage(bed, folder, kubectl)


def clear_environment() -> None:
    """Forget what would configure the daemon or the servers in place of the demo."""
    for name in list(os.environ):
        if name == VAULT_BINARY:  # it is the bed's own
            continue
        if name.startswith(_FOREIGN) or name.upper() in _FOREIGN_NAMES:
            del os.environ[name]


def sample_values() -> Values:
    """The values of samples/values.json by full API path."""
    values: Values = json.loads((SAMPLES / "values.json").read_text(encoding="utf-8"))
    return values


def seed(stage: Stage) -> AppRole:
    """Write the samples' values and make the role that may read them, and nothing else."""
    openbao = stage.bed.openbao
    openbao.enable_engine("legacy", "kv", {"version": "1"})
    for path, keys in sample_values().items():
        version_2 = path.split("/")[1] == "data"
        openbao.request("POST", path, {"data": keys} if version_2 else dict(keys))
    openbao.policy(ROLE, (SAMPLES / "vault-policy.hcl").read_text(encoding="utf-8"))
    return openbao.approle(ROLE, [ROLE], token_ttl="20m", token_max_ttl="24h")  # noqa: S106 - durations


def await_definitions(stage: Stage) -> None:
    """Return once the API server serves SecretDefinitions: an established CRD alone does not suffice."""
    wait_until(lambda: _served(stage), _PATIENCE, "SecretDefinitions to be served")


def account(stage: Stage) -> Path:
    """A kubeconfig of the daemon's service account, once its rights are in effect."""
    cluster = stage.bed.cluster
    user = f"system:serviceaccount:{INSTALLED}:{INSTALLED}"
    may_watch = partial(cluster.may, user, "watch", "secrets", namespace="")
    wait_until(may_watch, _PATIENCE, "the daemon's rights to take effect")
    return cluster.kubeconfig_for(cluster.token(INSTALLED, INSTALLED, seconds=_DAY))


def _served(stage: Stage) -> bool:
    try:
        stage.bed.cluster.api.list(definitions("default"))
    except ApiError:
        return False
    return True
