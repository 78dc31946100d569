"""The API server over HTTPS: raw JSON over the connection pool of the official client.

The calls are our own, under our own deadline, because the client's request path has neither a total timeout
nor a way to switch off every retry. The identity of the caller and the wiring of connections are in
`credentials`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

import orjson

from secrets_manager import __version__
from secrets_manager.cluster.base import ClusterTelemetry, Json, Page, Resource, Scope, WatchEvent, nothing
from secrets_manager.cluster.client.connections import Connections
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.paging import Lists
from secrets_manager.cluster.client.reply_checks import check_event, check_reply
from secrets_manager.cluster.client.status_errors import ApiCall, call_of, error_from_status
from secrets_manager.cluster.client.wire import (
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
from secrets_manager.runtime.http.client import HttpClient, Stream
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge, TimedOut, TlsFailed, TransportError
from secrets_manager.runtime.terms import Deadline

_OK = range(200, 300)
_MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"
_METADATA_ONLY = {
    "get": f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "list": f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "watch": f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
}
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
        self._connections = Connections(
            credentials, watchdog, kept=limits.connections, reply_bytes=limits.reply_bytes
        )
        self._lists = Lists(lambda path, about: self._sized("GET", path, about), limits)

    def get(self, resource: Resource, ref: Ref) -> Json:
        call = call_of(resource, "get", ref.namespace, ref.name)
        return self._json("GET", object_path(resource, ref.namespace, ref.name), call)

    def pages(self, scope: Scope) -> Iterator[Page]:
        return self._lists.pages(scope)

    def watch(
        self, scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        call = call_of(scope.resource, "watch", scope.namespace)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._limits.watch_seconds),
            "resourceVersion": resource_version,
        }
        with self._stream(scope_path(scope, query), call) as stream:
            opened()
            ends_at = time.monotonic() + self._limits.idle_seconds
            for line in stream.lines(self._limits.reply_bytes, line_timeout=self._limits.idle_seconds):
                yield check_event(watch_event(line, call), call)
                if time.monotonic() >= ends_at:
                    # The server was asked to end it: what is due at the end of a watch has to come.
                    return

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        name = (body.get("metadata") or {}).get("name", "")
        call = call_of(resource, "create", namespace, name)
        return self._json("POST", object_path(resource, namespace), call, body)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        call = call_of(resource, "create", namespace)
        self._json("POST", f"{object_path(resource, namespace)}?dryRun=All", call, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        uid = (body.get("metadata") or {}).get("uid", "")
        call = ApiCall(verb="update", resource=plural, namespace=ref.namespace, name=ref.name, uid=uid)
        path = object_path(resource, ref.namespace, ref.name, subresource)
        return self._json("PUT", path, call, body)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        call = call_of(resource, "patch", ref.namespace, ref.name)
        return self._json("PATCH", object_path(resource, ref.namespace, ref.name), call, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._delete(resource, ref, {"preconditions": dict(preconditions)})

    def orphan(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._delete(resource, ref, {"preconditions": dict(preconditions), "propagationPolicy": "Orphan"})

    def _delete(self, resource: Resource, ref: Ref, how: Json) -> None:
        call = ApiCall(
            verb="delete",
            resource=resource.plural,
            namespace=ref.namespace,
            name=ref.name,
            uid=how["preconditions"].get("uid", ""),
        )
        options = {"apiVersion": "v1", "kind": "DeleteOptions", **how}
        self._json("DELETE", object_path(resource, ref.namespace, ref.name), call, options)

    def versions_of(self, group: str) -> tuple[str, ...]:
        groups = json_object(self.fetch("/apis").body).get("groups")
        found = [each for each in groups or () if each.get("name") == group]
        served = [
            version
            for each in found
            for version in (each.get("preferredVersion"), *(each.get("versions") or ()))
            if version
        ]
        return tuple(dict.fromkeys(str(version.get("version")) for version in served))

    def fetch(self, path: str, *, accept: str = _JSON) -> Reply:
        """GET what is no object, such as the API server's own description; raises as ``get`` does.

        This is no part of the port: only a person's questions need it.
        """
        call = ApiCall(verb="get", resource=path, namespace=None)
        request = self._request("GET", path, call, self._deadline("GET"))
        request = replace(request, headers={**request.headers, "Accept": accept})
        try:
            reply = self._send(request, call)
        except ReplyTooLarge as error:
            raise ClusterUnavailable(f"{error}: {call}") from None
        if reply.status not in _OK:
            retry_after = reply.headers.get("Retry-After")
            raise error_from_status(reply.status, json_object(reply.body), call, retry_after)
        return reply

    def close(self) -> None:
        self._connections.close()
        self._credentials.close()

    def _json(self, method: str, path: str, call: ApiCall, body: Json | None = None) -> Json:
        try:
            return self._sized(method, path, call, body)[0]
        except ReplyTooLarge as error:
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _sized(self, method: str, path: str, call: ApiCall, body: Json | None = None) -> tuple[Json, int]:
        """The object that was replied and its size in bytes; raises ReplyTooLarge besides errors of ours."""
        # One deadline for both tries and for the wait for an identity: the permission to write lasts only
        # this long.
        deadline = self._deadline(method)
        request = self._request(method, path, call, deadline, None if body is None else orjson.dumps(body))
        try:
            return self._parsed(self._send(request, call), call)
        except ClusterUnauthorized:
            self._credentials.refused(request.headers)
            if deadline.left() <= 0:
                raise
            request = self._request(method, path, call, deadline, request.body)
            return self._parsed(self._send(request, call), call)

    def _send(self, request: Request, call: ApiCall) -> Reply:
        wiring, http = self._connections.current()
        try:
            try:
                return self._once(http, request)
            except TlsFailed:
                # A server that refuses our certificate may say so only after it got the request.
                if not self._credentials.distrusted(wiring) or request.method != "GET":
                    raise
            return self._once(self._connections.current()[1], request)
        except ReplyTooLarge:
            raise
        except TransportError as error:
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _once(self, http: HttpClient, request: Request) -> Reply:
        # Each call is bounded, so a thread that makes many calls is alive.
        beat_here()
        started = time.monotonic()
        if request.deadline.left() <= 0:
            raise TimedOut("no time was left for the call")
        code = "<error>"
        try:
            reply = http.call(request)
            code = str(reply.status)
        finally:
            self._telemetry.api_call(request.method, code, self._host, time.monotonic() - started)
        if reply.status != HTTPStatus.UNAUTHORIZED:
            self._credentials.accepted()
        return reply

    @contextlib.contextmanager
    def _stream(self, path: str, call: ApiCall) -> Iterator[Stream]:
        started = time.monotonic()
        code = "<error>"
        request = self._request("GET", path, call, self._deadline("GET"))
        wiring, http = self._connections.current()
        try:
            with http.stream(request, idle_timeout=self._limits.idle_seconds) as stream:
                code = self._opened(stream, started)
                if stream.status not in _OK:
                    raise self._refused(stream, request, call)
                if not is_json(stream.headers):
                    raise ClusterUnavailable(f"the reply is not a watch: {call}")
                yield stream
        except TransportError as error:
            if code == "<error>":
                self._telemetry.api_call("GET", code, self._host, time.monotonic() - started)
            if isinstance(error, TlsFailed):
                self._credentials.distrusted(wiring)
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _opened(self, stream: Stream, started: float) -> str:
        self._telemetry.api_call("GET", str(stream.status), self._host, time.monotonic() - started)
        return str(stream.status)

    def _refused(self, stream: Stream, request: Request, call: ApiCall) -> Exception:
        status = json_object(stream.read_all(self._deadline("GET")))
        error = error_from_status(stream.status, status, call, stream.headers.get("Retry-After"))
        if isinstance(error, ClusterUnauthorized):
            self._credentials.refused(request.headers)
        return error

    def _request(
        self, method: str, path: str, call: ApiCall, deadline: Deadline, body: bytes | None = None
    ) -> Request:
        headers = self._credentials.headers()
        headers["Accept"] = _METADATA_ONLY[call.verb] if call.metadata_only else _JSON
        headers["User-Agent"] = f"secrets-manager/{__version__}"
        if body is not None:
            headers["Content-Type"] = _MERGE_PATCH if method == "PATCH" else _JSON
        url = self._base + path
        return Request(method=method, url=url, headers=headers, body=body, deadline=deadline)

    def _deadline(self, method: str) -> Deadline:
        return Deadline.within(
            self._timeout if method == "GET" else min(self._timeout, self._limits.write_seconds)
        )

    @staticmethod
    def _parsed(reply: Reply, call: ApiCall) -> tuple[Json, int]:
        if reply.status not in _OK:
            raise error_from_status(
                reply.status, json_object(reply.body), call, reply.headers.get("Retry-After")
            )
        return check_reply(kubernetes_object(reply.body, call), call), len(reply.body)
