"""The API server over HTTPS: the only module that knows the official client.

The client gives what is hard and changes with Kubernetes: kubeconfig and in-cluster configuration, exec
plugins, TLS, proxies and tokens. The calls themselves are raw JSON over its connection pool, under our own
deadline, because its request path has neither a total timeout nor a way to switch off every retry.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from secrets_manager import __version__
from secrets_manager.cluster.base import ClusterTelemetry, Json, Page, Resource, Scope, WatchEvent
from secrets_manager.cluster.status_errors import Call, from_status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http import HttpClient, Reply, Request, Stream, TransportError

PAGE_SIZE = 500
# The server ends a watch after a minute; silence for a quarter longer means the connection is dead.
WATCH_SECONDS = 60
_WATCH_IDLE_SECONDS = 75.0
_AUTHORIZATION_SECONDS = 30.0
_OK = range(200, 300)
# A list of Secrets holds up to 500 of them, and each may be a megabyte.
_MAX_LIST_BYTES = 768 * 1024 * 1024

log = logging.getLogger("cluster.api")

# Both come without type information.
_load_file: Callable[..., None] = load_kube_config
_load_in_cluster: Callable[..., None] = load_incluster_config


class Credentials:
    """The official client's configuration, and the Authorization header it yields.

    Read anew every half minute of monotonic time and at once after a 401: service-account tokens are rotated,
    and the client's own refresh goes by the wall clock, which may be set back.
    """

    def __init__(self, kubeconfig: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self.configuration = load_configuration(kubeconfig)
        self._read_at = time.monotonic()
        self._header = _authorization(self.configuration)

    def headers(self) -> dict[str, str]:
        """The headers of identity for the next call."""
        if time.monotonic() - self._read_at > _AUTHORIZATION_SECONDS:
            self.reload()
        return {"Authorization": self._header} if self._header else {}

    def reload(self) -> None:
        """Read the credentials again; those known stay in use when that fails."""
        with self._lock:
            self._read_at = time.monotonic()
            try:
                self._header = _authorization(load_configuration(self._kubeconfig))
            except ConfigError as error:
                log.warning("credentials could not be read again", extra={"reason": error.reason})


class HttpKubernetesApi:
    """KubernetesApi over the wire; safe to call from many threads."""

    def __init__(
        self, credentials: Credentials, watchdog: Watchdog, telemetry: ClusterTelemetry, *, timeout: float
    ) -> None:
        configuration = credentials.configuration
        self._credentials = credentials
        self._telemetry = telemetry
        self._timeout = timeout
        self._base = configuration.host.rstrip("/")
        self._host = urlsplit(self._base).netloc
        pools = RESTClientObject(configuration).pool_manager
        self._http = HttpClient(pools, watchdog, max_bytes=_MAX_LIST_BYTES)

    def get(self, resource: Resource, ref: Ref) -> Json:
        call = Call(verb="get", resource=resource.plural, namespace=ref.namespace, name=ref.name)
        return self._json("GET", _path(resource, ref.namespace, ref.name), call)

    def pages(self, scope: Scope) -> Iterator[Page]:
        call = Call(verb="list", resource=scope.resource.plural, namespace=scope.namespace)
        query = {"limit": str(PAGE_SIZE), **_selector(scope)}
        while True:
            path = f"{_path(scope.resource, scope.namespace)}?{urlencode(query)}"
            reply = self._json("GET", path, call)
            metadata = reply.get("metadata") or {}
            yield Page(reply.get("items") or [], str(metadata.get("resourceVersion", "")))
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    def watch(self, scope: Scope, resource_version: str) -> Iterator[WatchEvent]:
        call = Call(verb="watch", resource=scope.resource.plural, namespace=scope.namespace)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
            "resourceVersion": resource_version,
            **_selector(scope),
        }
        path = f"{_path(scope.resource, scope.namespace)}?{urlencode(query)}"
        with self._stream(path, call) as stream:
            for line in stream.lines():
                if line:
                    yield _watch_event(line, call)

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        name = (body.get("metadata") or {}).get("name", "")
        call = Call(verb="create", resource=resource.plural, namespace=namespace, name=name)
        return self._json("POST", _path(resource, namespace), call, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        call = Call(verb="update", resource=plural, namespace=ref.namespace, name=ref.name)
        return self._json("PUT", _path(resource, ref.namespace, ref.name, subresource), call, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        call = Call(verb="delete", resource=resource.plural, namespace=ref.namespace, name=ref.name)
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": dict(preconditions)}
        self._json("DELETE", _path(resource, ref.namespace, ref.name), call, options)

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _json(self, method: str, path: str, call: Call, body: Json | None = None) -> Json:
        payload = None if body is None else orjson.dumps(body)
        try:
            return self._parsed(self._send(method, path, payload, call), call)
        except ClusterUnauthorized:
            self._credentials.reload()
            return self._parsed(self._send(method, path, payload, call), call)

    def _send(self, method: str, path: str, body: bytes | None, call: Call) -> Reply:
        started = time.monotonic()
        code = "<error>"
        try:
            reply = self._http.call(self._request(method, path, body))
            code = str(reply.status)
        except TransportError as error:
            raise ClusterUnavailable(f"{error}: {call}") from None
        finally:
            self._telemetry.api_call(method, code, self._host, time.monotonic() - started)
        return reply

    @contextlib.contextmanager
    def _stream(self, path: str, call: Call) -> Iterator[Stream]:
        started = time.monotonic()
        request = self._request("GET", path, None)
        try:
            with self._http.stream(request, idle_timeout=_WATCH_IDLE_SECONDS) as stream:
                self._telemetry.api_call("GET", str(stream.status), self._host, time.monotonic() - started)
                if stream.status not in _OK:
                    self._refused(stream, call)
                yield stream
        except TransportError as error:
            raise ClusterUnavailable(f"{error}: {call}") from None

    def _refused(self, stream: Stream, call: Call) -> None:
        error = from_status(
            stream.status, _object(stream.read_all()), call, stream.headers.get("Retry-After")
        )
        if isinstance(error, ClusterUnauthorized):
            self._credentials.reload()
        raise error

    def _request(self, method: str, path: str, body: bytes | None) -> Request:
        headers = {"Accept": "application/json", "User-Agent": f"secrets-manager/{__version__}"}
        headers.update(self._credentials.headers())
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Request(
            method=method, url=self._base + path, headers=headers, body=body, timeout=self._timeout
        )

    @staticmethod
    def _parsed(reply: Reply, call: Call) -> Json:
        if reply.status not in _OK:
            raise from_status(reply.status, _object(reply.body), call, reply.headers.get("Retry-After"))
        parsed = _object(reply.body)
        if not parsed:
            raise ClusterUnavailable(f"the reply is not a JSON object: {call}")
        return parsed


def load_configuration(kubeconfig: str | None) -> Configuration:
    """The official client's configuration, from the first that applies, as controller-runtime has it.

    ``kubeconfig`` (flag or KUBECONFIG), the pod's service account, then the user's own kubeconfig. Raises
    ConfigError when none can be read.
    """
    configuration = Configuration()
    try:
        if kubeconfig:
            _load_file(config_file=kubeconfig, client_configuration=configuration)
        else:
            _load_ambient(configuration)
    except (ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        source = f"kubeconfig {kubeconfig!r}" if kubeconfig else "in-cluster configuration or ~/.kube/config"
        raise ConfigError(f"{source} cannot be used ({type(error).__name__})") from None
    configuration.retries = False
    return configuration


def _load_ambient(configuration: Configuration) -> None:
    try:
        _load_in_cluster(client_configuration=configuration)
    except ConfigException:
        _load_file(client_configuration=configuration)


def _authorization(configuration: Configuration) -> str:
    settings: Mapping[str, Any] = configuration.auth_settings()
    token = settings.get("BearerToken", {}).get("value")
    if token:
        return str(token)
    if configuration.username:
        return str(configuration.get_basic_auth_token())
    return ""


def _path(resource: Resource, namespace: str | None, name: str = "", subresource: str = "") -> str:
    parts = ["", resource.prefix]
    if namespace is not None:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource.plural)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/".join(parts)


def _selector(scope: Scope) -> dict[str, str]:
    return {"labelSelector": scope.selector} if scope.selector else {}


def _watch_event(line: bytes, call: Call) -> WatchEvent:
    event = _object(line)
    kind, obj = event.get("type"), event.get("object")
    if not isinstance(kind, str) or not isinstance(obj, dict):
        raise ClusterUnavailable(f"a line of the watch is not an event: {call}")
    if kind == "ERROR":
        code = obj.get("code")
        raise from_status(code if isinstance(code, int) else 500, obj, call, None)
    return WatchEvent(kind, obj)


def _object(body: bytes) -> Json:
    """The JSON object in ``body``, or {} when it is none."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
