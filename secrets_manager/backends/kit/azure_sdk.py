"""The SDK of Azure on our own HTTP: its replies, made of ours, and what keeps it from asking twice.

Only backends that chose Azure load this. It must not know how a request is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import case_insensitive_dict

from secrets_manager.domain.nesting import is_too_deep
from secrets_manager.runtime.http.messages import Reply

# Only our own retries: the SDK would wait for minutes, 75 seconds for a 410 alone.
NO_RETRIES: Mapping[str, Any] = {
    "retry_total": 0,
    "retry_connect": 0,
    "retry_read": 0,
    "retry_status": 0,
}


class SdkResponse(HttpResponse):
    """A whole reply in the shape that the SDK expects."""

    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        self._request = request
        self._reply = reply
        self._headers = case_insensitive_dict(dict(reply.headers))
        self._encoding: str | None = "utf-8-sig"

    @property
    def request(self) -> HttpRequest:
        """The request that was answered."""
        return self._request

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._reply.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers, case-insensitive."""
        return self._headers

    @property
    def reason(self) -> str:
        """Always "": the server chooses the phrase, and it would end in messages."""
        return ""

    @property
    def content_type(self) -> str | None:
        """The Content-Type header."""
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        """Always true: the reply is complete."""
        return True

    @property
    def is_stream_consumed(self) -> bool:
        """Always true: the reply is complete."""
        return True

    @property
    def encoding(self) -> str | None:
        """The encoding of ``text``."""
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        """The URL of the request."""
        return self._request.url

    @property
    def content(self) -> bytes:
        """The body."""
        return self._reply.body

    def text(self, encoding: str | None = None) -> str:
        """The body as text; "" for JSON that is nested too deep for the parsers to which the SDK hands it."""
        found = self._reply.body.decode(encoding or self._encoding or "utf-8-sig", errors="replace")
        return "" if is_too_deep(found) else found

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        try:
            return orjson.loads(self._reply.body)
        except ValueError:
            # The standard parser accepts a lone surrogate, which a value may hold.
            return _lenient(self._reply.body)

    def raise_for_status(self) -> None:
        """Raise for a status from 400 on."""
        if self.status_code >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        """The body."""
        return self._reply.body

    def iter_raw(self, **_options: Any) -> Iterator[bytes]:
        """The body in one piece."""
        return iter((self._reply.body,))

    def iter_bytes(self, **_options: Any) -> Iterator[bytes]:
        """The body in one piece."""
        return iter((self._reply.body,))

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None


def body_of(request: HttpRequest) -> bytes | None:
    """What is sent; the SDK gives the fields of a form as a map."""
    content: Any = request.content
    if isinstance(content, Mapping):
        fields = {name: value for name, value in content.items() if value is not None}
        return urlencode(fields, doseq=True).encode()
    return content.encode() if isinstance(content, str) else content


def _lenient(body: bytes) -> Any:
    if is_too_deep(body.decode("utf-8", "replace")):
        raise ValueError("nested too deep")
    return json.loads(body)
