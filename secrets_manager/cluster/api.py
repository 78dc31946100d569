"""The API server over HTTPS: raw JSON over the connection pool of the official client.

The calls are our own, under our own deadline, because the client's request path has neither a total timeout
nor a way to switch off every retry. Who calls, and how a connection comes about, is in `credentials`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import orjson

from secrets_manager import __version__
from secrets_manager.cluster.base import ClusterTelemetry, Json, Page, Resource, Scope, WatchEvent
from secrets_manager.cluster.credentials import Credentials
from secrets_manager.cluster.paging import Lists
from secrets_manager.cluster.status_errors import Call, from_status
from secrets_manager.cluster.wire import (
    Limits,
    is_json,
    json_object,
    kubernetes_object,
    object_path,
    scope_path,
    watch_event,
)
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import beat_here
from secrets_manager.runtime.http import HttpClient, Stream
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.transport_errors import ReplyTooLarge, TransportError

_OK = range(200, 300)
_LIMITS = Limits()


class HttpKubernetesApi:
    """KubernetesApi over the wire; safe to call from many threads."""

    def __init__(
        self,
        credentials: Credentials,
        watchdog: Watchdog,
        telemetry: ClusterTelemetry,
        *,
        timeout: float,
        limits: Limits = _LIMITS,
    ) -> None:
        """Call as ``credentials``; ``timeout`` is that of one call in seconds, connect and body included."""
        self._credentials = credentials
        self._telemetry = telemetry
        self._timeout = timeout
        self._limits = limits
        self._base = credentials.base
        self._host = urlsplit(self._base).netloc
        self._http = HttpClient(credentials.pools(), watchdog)
        self._lists = Lists(lambda path, about: self._sized("GET", path, about), limits)

    def get(self, resource: Resource, ref: Ref) -> Json:
        call = Call(verb="get", resource=resource.plural, namespace=ref.namespace, name=ref.name)
        return self._json("GET", object_path(resource, ref.namespace, ref.name), call)

    def pages(self, scope: Scope) -> Iterator[Page]:
        return self._lists.pages(scope)

    def watch(self, scope: Scope, resource_version: str) -> Iterator[WatchEvent]:
        call = Call(verb="watch", resource=scope.resource.plural, namespace=scope.namespace)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._limits.watch_seconds),
            "resourceVersion": resource_version,
        }
        with self._stream(scope_path(scope, query), call) as stream:
            for line in stream.lines():
                if line:
                    yield watch_event(line, call)

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        name = (body.get("metadata") or {}).get("name", "")
        call = Call(verb="create", resource=resource.plural, namespace=namespace, name=name)
        return self._json("POST", object_path(resource, namespace), call, body)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        call = Call(verb="create", resource=resource.plural, namespace=namespace)
        self._json("POST", f"{object_path(resource, namespace)}?dryRun=All", call, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        call = Call(verb="update", resource=plural, namespace=ref.namespace, name=ref.name)
        path = object_path(resource, ref.namespace, ref.name, subresource)
        return self._json("PUT", path, call, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        call = Call(verb="delete", resource=resource.plural, namespace=ref.namespace, name=ref.name)
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": dict(preconditions)}
        self._json("DELETE", object_path(resource, ref.namespace, ref.name), call, options)

    def close(self) -> None:
        self._http.close()
        self._credentials.close()

    def _json(self, method: str, path: str, call: Call, body: Json | None = None) -> Json:
        try:
            return self._sized(method, path, call, body)[0]
        except ReplyTooLarge as error:
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _sized(self, method: str, path: str, call: Call, body: Json | None = None) -> tuple[Json, int]:
        """The object that was replied and its size in bytes; raises ReplyTooLarge besides errors of ours."""
        request = self._request(method, path, None if body is None else orjson.dumps(body))
        try:
            return self._parsed(self._send(request, call), call)
        except ClusterUnauthorized:
            self._credentials.refused(request.headers)
            request = self._request(method, path, request.body)
            return self._parsed(self._send(request, call), call)

    def _send(self, request: Request, call: Call) -> Reply:
        # One call has its time; who makes many is not dead.
        beat_here()
        started = time.monotonic()
        code = "<error>"
        try:
            reply = self._http.call(request)
            code = str(reply.status)
        except ReplyTooLarge:
            raise
        except TransportError as error:
            raise ClusterUnavailable(f"{error}: {call}") from None
        finally:
            self._telemetry.api_call(request.method, code, self._host, time.monotonic() - started)
        return reply

    @contextlib.contextmanager
    def _stream(self, path: str, call: Call) -> Iterator[Stream]:
        started = time.monotonic()
        code = "<error>"
        request = self._request("GET", path, None)
        try:
            with self._http.stream(request, idle_timeout=self._limits.idle_seconds) as stream:
                code = self._opened(stream, started)
                if stream.status not in _OK:
                    raise self._refused(stream, request, call)
                if not is_json(stream.headers):
                    raise ClusterUnavailable(f"the reply is not a watch: {call}")
                yield stream
        except TransportError as error:
            if code == "<error>":
                self._telemetry.api_call("GET", code, self._host, time.monotonic() - started)
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _opened(self, stream: Stream, started: float) -> str:
        self._telemetry.api_call("GET", str(stream.status), self._host, time.monotonic() - started)
        return str(stream.status)

    def _refused(self, stream: Stream, request: Request, call: Call) -> Exception:
        status = json_object(stream.read_all())
        error = from_status(stream.status, status, call, stream.headers.get("Retry-After"))
        if isinstance(error, ClusterUnauthorized):
            self._credentials.refused(request.headers)
        return error

    def _request(self, method: str, path: str, body: bytes | None) -> Request:
        headers = {"Accept": "application/json", "User-Agent": f"secrets-manager/{__version__}"}
        headers.update(self._credentials.headers())
        if body is not None:
            headers["Content-Type"] = "application/json"
        timeout = self._timeout if method == "GET" else min(self._timeout, self._limits.write_seconds)
        return Request(method=method, url=self._base + path, headers=headers, body=body, timeout=timeout)

    @staticmethod
    def _parsed(reply: Reply, call: Call) -> tuple[Json, int]:
        if reply.status not in _OK:
            raise from_status(reply.status, json_object(reply.body), call, reply.headers.get("Retry-After"))
        return kubernetes_object(reply.body, call), len(reply.body)
