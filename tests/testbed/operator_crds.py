"""The kinds of the Prometheus Operator, from its own module, for a cluster that runs no operator."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.testbed.go_toolchain import go_environment, usable_go

__all__ = ["operator_crds"]

_MODULE = Path(__file__).parent / "prometheus_operator"
_PATH = "github.com/prometheus-operator/prometheus-operator"


def operator_crds() -> list[Path]:
    """The files of the definitions of ServiceMonitor and PrometheusRule; fetched once for each machine."""
    go = usable_go("1.26.0")
    done = subprocess.run(
        [go, "mod", "download", "-json", _PATH],
        cwd=_MODULE,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    folder = Path(json.loads(done.stdout)["Dir"]) / "example/prometheus-operator-crd"
    return [
        folder / f"monitoring.coreos.com_{plural}.yaml" for plural in ("servicemonitors", "prometheusrules")
    ]
