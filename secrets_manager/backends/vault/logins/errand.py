"""The calls that a login makes to others than Vault: to metadata services, and services that give tokens.

All calls of one login share one deadline, so that a service that hangs costs a login no more than one call to
Vault may take. Trust is the system's, since these are servers of a cloud; proxies are those on the way to
Vault. This module must not know any cloud.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from secrets_manager.backends.kit.call_time import time_left
from secrets_manager.backends.kit.no_reply import no_reply
from secrets_manager.domain.errors import BackendFault, BackendThrottled, BackendUnavailable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.clients import ClientsByProxy, ConnectionOptions
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.retry_after import asked_pause
from secrets_manager.runtime.http.transport_errors import TransportError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings import ProxySettings

# Tokens and credentials are of a few KiB.
_MOST_BYTES = 256 * 1024
_LONGEST_PAUSE = 3600.0
# Where machines and pods are told who they are: a proxy would answer for itself.
METADATA = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "metadata.google.internal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call: ``server`` is the name of who is asked, for messages; headers and body are hidden."""

    server: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


class Errand:
    """The calls of one login. Nothing is redirected, and nothing is asked twice."""

    def __init__(self, clients: Callable[[], ClientsByProxy], deadline: Deadline) -> None:
        self._clients = clients
        self.deadline = deadline

    def ask(self, question: Question) -> Reply:
        """The reply, whatever its status is; raises a BackendFault when there is none."""
        time_left(self.deadline, question.server)
        request = Request(
            method=question.method,
            url=question.url,
            headers={"User-Agent": "secrets-manager", **question.headers},
            body=question.body,
            deadline=self.deadline,
        )
        try:
            return self._clients().of(question.url).call(request)
        except TransportError as error:
            raise no_reply(error, question.server) from None


class Errands:
    """Begins an errand for each login; connections are made when the first call needs one."""

    def __init__(self, proxies: ProxySettings, watchdog: Watchdog, *, seconds: float) -> None:
        """All calls of one login may take ``seconds`` together."""
        self._proxies = replace(proxies, no_proxy=(*proxies.no_proxy, *METADATA))
        self._watchdog = watchdog
        self._seconds = seconds
        self._lock = threading.Lock()
        self._clients: ClientsByProxy | None = None

    def begin(self) -> Errand:
        """An errand whose time begins now; most methods ask nobody."""
        return Errand(self._made, Deadline.within(self._seconds))

    def _made(self) -> ClientsByProxy:
        with self._lock:
            if self._clients is None:
                options = ConnectionOptions(
                    context=tls_context(TlsFiles(named={})), kept=1, max_bytes=_MOST_BYTES
                )
                self._clients = ClientsByProxy(options, self._watchdog, self._proxies)
            return self._clients

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            if self._clients is not None:
                self._clients.close()


def passing_fault(reply: Reply, server: str) -> BackendFault | None:
    """The fault behind a status that says nothing about the credentials; None for any other."""
    pause = asked_pause(reply.headers.get("retry-after"), reply.headers.get("date"), longest=_LONGEST_PAUSE)
    if reply.status == 429:
        return BackendThrottled(f"{server} asked to slow down (429)", retry_after=pause)
    if reply.status >= 500 or reply.status == 408:
        return BackendUnavailable(f"{server} cannot serve requests now ({reply.status})", retry_after=pause)
    if reply.status < 200 or 300 <= reply.status < 400:
        return BackendUnavailable(f"the reply is not from {server}: status {reply.status}")
    return None
