"""Runs moto's server, with refusals of an identity in the words that AWS has for them.

moto says those as XML with status 403, whatever the protocol of a service is. AWS says them as JSON with
status 400 where the service speaks JSON.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import run_wsgi_app

_WORDS = {
    "AccessDenied": "AccessDeniedException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}


class InWordsOfAws:
    """A WSGI application that answers as another one, but for those refusals."""

    def __init__(self, moto: Any) -> None:
        self._moto = moto

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        pieces, status, headers = run_wsgi_app(self._moto, environ)
        body = b"".join(pieces)
        if status.startswith("403") and "HTTP_X_AMZ_TARGET" in environ:
            status, body = "400 Bad Request", _as_json(body.decode())
            headers["Content-Type"] = "application/x-amz-json-1.1"
        headers["Content-Length"] = str(len(body))
        start(status, headers.to_wsgi_list())
        return [body]


def _as_json(xml: str) -> bytes:
    code = re.search("<Code>(.*?)</Code>", xml)
    text = re.search("<Message>(.*?)</Message>", xml)
    said = {
        "__type": _WORDS.get(code[1], code[1]) if code else "",
        "Message": text[1] if text else "",
    }
    return json.dumps(said).encode()


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        InWordsOfAws(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
    )
