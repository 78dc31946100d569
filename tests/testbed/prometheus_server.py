"""Prometheus on loopback: scrapes targets that come and go, evaluates rules, and answers queries.

Knows nothing of what it scrapes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import urllib3
import yaml

from tests.testbed.module_programs import prometheus_program
from tests.testbed.processes import ServerProcess, free_port
from tests.testbed.waiting import wait_until

__all__ = ["Prometheus", "Sample"]

Json = dict[str, Any]
Sample = tuple[dict[str, str], float]

_INTERVAL = "1s"


class Prometheus:
    """One server that looks each second; started as a context manager. Its data is gone with its folder."""

    def __init__(self, folder: Path, rules: Mapping[str, Any], endpoint: Mapping[str, Any]) -> None:
        """``rules`` is the content of a file of rules; ``endpoint`` that of a ServiceMonitor."""
        folder.mkdir(parents=True, exist_ok=True)
        self._targets = folder / "targets.json"
        self._groups: list[Json] = []
        self.url = f"http://127.0.0.1:{free_port()}"
        self._http = urllib3.PoolManager(retries=False, timeout=20)
        self._publish()
        (folder / "rules.yaml").write_text(json.dumps(rules), encoding="utf-8")
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(_config(endpoint)), encoding="utf-8")
        command = [
            str(prometheus_program()),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--log.level=warn",
        ]
        self._process = ServerProcess("prometheus", command, log=folder / "prometheus.log")

    def __enter__(self) -> Self:
        self._process.start(self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._http.clear()

    def scrape(self, port: int, **labels: str) -> None:
        """Scrape a port of this machine from now on; ``labels`` are those that a pod would get, and `job`."""
        self._groups.append({"targets": [f"127.0.0.1:{port}"], "labels": labels})
        self._publish()

    def forget(self, port: int) -> None:
        """Scrape a port no more."""
        target = f"127.0.0.1:{port}"
        self._groups = [group for group in self._groups if group["targets"] != [target]]
        self._publish()

    def query(self, expr: str) -> list[Sample]:
        """What an expression gives now: the labels and the value of each series."""
        found = self._get("query", query=expr)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def over_time(self, expr: str, since: float) -> list[tuple[dict[str, str], list[float]]]:
        """What an expression gave each second since a Unix time: labels and values of each series."""
        found = self._get("query_range", query=expr, start=str(since), end=str(time.time()), step="1")
        return [(each["metric"], [float(value) for _, value in each["values"]]) for each in found["result"]]

    def values(self, name: str, matcher: str) -> list[str]:
        """The values that a label has in the series that match."""
        found: list[str] = self._get(f"label/{name}/values", **{"match[]": matcher})
        return found

    def alerts(self) -> list[Json]:
        """The alerts that are pending or firing, each with `labels`, `annotations` and `state`."""
        found: list[Json] = self._get("alerts")["alerts"]
        return found

    def rules(self) -> list[Json]:
        """The rules, each with `name`, `health` and, where it failed, `lastError`."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def wait_for(self, expr: str, timeout: float = 60.0) -> list[Sample]:
        """Wait until an expression gives something; returns it."""
        return wait_until(lambda: self.query(expr), timeout, expr, 0.2)

    def _publish(self) -> None:
        # In one step, since the server reads it when it pleases.
        partial = self._targets.with_suffix(".partial")
        partial.write_text(json.dumps(self._groups), encoding="utf-8")
        partial.rename(self._targets)

    def _ready(self) -> bool:
        try:
            return self._http.request("GET", f"{self.url}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _get(self, path: str, **fields: str) -> Any:
        answer = self._http.request("GET", f"{self.url}/api/v1/{path}", fields=fields)
        parsed = json.loads(answer.data)
        assert parsed["status"] == "success", parsed["error"]
        return parsed["data"]


def _config(endpoint: Mapping[str, Any]) -> Json:
    """One job for all targets, which say themselves which job they are of, as the operator would write it."""
    targets: Sequence[Json] = [{"files": ["targets.json"]}]
    scraped = {
        "job_name": "any",
        "metrics_path": endpoint["path"],
        "honor_labels": endpoint["honorLabels"],
        "file_sd_configs": targets,
    }
    return {
        "global": {
            "scrape_interval": _INTERVAL,
            "scrape_timeout": _INTERVAL,
            "evaluation_interval": _INTERVAL,
        },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scraped],
    }
