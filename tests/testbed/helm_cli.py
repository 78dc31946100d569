"""The real Helm, run as a person would, with folders of its own for what it keeps.

Knows nothing of the chart, and of the cluster only its kubeconfig.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.module_programs import helm_program

__all__ = ["Helm", "HelmError"]

Values = Mapping[str, Any]


class HelmError(Exception):
    """Helm ended with something but 0, saying `stderr`."""

    def __init__(self, stderr: str) -> None:
        super().__init__(stderr.strip())
        self.stderr = stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """Runs Helm; without a kubeconfig it can render and lint."""

    folder: Path
    kubeconfig: Path | None = None

    def run(self, *arguments: str | Path, values: Values | None = None) -> str:
        """Run it with these values, if any, and return its standard output; raise HelmError."""
        told = ["--values", "-"] if values is not None else []
        done = subprocess.run(
            [helm_program(), *arguments, *told],
            input=_yaml(values) if values is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=self._environment(),
        )
        if done.returncode:
            raise HelmError(done.stderr)
        return done.stdout

    def template(
        self, chart: Path, values: Values | None = None, *, release: str, namespace: str
    ) -> list[dict[str, Any]]:
        """The objects that an installation would have."""
        said = self.run("template", release, chart, "--namespace", namespace, values=values or {})
        return [document for document in yaml.load_all(said, Loader=_Loader) if document]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {f"HELM_{name}_HOME": str(self.folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return (
            kept
            | own
            | ({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {"KUBECONFIG": "/dev/null"})
        )


class _Loader(yaml.CSafeLoader):
    """Takes = for the text that it is."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


class _Quoting(yaml.SafeDumper):
    """Quotes every text: what PyYAML takes for a text without quotes may be a number to Helm, such as 1e5."""


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def _yaml(values: Values) -> str:
    text: str = yaml.dump(values, Dumper=_Quoting)
    return text
