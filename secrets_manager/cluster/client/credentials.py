"""The address of the API server, the wiring of connections to it, and the identity of the daemon there.

All of it is read again when one of its files changes, when a plugin's answer expires, and when the API server
refuses it. The last usable state stays in force while the newest cannot be used.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from urllib3 import HTTPHeaderDict
from urllib3.util import parse_url

from secrets_manager.cluster.client.exec_plugin import end_plugins
from secrets_manager.cluster.client.fresh_header import FreshHeader
from secrets_manager.cluster.client.impersonation import impersonation
from secrets_manager.cluster.client.kubeconfig import LoadedConfig, load_config, wall_clock
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.proxies import is_loopback, proxy_for, proxy_url
from secrets_manager.runtime.http.trust import Stamp, TlsFiles, stamp_of, tls_context
from secrets_manager.settings import ProxySettings

log = logging.getLogger("cluster.api")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wiring:
    """Settings of connections to the API server; every change makes a new object.

    Attributes:
        base: the URL of the API server, without a slash at its end.
        context: the authorities that are trusted, and our certificate.
        server_name: the name in the server's certificate, "" for that of the URL.
        proxy: the proxy on the way, "" for none. Hidden: it may carry a password.
        content: the content of the files that the context was made of. Hidden.

    """

    base: str
    context: ssl.SSLContext
    server_name: str
    proxy: str = field(repr=False)
    content: tuple[bytes, ...] = field(repr=False)


class Credentials:
    """The identity and the wiring of calls, as of now; safe to ask from many threads."""

    def __init__(
        self,
        kubeconfig: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] | None = None,
        context: str | None = None,
        as_user: str = "",
    ) -> None:
        """Read them; raises ConfigError.

        ``environ`` is the user's environment: plugins get it, and it may name proxies. ``context`` is one of
        the kubeconfig, None for its current one. Calls are made for ``as_user``, if one is given, instead of
        whom the kubeconfig names.
        """
        self._kubeconfig = kubeconfig
        self._as_user = impersonation({"as": as_user}) if as_user else ()
        self._context = context
        self._environ = dict(os.environ if environ is None else environ)
        self._clock = clock
        # What a kubeconfig holds inline, private keys included, is written to files here.
        self._folder = _place_for_files() / f"secrets-manager-{secrets.token_hex(8)}"
        self._changing = threading.Lock()
        self._refused_since: float | None = None
        try:
            self._found, self._seen = self._read(())
            self.wiring = self._first_wiring()
            self._warn()
        except ConfigError:
            self.close()
            raise
        self._started = False
        self._fresh = FreshHeader(self, clock, changed=self._changed)
        self._started = True

    @property
    def base(self) -> str:
        """The URL of the API server, without a slash at its end."""
        return self.wiring.base

    @property
    def namespace(self) -> str:
        """The namespace that the context names, or that of the pod; "" for none."""
        return self._found.namespace

    @property
    def costly(self) -> bool:
        """For FreshHeader."""
        return self._found.costly

    def headers(self) -> MutableMapping[str, str]:
        """The headers of identity for the next call; some may be there several times."""
        header = self._fresh.header()
        identity = {"Authorization": header} if header else {}
        impersonated = self._as_user or self._found.impersonated
        if not impersonated:
            return identity
        repeated = HTTPHeaderDict(identity)
        for name, value in impersonated:
            repeated.add(name, value)
        return repeated

    def refused(self, headers: Mapping[str, str]) -> None:
        """The API server did not accept the identity in these ``headers``."""
        if self._refused_since is None:
            self._refused_since = self._clock()
        self._fresh.refused(headers.get("Authorization", ""))

    def accepted(self) -> None:
        """The API server accepted our identity."""
        self._refused_since = None

    def refused_for(self) -> float:
        """Seconds for which the API server has accepted no identity of ours; 0 while it does."""
        since = self._refused_since
        return 0.0 if since is None else self._clock() - since

    def distrusted(self, wiring: Wiring) -> bool:
        """Note that TLS failed with ``wiring``; returns whether there is a newer one by now."""
        if self.wiring is wiring:
            self._fresh.refused(self._fresh.latest())
        return self.wiring is not wiring

    def current(self) -> str:
        """For FreshHeader."""
        # Right after the start, even an answer that expires soon is the newest.
        expired = self._started and self._found.expired(wall_clock())
        return self.reread() if expired else self._found.authorization()

    def reread(self) -> str:
        """For FreshHeader."""
        with self._changing:
            found, seen = self._read(self._found.paths)
            wiring = self._wired(found)
            if wiring.base != self.wiring.base:
                raise ConfigError("the kubeconfig names another API server than before; restart to use it")
            header = found.authorization()
            # A connection that was made with a certificate which is refused now is of no use either.
            by_certificate = bool(found.files.certificate) and self._refused_since is not None
            if _differs(wiring, self.wiring) or by_certificate:
                self.wiring = wiring
            self._found, self._seen = found, seen
            self._forget_files(found.files)
            return header

    def close(self) -> None:
        """Remove written files and end running plugins; no connection can be opened afterwards."""
        end_plugins()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self, known: tuple[Path, ...]) -> tuple[LoadedConfig, Stamp]:
        # Before reading, if the files are known: a change during the read then causes another read.
        before = stamp_of(known)
        found = load_config(self._kubeconfig, self._folder, self._environ, self._context)
        return found, before if found.paths == known else stamp_of(found.paths)

    def _first_wiring(self) -> Wiring:
        """The wiring at the start: a client certificate that is still half written is left out and read
        again.
        """
        try:
            return self._wired(self._found)
        except ConfigError as error:
            bare = replace(self._found, files=replace(self._found.files, certificate="", key=""))
            wiring = self._wired(bare)
            self._seen = ()
            log.warning(
                "the client certificate cannot be read yet; connecting without it until it can",
                extra={"error": error.message},
            )
            return wiring

    def _warn(self) -> None:
        address = parse_url(self.base)
        if address.scheme == "http" and not is_loopback((address.host or "").strip("[]")):
            log.warning("the API server is called without TLS, as the kubeconfig says")
        elif address.scheme == "https" and not self._found.files.verify:
            log.warning("the certificate of the API server is not verified, as the kubeconfig says")

    def _changed(self) -> bool:
        return stamp_of(self._found.paths) != self._seen

    def _wired(self, found: LoadedConfig) -> Wiring:
        base = str(found.configuration.host).rstrip("/")
        content = found.files.contents()
        context = tls_context(found.files)
        return Wiring(
            base=base,
            context=context,
            server_name=str(found.configuration.tls_server_name or ""),
            proxy=proxy_url(found.proxy) if found.proxy else proxy_for(base, _proxies(self._environ)),
            content=content,
        )

    def _forget_files(self, files: TlsFiles) -> None:
        """Remove the files of credentials that are no longer used."""
        used = set(files.paths())
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path not in used:
                    path.unlink(missing_ok=True)


def _place_for_files() -> Path:
    """Where temporary files go.

    A pod with a read-only root has no such place. That is no fault as long as nothing has to be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return Path("/tmp")  # noqa: S108 - only named, and a write that fails there is reported


def _differs(one: Wiring, other: Wiring) -> bool:
    return (one.content, one.server_name, one.proxy) != (other.content, other.server_name, other.proxy)


def _proxies(environ: Mapping[str, str]) -> ProxySettings:
    """As Go's client reads them: a name in capitals counts before the same in small letters."""

    def named(name: str) -> str:
        return environ.get(name.upper()) or environ.get(name) or ""

    hosts = tuple(entry.strip() for entry in named("no_proxy").split(",") if entry.strip())
    return ProxySettings(http=named("http_proxy"), https=named("https_proxy"), no_proxy=hosts)
