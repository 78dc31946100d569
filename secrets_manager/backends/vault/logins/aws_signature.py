"""The signed question that proves an identity in AWS: STS answers it with who signed it.

It is signed anew at each login, since a signature is good for fifteen minutes. hvac signs it. This module
must not know where the keys come from.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

_BODY = "Action=GetCallerIdentity&Version=2011-06-15"
# https://docs.aws.amazon.com/general/latest/gr/rande.html; the others end as the first one.
_DOMAINS = {
    "": "amazonaws.com",
    "cn": "amazonaws.com.cn",
    "eusc": "amazonaws.eu",
    "us-iso": "c2s.ic.gov",
    "us-isob": "sc2s.sgov.gov",
    "eu-isoe": "cloud.adc-e.uk",
    "us-isof": "csp.hci.ic.gov",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials of AWS; what is secret in them is hidden. ``session_token`` is "" for lasting ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(slots=True)
class _Signed:
    """What hvac signs: the parts of a request that it looks at."""

    method: str
    body: str
    headers: dict[str, str] = field(repr=False)


def sts_host(region: str) -> str:
    """The host of STS in a region; us-east-1 means the global one, which Vault asks unless told otherwise."""
    if region == "us-east-1":
        return "sts.amazonaws.com"
    first, _, rest = region.partition("-")
    domain = _DOMAINS.get(first) or _DOMAINS.get(f"{first}-{rest.partition('-')[0]}") or _DOMAINS[""]
    return f"sts.{region}.{domain}"


def caller_identity(keys: Keys, *, region: str, header_value: str) -> Mapping[str, str]:
    """The fields of a login that hold the signed question.

    As in https://developer.hashicorp.com/vault/api-docs/auth/aws#login.
    """
    from hvac.aws_utils import SigV4Auth  # noqa: PLC0415 - hvac is loaded when a login is made

    host = sts_host(region)
    # The names are in the order of their small letters, in which they are signed.
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": host}
    if header_value:
        headers["X-Vault-AWS-IAM-Server-ID"] = header_value
    question = _Signed("POST", _BODY, headers)
    signer = SigV4Auth(keys.access_key, keys.secret_key, keys.session_token or None, region)
    signer.add_auth(question)  # type: ignore[arg-type]  # it uses no more of a prepared request
    return {
        "iam_http_request_method": question.method,
        "iam_request_url": _encoded(f"https://{host}/".encode()),
        "iam_request_body": _encoded(question.body.encode()),
        "iam_request_headers": _encoded(
            orjson.dumps({name: [value] for name, value in question.headers.items()})
        ),
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
