"""A thin JSON client of the API server, for tests to read and change the cluster.

Knows nothing of `secrets_manager`, retries nothing and caches nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

__all__ = ["ApiError", "KubeApi", "definitions", "events", "leases", "namespaces", "secrets"]

Json = dict[str, Any]


class ApiError(Exception):
    """The API server said no: HTTP `status`, and `reason` and message of its Status object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def secrets(namespace: str, name: str = "") -> str:
    """The path of a namespace's Secrets, or of one."""
    return _join(f"/api/v1/namespaces/{namespace}/secrets", name)


def events(namespace: str) -> str:
    """The path of a namespace's Events."""
    return f"/api/v1/namespaces/{namespace}/events"


def definitions(namespace: str, name: str = "") -> str:
    """The path of a namespace's SecretDefinitions, or of one."""
    group = "/apis/secrets-manager.tuenti.io/v1alpha1"
    return _join(f"{group}/namespaces/{namespace}/secretdefinitions", name)


def leases(namespace: str, name: str = "") -> str:
    """The path of a namespace's Leases, or of one."""
    return _join(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", name)


def namespaces(name: str = "") -> str:
    """The path of the namespaces, or of one."""
    return _join("/api/v1/namespaces", name)


class KubeApi:
    """Calls as the user of one bearer token; paths are those of the REST API, queries are keywords."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        self._url = url
        self._token = token
        self._http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=30, maxsize=4)

    def __repr__(self) -> str:
        return f"KubeApi({self._url!r})"

    def close(self) -> None:
        """Give up the connections."""
        self._http.clear()

    def get(self, path: str, **query: object) -> Json:
        """The object at `path`; ApiError if there is none."""
        return self._call("GET", path, query=query)

    def find(self, path: str) -> Json | None:
        """The object at `path`, or None if there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, **query: object) -> list[Json]:
        """The items of the list at `path`."""
        items: list[Json] = self.get(path, **query)["items"]
        return items

    def post(self, path: str, body: Json) -> Json:
        """Create in the collection at `path`."""
        return self._call("POST", path, body)

    def post_text(self, path: str, body: bytes) -> None:
        """Create from JSON that Python cannot make, or could not read again."""
        self._send("POST", path, body)

    def put(self, path: str, body: Json) -> Json:
        """Replace the object at `path`."""
        return self._call("PUT", path, body)

    def patch(self, path: str, body: Json) -> Json:
        """Merge into the object at `path`."""
        return self._call("PATCH", path, body)

    def delete(self, path: str, body: Json | None = None) -> Json:
        """Delete the object, or the whole collection, at `path`."""
        return self._call("DELETE", path, body)

    def secret_data(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """The decoded data of a Secret, or None if there is none."""
        found = self.find(secrets(namespace, name))
        if found is None:
            return None
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}

    @contextmanager
    def watch(self, path: str, **query: object) -> Iterator[Iterator[Json]]:
        """A watch on the collection at `path`, as an iterator of events (`{"type": ..., "object": ...}`)."""
        answer = self._send("GET", path, query={**query, "watch": "1"}, stream=True)
        try:
            yield (json.loads(line) for line in _lines(answer))
        finally:
            answer.close()

    def _call(
        self, method: str, path: str, body: Json | None = None, *, query: dict[str, object] | None = None
    ) -> Json:
        answer = self._send(method, path, body, query=query)
        parsed: Json = json.loads(answer.data)
        return parsed

    def _send(
        self,
        method: str,
        path: str,
        body: Json | bytes | None = None,
        *,
        query: dict[str, object] | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = self._http.request(
            method,
            f"{self._url}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=json.dumps(body).encode() if isinstance(body, dict) else body,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
            preload_content=not stream,
        )
        if answer.status >= 400:
            raise _api_error(answer)
        return answer


def _api_error(answer: urllib3.BaseHTTPResponse) -> ApiError:
    try:
        status = json.loads(answer.data)
    except ValueError:
        status = {}
    return ApiError(answer.status, status.get("reason", ""), status.get("message", ""))


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(amt=None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line)


def _join(collection: str, name: str) -> str:
    return f"{collection}/{name}" if name else collection
