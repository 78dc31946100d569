"""A kubeconfig that says for whom calls are made is heeded, or refused; never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.impersonation import impersonation
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from tests.integration.api_client_support import kubeconfig
from tests.silent import SilentCluster
from tests.unit.runtime.loopback import Connection, Loopback

ROBOT = "system:serviceaccount:ops:robot"


def lines_sent(folder: Path, user: dict[str, Any]) -> list[str]:
    """The header lines of a call that is made with this user of a kubeconfig."""
    seen: list[str] = []

    def answer(connection: Connection) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.sock.recv(65536)
        seen.extend(head.decode().split("\r\n"))
        connection.reply_json(200, {"kind": "Secret", "metadata": {"name": "x"}})

    with Loopback(answer) as server:
        credentials = Credentials(kubeconfig(folder, {"server": server.url}, user), environ={})
        api = HttpKubernetesApi(credentials, Watchdog(), SilentCluster(), timeout=5.0)
        api.get(SECRETS, Ref("a", "x"))
        api.close()
    return seen


def test_each_call_names_who_it_is_made_for(tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": ROBOT,
        "as-uid": "7",
        "as-groups": ["system:authenticated", "ops"],
        "as-user-extra": {"example.test/Scopes": ["read", "write"], "a%b": ["c"]},
    }
    lines = lines_sent(tmp_path, user)

    assert [line for line in lines if line.startswith("Impersonate-")] == [
        f"Impersonate-User: {ROBOT}",
        "Impersonate-Uid: 7",
        "Impersonate-Group: system:authenticated",
        "Impersonate-Group: ops",
        "Impersonate-Extra-example.test%2FScopes: read",
        "Impersonate-Extra-example.test%2FScopes: write",
        "Impersonate-Extra-a%25b: c",
    ]
    assert lines.count("Authorization: Bearer t") == 1
    assert lines.count("Accept: application/json") == 1


def test_a_kubeconfig_that_names_nobody_sends_no_such_header(tmp_path: Path) -> None:
    assert not [line for line in lines_sent(tmp_path, {"token": "t"}) if "mpersonate" in line]


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({"as": 7}, "'as'"),
        ({"as": ["robot"]}, "'as'"),
        ({"as": "robot\r\nX-Evil: 1"}, "'as'"),
        ({"as": " "}, "'as'"),
        ({"as": "robot", "as-groups": "ops"}, "'as-groups'"),
        ({"as": "robot", "as-groups": ["ops\n"]}, "'as-groups'"),
        ({"as": "robot", "as-groups": [""]}, "'as-groups'"),
        ({"as": "robot", "as-uid": 7}, "'as-uid'"),
        ({"as": "robot", "as-user-extra": ["a"]}, "'as-user-extra'"),
        ({"as": "robot", "as-user-extra": {"a": "b"}}, "'as-user-extra'"),
        ({"as-groups": ["system:masters"]}, "without 'as'"),
        ({"as-uid": "7"}, "without 'as'"),
        ({"as-user-extra": {"a": ["b"]}}, "without 'as'"),
    ],
)
def test_what_cannot_be_heeded_is_refused_at_the_start(
    tmp_path: Path, user: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigError, match="kubeconfig") as told:
        Credentials(
            kubeconfig(tmp_path, {"server": "https://127.0.0.1:1"}, {"token": "t", **user}), environ={}
        )

    assert field in told.value.message
    assert "Evil" not in told.value.message


@pytest.mark.parametrize("user", [{}, {"as": ""}, {"as": None, "as-groups": [], "as-user-extra": {}}])
def test_what_is_empty_names_nobody(user: dict[str, Any]) -> None:
    assert impersonation(user) == ()
