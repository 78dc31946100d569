"""hvac on our transport: hvac knows Vault's API, and does not know how a request is made.

The adapters of hvac would read the environment, follow redirects to any host, normalise paths, drop the
status and Retry-After, and return replies that are not JSON as if they were valid; none of that code runs
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import hvac
import hvac.adapters
import orjson

from secrets_manager.backends.vault.faults import VaultRefused, not_vault
from secrets_manager.backends.vault.standbys import Transport
from secrets_manager.backends.vault.transport import VaultAnswer, VaultCall
from secrets_manager.runtime.terms import Terms

_Content = Mapping[str, Any]


class TransportAdapter(hvac.adapters.Adapter):  # type: ignore[type-arg]  # generic in its stubs alone
    """One identity on the transport: a token and a namespace, both fixed for the adapter's life."""

    def __init__(
        self,
        base_uri: str = "",
        token: str | None = None,
        timeout: float = 5.0,
        namespace: str | None = None,
        *,
        transport: Transport,
        **_unused: Any,
    ) -> None:
        # Not super().__init__(): it opens a session of requests, which nothing here uses.
        self.base_uri = base_uri
        self.token = token
        self.namespace = namespace
        self._transport = transport
        self._timeout = timeout
        self._headers = _identity_headers(token, namespace)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        raise_exception: bool = True,  # noqa: FBT001, FBT002 - the signature is hvac's
        **kwargs: Any,
    ) -> _Content:
        """The JSON map that Vault answers with, {} when it answers with nothing.

        ``url`` is a path below the address, already percent-encoded.

        Raises a BackendFault if there is no reply or it is not from Vault. Raises VaultRefused for a status
        other than 2xx if ``raise_exception`` is true, and for a 400 to a read. With ``read=True`` the map may
        be a view of the reply, and TooManyParts is raised for a reply with too many parts.
        """
        read = kwargs.get("read", False)
        answer = self._transport.send(
            VaultCall(
                method=method.upper(),
                path=_with_query(url, kwargs.get("params")),
                headers={**self._headers, **headers} if headers else self._headers,
                body=_body(kwargs.get("json")),
                terms=kwargs.get("terms") or Terms.within(self._timeout),
                read=read,
            )
        )
        if read and answer.status == HTTPStatus.BAD_REQUEST:
            # Vault answers with an empty body to a path with characters that it does not accept.
            raise VaultRefused(answer.status, answer.content, answer.retry_after)
        return _check(answer, refuse=raise_exception)

    def get_login_token(self, response: _Content) -> str:
        """The token in the reply to a login."""
        token: str = response["auth"]["client_token"]
        return token

    def close(self) -> None:
        """Do nothing: the transport is shared."""


def open_client(transport: Transport, *, token: str = "", namespace: str = "", timeout: float) -> hvac.Client:
    """A client of hvac with our adapter; ``timeout`` is the total for each call in seconds.

    Every argument is given that hvac would otherwise take from the environment.
    """
    return hvac.Client(
        url="http://unused.invalid",
        token=token,
        verify=True,
        adapter=TransportAdapter,
        namespace=namespace,
        timeout=timeout,  # type: ignore[arg-type]  # our adapter takes fractions of a second
        transport=transport,
    )


def _identity_headers(token: str | None, namespace: str | None) -> dict[str, str]:
    # Vault's agent refuses requests without the first one; a browser cannot be tricked into sending it.
    headers = {"X-Vault-Request": "true", "Accept": "application/json", "User-Agent": "secrets-manager"}
    if token:
        headers["X-Vault-Token"] = token
    if namespace:
        # Vault reads UTF-8, and a header is written one byte a character.
        headers["X-Vault-Namespace"] = namespace.encode().decode("latin-1")
    return headers


def _with_query(url: str, params: Mapping[str, object] | None) -> str:
    return f"{url}?{urlencode(params)}" if params else url


def _body(fields: Mapping[str, object] | None) -> bytes | None:
    if fields is None:
        return None
    # hvac passes None for an argument that was not given.
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def _check(answer: VaultAnswer, *, refuse: bool) -> _Content:
    if answer.content is None:
        # These statuses mean the same from a proxy; a 403 or 404 of a proxy says nothing about Vault.
        if answer.status == 429 or answer.status >= 500:
            raise VaultRefused(answer.status, None, answer.retry_after)
        raise not_vault(answer.status)
    if refuse and not 200 <= answer.status < 300:
        raise VaultRefused(answer.status, answer.content, answer.retry_after)
    return answer.content
