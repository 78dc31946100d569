"""Signs a call with the credentials of one moment, by botocore's Signature Version 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

_SIGNED_AS = "secretsmanager"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a signature is made with; ``token`` is "" for a key that does not expire."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed_headers(
    url: str, headers: Mapping[str, str], body: bytes, key: AccessKey, region: str
) -> dict[str, str]:
    """``headers`` of a POST of ``body``, and those of its signature. They hold a credential."""
    request = AWSRequest(method="POST", url=url, headers=dict(headers), data=body)
    held = ReadOnlyCredentials(key.key_id, key.secret, key.token or None, None)
    SigV4Auth(held, _SIGNED_AS, region).add_auth(request)
    return dict(request.headers.items())
