"""The overview that a daemon gives at its status page, for ``status --from URL``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from secrets_manager.domain.errors import ConfigError, TemporaryError
from secrets_manager.domain.wording import in_quotes
from secrets_manager.overview.model import Overview
from secrets_manager.overview.parsing import NoOverview, overview_from
from secrets_manager.runtime import shallow
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.clients import ConnectionOptions, client_for
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.proxies import is_loopback
from secrets_manager.runtime.http.transport_errors import TransportError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings.login_checks import address

_PATH = "/status.json"
# As much as a status page gives, and then some.
_MOST_BYTES = 32 * 1024 * 1024
# In bytes, more than any token has; a device has no end.
_LONGEST_TOKEN = 64 * 1024
_TOKEN = re.compile(rb"[\x21-\x7e]+")
_NAMED = {"ca_file": "--ca-cert", "ca_folder": "", "certificate": "", "key": ""}


class PageUnavailable(TemporaryError):
    """The status page gave no overview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A status page; ``token_file`` has a bearer token, ``ca_cert`` the authorities to trust; or "" each."""

    url: str
    token_file: str = ""
    ca_cert: str = ""


def read_page(page: Page, namespace: str | None, timeout: float) -> Overview:
    """What the page says of a namespace, or of all; raises ConfigError and PageUnavailable."""
    url = _address(page)
    query = f"?{urlencode({'namespace': namespace})}" if namespace else ""
    headers = {"Accept": "application/json", **_identity(page, url)}
    request = Request(method="GET", url=url + query, headers=headers, deadline=Deadline.within(timeout))
    context = tls_context(TlsFiles(ca_file=page.ca_cert, named=_NAMED))
    client = client_for(ConnectionOptions(context=context, kept=1, max_bytes=_MOST_BYTES), Watchdog())
    try:
        return _overview(client.call(request))
    except TransportError as error:
        raise PageUnavailable(f"{error}: GET {url}") from None
    finally:
        client.close()


def _address(page: Page) -> str:
    try:
        parts = urlsplit(address(page.url))
    except ValueError as error:
        raise ConfigError(
            f"--from: {error}; give the address of a status page, such as http://127.0.0.1:8082"
        ) from None
    path = parts.path.rstrip("/").removesuffix(_PATH)
    return f"{parts.scheme}://{parts.netloc}{path}{_PATH}"


def _identity(page: Page, url: str) -> dict[str, str]:
    if not page.token_file:
        return {}
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigError("--token-file: a token is sent by https only, or to this machine itself")
    try:
        with Path(page.token_file).open("rb") as file:
            content = file.read(_LONGEST_TOKEN + 1)
    except OSError as error:
        raise ConfigError(
            f"--token-file: {in_quotes(page.token_file)} cannot be read: {error.strerror}"
        ) from None
    token = content.strip()
    if len(content) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
        raise ConfigError("--token-file: its content is no token")
    return {"Authorization": f"Bearer {token.decode()}"}


def _overview(reply: Reply) -> Overview:
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise PageUnavailable(
            f"the status page answered {reply.status}; give a token with --token-file, of somebody who may "
            "list definitions there, and a namespace with -n"
        )
    if reply.status != HTTPStatus.OK:
        raise PageUnavailable(f"the status page answered {reply.status}")
    try:
        return overview_from(shallow.loads(reply.body))
    except NoOverview as error:
        raise PageUnavailable(f"what answered is no status page: {error}") from None
    except ValueError:
        raise PageUnavailable("what answered is no status page: it is not JSON") from None
