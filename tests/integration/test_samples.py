"""samples/ on a real OpenBao: the values can be written, and read with the sample policy alone."""

from __future__ import annotations

import json

import pytest

from tests.integration.deployment_support import SAMPLES
from tests.testbed.openbao import BaoError, OpenBao

VALUES: dict[str, dict[str, str]] = json.loads((SAMPLES / "values.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reader(openbao: OpenBao) -> str:
    """A token that holds the sample policy, on a server that holds the sample values."""
    if "legacy/" not in openbao.engines():
        openbao.enable_engine("legacy", "kv", {"version": "1"})
    for path, keys in VALUES.items():
        openbao.request("POST", path, {"data": keys} if _is_version_2(path) else dict(keys))
    openbao.policy("samples", (SAMPLES / "vault-policy.hcl").read_text(encoding="utf-8"))
    return openbao.create_token(["samples"])


def _is_version_2(path: str) -> bool:
    return path.split("/")[1] == "data"


@pytest.mark.parametrize("path", VALUES)
def test_the_sample_policy_lets_the_daemon_read_each_sample(openbao: OpenBao, reader: str, path: str) -> None:
    data = openbao.request("GET", path, token=reader)["data"]

    assert (data["data"] if _is_version_2(path) else data) == VALUES[path]


def test_the_sample_policy_lets_the_daemon_look_up_and_renew_its_own_token(
    openbao: OpenBao, reader: str
) -> None:
    assert openbao.request("GET", "auth/token/lookup-self", token=reader)["data"]["policies"]
    assert openbao.request("POST", "auth/token/renew-self", {"increment": "1h"}, token=reader)["auth"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "secret/data/shop/database"),
        ("DELETE", "secret/data/shop/database"),
        ("GET", "secret/data/other"),
        ("GET", "secret/metadata/shop/database"),
        ("GET", "sys/mounts"),
    ],
)
def test_the_sample_policy_allows_nothing_else(openbao: OpenBao, reader: str, method: str, path: str) -> None:
    body = {"data": {"a": "b"}} if method == "POST" else None

    with pytest.raises(BaoError) as refused:
        openbao.request(method, path, body, token=reader)

    assert refused.value.status == 403
