"""Where the API server is and who calls it: the only module that knows the official client.

The client gives what is hard and changes with Kubernetes: kubeconfig and in-cluster configuration, exec
plugins, TLS, proxies and tokens.
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

from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger
from urllib3 import PoolManager

from secrets_manager.cluster.fresh_header import FreshHeader
from secrets_manager.domain.errors import ConfigError

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

    @property
    def base(self) -> str:
        """The URL of the API server, without a slash at its end."""
        return str(self.configuration.host).rstrip("/")

    def pools(self) -> PoolManager:
        """Connections of one's own to the API server."""
        pools: PoolManager = RESTClientObject(self.configuration).pool_manager
        return pools

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
