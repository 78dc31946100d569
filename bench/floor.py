"""A program of its own: the least that Python can do to bring N Secrets into a cluster.

Threads, `http.client` and nothing else: one read of the backend, one POST of a Secret and one PUT of a status
per definition; no watch, no comparison, no retry, no queue. The costs of the daemon beyond this are those
of its guarantees. It reads a Job as JSON from its input and writes its own times and memory as JSON. A Job
may ask for some of the three calls only.
It imports nothing of the project, so that nothing of the project is in its figures.
"""

from __future__ import annotations

import base64
import http.client
import json
import resource
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

_THREADS = 16
_GROUP = "/apis/secrets-manager.tuenti.io/v1alpha1"
_NOW = "2026-01-02T03:04:05Z"

Json = dict[str, Any]


class Worker(threading.Thread):
    """One connection to each server, and a share of the definitions."""

    def __init__(self, job: Json, items: Iterator[Json], lock: threading.Lock) -> None:
        super().__init__()
        self._job = job
        self._items = items
        self._lock = lock
        self._api = http.client.HTTPSConnection(
            job["api"], context=ssl.create_default_context(cafile=job["ca_file"])
        )
        self._bao = http.client.HTTPConnection(job["bao"])
        self.done = 0

    def run(self) -> None:
        """Take definitions until there are none left."""
        while True:
            with self._lock:
                item = next(self._items, None)
            if item is None:
                return
            self._bring(item)
            self.done += 1

    def _bring(self, item: Json) -> None:
        namespace, steps = item["namespace"], self._job["steps"]
        token = {"X-Vault-Token": self._job["bao_token"], "X-Vault-Request": "true"}
        values = item["values"]
        if "read" in steps:
            values = _call(self._bao, "GET", f"/v1/{item['path']}", token)["data"]["data"]
        bearer = {"Authorization": f"Bearer {self._job['api_token']}", "Content-Type": "application/json"}
        if "create" in steps:
            _call(self._api, "POST", f"/api/v1/namespaces/{namespace}/secrets", bearer, _secret(item, values))
        if "status" in steps:
            path = f"{_GROUP}/namespaces/{namespace}/secretdefinitions/{item['name']}/status"
            _call(self._api, "PUT", path, bearer, _status(item))


def main() -> None:
    """Do the job of standard input."""
    job = json.load(sys.stdin)
    items, lock = iter(job["items"]), threading.Lock()
    workers = [Worker(job, items, lock) for _ in range(_THREADS)]
    began, cpu_before = time.monotonic(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds, loop_cpu = time.monotonic() - began, time.process_time() - cpu_before
    usage = resource.getrusage(resource.RUSAGE_SELF)
    report = {
        "done": sum(worker.done for worker in workers),
        "loop_seconds": seconds,
        "loop_cpu_seconds": loop_cpu,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": _peak_kib() / 1024,
    }
    print(json.dumps(report))


def _peak_kib() -> int:
    """From /proc, as ru_maxrss still knows of the process that started this one."""
    with open("/proc/self/status") as lines:  # noqa: PTH123 - the floor loads no more than it needs
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: dict[str, str],
    body: Json | None = None,
) -> Json:
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"floor: {method} {path} was answered with {answer.status}")
    parsed: Json = json.loads(text)
    return parsed


def _secret(item: Json, values: dict[str, str]) -> Json:
    """As large as the Secrets that the daemon writes."""
    owner = {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "name": item["name"],
        "uid": item["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }
    metadata = {
        "name": item["name"],
        "labels": {"app.kubernetes.io/managed-by": "secrets-manager"},
        "annotations": {"secrets-manager.tuenti.io/lastUpdateTime": "2026-01-02T03.04.05Z"},
        "ownerReferences": [owner],
    }
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _status(item: Json) -> Json:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Synced",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": _NOW,
    }
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": item["name"], "resourceVersion": item["version"]},
        "status": {
            "observedGeneration": 1,
            "secretName": item["name"],
            "conditions": [condition],
            "sources": [{"path": item["path"], "version": "1"}],
        },
    }


if __name__ == "__main__":
    main()
