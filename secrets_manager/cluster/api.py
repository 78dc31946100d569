"""The API server over HTTPS: the only module that knows the official client.

The client gives what is hard and changes with Kubernetes: kubeconfig and in-cluster configuration, exec
plugins, TLS, proxies and tokens. The calls themselves are raw JSON over its connection pool, under our own
deadline, because its request path has neither a total timeout nor a way to switch off every retry.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger

from secrets_manager import __version__
from secrets_manager.cluster.base import ClusterTelemetry, Json, Page, Resource, Scope, WatchEvent
from secrets_manager.cluster.fresh_header import FreshHeader
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
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import beat_here
from secrets_manager.runtime.http import HttpClient, Reply, ReplyTooLarge, Request, Stream, TransportError

_OK = range(200, 300)
_LIMITS = Limits()

log = logging.getLogger("cluster.api")

# They come without type information.
_load_file: Callable[..., None] = load_kube_config
_load_in_cluster: Callable[..., None] = load_incluster_config
_merge_files: Callable[[str], Any] = KubeConfigMerger


class Credentials:
    """The official client's configuration, and the Authorization header it yields."""

    def __init__(self, kubeconfig: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read them; raises ConfigError."""
        self._kubeconfig = kubeconfig
        # The client writes what a kubeconfig holds inline, private keys included, to files here.
        self._folder = Path(tempfile.gettempdir()) / f"secrets-manager-{secrets.token_hex(8)}"
        try:
            self.configuration, self.costly = load_configuration(kubeconfig, self._folder)
            _check_trust(self.configuration)
        except ConfigError:
            self.close()
            raise
        self._newest = self.configuration
        self._fresh = FreshHeader(self, clock)

    def headers(self) -> dict[str, str]:
        """The headers of identity for the next call."""
        header = self._fresh.header()
        return {"Authorization": header} if header else {}

    def refused(self, headers: Mapping[str, str]) -> None:
        """The API server did not accept the identity in these ``headers``."""
        self._fresh.refused(headers.get("Authorization", ""))

    def known(self) -> str:
        """For FreshHeader."""
        with _hushed(), _as_config_error("credentials"):
            return _authorization(self._newest)

    def anew(self) -> str:
        """For FreshHeader."""
        self._newest, _ = load_configuration(self._kubeconfig, self._folder)
        return self.known()

    def close(self) -> None:
        """Remove the files that were written; no connection can be opened afterwards."""
        shutil.rmtree(self._folder, ignore_errors=True)


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
        configuration = credentials.configuration
        self._credentials = credentials
        self._telemetry = telemetry
        self._timeout = timeout
        self._limits = limits
        self._base = configuration.host.rstrip("/")
        self._host = urlsplit(self._base).netloc
        pools = RESTClientObject(configuration).pool_manager
        self._http = HttpClient(pools, watchdog)
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


def load_configuration(kubeconfig: str | None, folder: Path) -> tuple[Configuration, bool]:
    """The official client's configuration, and whether a plugin gives its credentials.

    From the first that applies, as controller-runtime has it: ``kubeconfig`` (flag or KUBECONFIG), the pod's
    service account, the user's own kubeconfig. What the client has to write to files goes to ``folder``.
    Raises ConfigError when none can be used.
    """
    source = f"kubeconfig {kubeconfig!r}" if kubeconfig else "in-cluster configuration or ~/.kube/config"
    configuration = Configuration()
    with _hushed(), _as_config_error(source):
        configuration.retries = False
        if kubeconfig is None:
            with contextlib.suppress(ConfigException):
                _load_in_cluster(client_configuration=configuration)
                return configuration, False
        files = kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
        _load_file(files, client_configuration=configuration, temp_file_path=str(folder))
        if str(configuration.proxy or "").startswith("socks"):
            raise ConfigError(f"{source}: SOCKS proxies are not supported; use an HTTP proxy")
        plugin = _has_plugin(files)
        if plugin and not _authorization(configuration) and not configuration.cert_file:
            raise ConfigError(f"{source}: its plugin gave no credentials; run the plugin by hand to see why")
    return configuration, plugin


def _has_plugin(files: str) -> bool:
    merged = _merge_files(files).config
    context = merged["contexts"].get_with_name(merged["current-context"])["context"]
    user = merged["users"].get_with_name(context.safe_get("user"), safe=True)
    return user is not None and any(kind in user["user"] for kind in ("exec", "auth-provider"))


def _authorization(configuration: Configuration) -> str:
    settings: Mapping[str, Any] = configuration.auth_settings()
    # A token file may end in a line break, which no header may hold.
    return str(settings.get("BearerToken", {}).get("value") or "").strip()


def _check_trust(configuration: Configuration) -> None:
    if not configuration.verify_ssl or not configuration.ssl_ca_cert:
        return
    try:
        ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    except (OSError, ValueError):
        raise ConfigError("the certificate authority of the API server cannot be read") from None


@contextlib.contextmanager
def _as_config_error(source: str) -> Iterator[None]:
    """Whatever the client makes of files that it cannot use; its text may quote them."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - from the YAML parser to a missing key
        raise ConfigError(f"{source} cannot be used ({type(error).__name__})") from None


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep the root logger silent: the client logs there whatever a failing plugin printed."""
    root = logging.getLogger()
    root.addFilter(_nothing)
    try:
        yield
    finally:
        root.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
