"""The rules as Prometheus reads them, and as the PrometheusRule that its operator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from kit.monitoring.alerts import GROUPS
from kit.monitoring.recordings import RECORDINGS
from kit.monitoring.rule import RUNBOOKS, Alert, Recording, runbook_url

__all__ = ["prometheus_rule", "rule_groups", "to_yaml"]

Json = dict[str, Any]

_WIDTH = 110
_HEAD = "# Made of kit/monitoring by `make monitoring`: a change here is lost.\n"


def rule_groups(
    groups: Mapping[str, Sequence[Alert]] = GROUPS, *, runbooks: str = RUNBOOKS
) -> list[dict[str, Any]]:
    """The value of `groups` in a file of rules: the recordings, then the alerts."""
    named = {"recordings": [_recorded(each) for each in RECORDINGS]}
    named |= {name: [_alerting(each, runbooks) for each in alerts] for name, alerts in groups.items()}
    return [{"name": f"secrets-manager.{name}", "rules": rules} for name, rules in named.items()]


def prometheus_rule(runbooks: str = RUNBOOKS) -> str:
    """The manifest config/prometheus/rules.yaml."""
    labels = {"app.kubernetes.io/name": "secrets-manager", "app.kubernetes.io/component": "daemon"}
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "secrets-manager", "namespace": "secrets-manager", "labels": labels},
        "spec": {"groups": rule_groups(runbooks=runbooks)},
    }
    return _HEAD + to_yaml(manifest)


def to_yaml(content: Json) -> str:
    """YAML in the order of the keys; texts of several lines, and long ones, as blocks."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _recorded(recording: Recording) -> Json:
    return {"record": recording.name, "expr": recording.expr}


def _alerting(alert: Alert, runbooks: str) -> Json:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.after,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": runbook_url(alert.name, runbooks),
        },
    }


class _Dumper(yaml.SafeDumper):
    """With lists set in, and blocks for texts that need more than a line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the parent's
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > 80 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
