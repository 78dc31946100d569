"""A kubeconfig or a pod's service account, as the official client reads it; no other module imports that.

The client does the parts that are hard and change with Kubernetes: merged kubeconfigs, in-cluster
configuration, tokens of legacy providers. A plugin is run by us (`exec_plugin`), under a deadline.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes.client import Configuration
from kubernetes.config import ConfigException, incluster_config, load_incluster_config
from kubernetes.config.kube_config import (
    ENV_KUBECONFIG_PATH_SEPARATOR,
    KUBE_CONFIG_DEFAULT_LOCATION,
    FileOrData,
    KubeConfigLoader,
    KubeConfigMerger,
)
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from secrets_manager.cluster.client.exec_plugin import PluginAnswer, plugin_call, run_plugin
from secrets_manager.cluster.client.impersonation import impersonation
from secrets_manager.cluster.client.kube_context import check_context, namespace_of_pod
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.proxies import proxy_url
from secrets_manager.runtime.http.trust import TlsFiles
from secrets_manager.runtime.regular_file import Unreadable, path_of, refuse_irregular

# They come without type information.
_load_in_cluster: Callable[..., None] = load_incluster_config
_Loader: Any = KubeConfigLoader
_Merger: Callable[[str], Any] = KubeConfigMerger
_FileOrData: Callable[..., Any] = FileOrData

# As in the official client: credentials that expire this soon are renewed.
_AHEAD = timedelta(minutes=5)
_PLUGIN_EXTENSION = "client.authentication.k8s.io/exec"
_IN_NO_HEADER = re.compile(r"[^\x20-\x7e\xa0-\xff]")
_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_NAMED = {
    "ca_file": "the certificate authority of the API server",
    "certificate": "the client certificate",
    "key": "its key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration that was read.

    Attributes:
        configuration: the official client's.
        files: the authorities to trust, and our certificate.
        paths: every file that it was read from.
        proxy: the kubeconfig's own proxy-url, "" for none. Hidden: it may carry a password.
        costly: whether reading it again runs a plugin or asks a provider.
        expires: when a plugin's answer expires, None for never.
        impersonated: the headers that name somebody else to call for.
        namespace: the namespace of the context, or of the pod; "" where none is named.

    """

    configuration: Configuration
    files: TlsFiles
    paths: tuple[Path, ...]
    proxy: str = field(default="", repr=False)
    costly: bool = False
    expires: datetime | None = None
    impersonated: tuple[tuple[str, str], ...] = ()
    namespace: str = ""

    def __post_init__(self) -> None:
        """Raise ConfigError if an address cannot be used; its text may hold a password."""
        try:
            server = parse_url(str(self.configuration.host))
        except LocationParseError:
            server = Url()
        if not server.host:
            raise ConfigError("the address of the API server cannot be read: its host or port")
        if server.auth is not None:
            raise ConfigError("the address of the API server must not contain a user or password")
        if self.proxy:
            proxy_url(self.proxy)

    def authorization(self) -> str:
        """The Authorization header, "" for none; a token that the provider calls expired is renewed."""
        with _hushed(), _as_config_error("credentials"):
            return _authorization(self.configuration)

    def expired(self, now: datetime) -> bool:
        """Whether a plugin's answer expires so soon that the plugin has to run again."""
        return self.expires is not None and self.expires - now <= _AHEAD


def load_config(
    kubeconfig: str | None, folder: Path, environ: Mapping[str, str], context: str | None = None
) -> LoadedConfig:
    """Load the first configuration that exists, in the order of controller-runtime.

    The order is ``kubeconfig`` (flag or KUBECONFIG), the pod's service account, the user's own kubeconfig.
    ``context`` is one of a kubeconfig, so it rules the pod out; None is the one that the file says. Files
    that the client has to write go to ``folder``; ``environ`` is for plugins. Raises ConfigError when none
    can be used.
    """
    source = f"kubeconfig {kubeconfig!r}" if kubeconfig else "in-cluster configuration or ~/.kube/config"
    configuration = Configuration()
    with _hushed(), _as_config_error(source):
        configuration.retries = False
        if kubeconfig is None and context is None:
            token = Path(incluster_config.SERVICE_TOKEN_FILENAME)
            paths = (token, Path(incluster_config.SERVICE_CERT_FILENAME))
            _refuse_irregular(paths)
            with contextlib.suppress(ConfigException):
                _load_in_cluster(client_configuration=configuration)
                return LoadedConfig(
                    configuration=configuration,
                    files=_tls_files(configuration),
                    paths=paths,
                    namespace=namespace_of_pod(token.with_name("namespace")),
                )
        files = kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
        _refuse_irregular(_kubeconfigs(files))
        merged = _Merger(files)
        if merged.config is None:
            without_a_pod = kubeconfig is None and context is None
            nowhere = "there is no service account of a pod, and " if without_a_pod else ""
            raise ConfigError(f"{nowhere}kubeconfig {files!r} does not exist")
        whole = _plain(merged.config)
        contexts = [str(_plain(each).get("name")) for each in whole.get("contexts") or ()]
        check_context(contexts, context or str(whole.get("current-context") or ""), files)
        return _by_kubeconfig(files, configuration, _PluginLoader(merged, folder, environ, context))


def _by_kubeconfig(files: str, configuration: Configuration, loader: _PluginLoader) -> LoadedConfig:
    _refuse_irregular(loader.files())
    loader.load_and_set(configuration)
    proxy = str(loader.cluster.get("proxy-url") or "")
    if proxy.startswith("socks"):
        raise ConfigError(f"kubeconfig {files!r}: SOCKS proxies are not supported; use an HTTP proxy")
    user = loader.user
    costly = "exec" in user or "auth-provider" in user
    if costly and not _authorization(configuration) and not configuration.cert_file:
        raise ConfigError("its plugin returned no credentials; run the plugin by hand to see why")
    return LoadedConfig(
        configuration=configuration,
        files=_tls_files(configuration),
        paths=(*_kubeconfigs(files), *loader.files()),
        proxy=proxy,
        costly=costly,
        expires=loader.answer.expires if loader.answer else None,
        impersonated=impersonation(user),
        namespace=loader.namespace,
    )


class _PluginLoader(_Loader):  # type: ignore[misc]
    """The client's loader with our way to run plugins."""

    def __init__(
        self, merged: Any, folder: Path, environ: Mapping[str, str], context: str | None = None
    ) -> None:
        super().__init__(
            config_dict=merged.config,
            active_context=context,
            config_base_path=None,
            config_persister=merged.save_changes,
            temp_file_path=str(folder),
        )
        self._environ = environ
        self.answer: PluginAnswer | None = None

    @property
    def user(self) -> Mapping[str, Any]:
        """The user's section, as it stands."""
        return _plain(self._user)

    @property
    def cluster(self) -> Mapping[str, Any]:
        """The cluster's section, as it stands."""
        return _plain(self._cluster)

    @property
    def namespace(self) -> str:
        """The namespace of the context, "" where it names none."""
        return str(_plain(self._current_context["context"]).get("namespace") or "")

    def files(self) -> list[Path]:
        """The files that the two sections name."""
        named = [
            (section, node)
            for section, node in ((self.cluster, self._cluster), (self.user, self._user))
            if node is not None
        ]
        return [
            Path(self._get_base_path(node.path), str(section[key]))
            for section, node in named
            for key in _FILE_KEYS
            if section.get(key)
        ]

    def _load_from_exec_plugin(self) -> bool | None:
        if "exec" not in self._user:
            return None
        # Paths are relative to the kubeconfig that has them: the user and the cluster may be in two files.
        base = self._get_base_path(self._user.path)
        spec, info = _plain(self._user["exec"]), self._cluster_info(self._get_base_path(self._cluster.path))
        answer = self.answer = run_plugin(plugin_call(spec, info, base, self._environ))
        if answer.token:
            self.token = f"Bearer {answer.token}"
        if answer.certificate:
            self.cert_file = self._file(base, answer.certificate)
            self.key_file = self._file(base, answer.key)
        return True

    def _file(self, base: str, content: str) -> str:
        written = _FileOrData(
            {"data": content},
            None,
            data_key_name="data",
            file_base_path=base,
            base64_file_content=False,
            temp_file_path=self._temp_file_path,
        )
        return str(written.as_file())

    def _cluster_info(self, base: str) -> dict[str, Any]:
        """The description of the cluster for a plugin, in the words of ExecCredential."""
        section = self.cluster
        kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
        info = {name: section[name] for name in kept if name in section}
        authority = _FileOrData(self._cluster, "certificate-authority", file_base_path=base).as_data()
        if authority:
            info["certificate-authority-data"] = authority
        for extension in section.get("extensions") or ():
            if extension.get("name") == _PLUGIN_EXTENSION:
                info["config"] = extension.get("extension")
        return info


def _plain(node: Any) -> Mapping[str, Any]:
    value = getattr(node, "value", node)
    return value if isinstance(value, dict) else {}


def _kubeconfigs(files: str) -> Iterator[Path]:
    return (path_of(name) for name in files.split(ENV_KUBECONFIG_PATH_SEPARATOR) if name)


def _refuse_irregular(paths: Iterable[Path]) -> None:
    """Raise ConfigError for a pipe, a folder or a device: the client would wait for it, or read for ever."""
    for path in paths:
        try:
            refuse_irregular(path)
        except Unreadable as fault:
            raise ConfigError(f"the file {str(path)!r} {fault}") from None


def _tls_files(configuration: Configuration) -> TlsFiles:
    return TlsFiles(
        ca_file=str(configuration.ssl_ca_cert or "") if configuration.verify_ssl else "",
        certificate=str(configuration.cert_file or ""),
        key=str(configuration.key_file or ""),
        verify=bool(configuration.verify_ssl),
        named=_NAMED,
    )


def _authorization(configuration: Configuration) -> str:
    settings: Mapping[str, Any] = configuration.auth_settings()
    scheme, _, token = str(settings.get("BearerToken", {}).get("value") or "").partition(" ")
    # A file may end in a line break, or begin with a byte order mark, which no header may hold.
    token = token.replace("\ufeff", "").strip()
    if found := _IN_NO_HEADER.search(token):
        raise ConfigError(
            f"the token has a character that is not allowed in a header (U+{ord(found[0]):04X})"
        )
    # A file may hold nothing but blanks for a moment.
    return f"{scheme} {token}" if token else ""


def wall_clock() -> datetime:
    """The wall clock, in which the expiry of credentials is given."""
    return datetime.now(UTC)


@contextlib.contextmanager
def _as_config_error(source: str) -> Iterator[None]:
    """Turn any error of the client about unusable files into a ConfigError; its own text may quote them."""
    try:
        yield
    except ConfigError as error:
        if error.message.startswith(("its ", "the ")):
            raise ConfigError(f"{source}: {error.message}") from None
        raise
    except Exception as error:  # noqa: BLE001 - from the YAML parser to a missing key
        raise ConfigError(f"{source} {_fault_of(error)}") from None


def _fault_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    # Whoever imports the YAML parser for its errors would have to import it first.
    if type(error).__module__.startswith("yaml."):
        return "is not valid YAML"
    return f"cannot be used ({type(error).__name__})"


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep the root logger silent: the client logs the output of a failing provider there."""
    root = logging.getLogger()
    root.addFilter(_nothing)
    try:
        yield
    finally:
        root.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
