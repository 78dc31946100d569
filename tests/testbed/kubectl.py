"""The real kubectl, run as a person would.

Knows nothing of the cluster but its kubeconfig.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.testbed.binaries import program

__all__ = ["KubectlError", "apply", "kubectl"]


class KubectlError(Exception):
    """kubectl ended with `returncode`, saying `stderr`."""

    def __init__(self, returncode: int, stderr: str) -> None:
        super().__init__(f"kubectl ended with {returncode}: {stderr.strip()}")
        self.returncode = returncode
        self.stderr = stderr


def kubectl(kubeconfig: Path, *args: str, stdin: str | None = None) -> str:
    """Run it and return its standard output; raise KubectlError if it ends with anything but 0."""
    done = subprocess.run(
        [str(program("kubectl")), f"--kubeconfig={kubeconfig}", *args],
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise KubectlError(done.returncode, done.stderr)
    return done.stdout


def apply(kubeconfig: Path, what: Path | dict[str, Any] | list[dict[str, Any]]) -> None:
    """`kubectl apply` a file, a folder (by its kustomization if it has one), one object or several."""
    if isinstance(what, Path):
        by_kustomization = (what / "kustomization.yaml").exists()
        kubectl(kubeconfig, "apply", "-k" if by_kustomization else "-f", str(what))
        return
    items = what if isinstance(what, list) else [what]
    kubectl(
        kubeconfig, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )
