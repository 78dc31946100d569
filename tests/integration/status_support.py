"""The status page of a daemon as a client meets it, and tokens of every kind to ask with."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.integration.world import CONFIG_RULES, PATIENCE, Rules, World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

_COMPONENT = Path(__file__).parents[2] / "config/components/status-page/role.yaml"
# What the daemon may do with that component.
STATUS_RULES: Rules = [*CONFIG_RULES, *yaml.safe_load(_COMPONENT.read_text(encoding="utf-8"))["rules"]]
LIST: Rules = (
    {"apiGroups": ["secrets-manager.tuenti.io"], "resources": ["secretdefinitions"], "verbs": ["list"]},
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got; header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def names(self) -> list[str]:
        """The definitions in an answer of JSON."""
        return sorted(f"{each['namespace']}/{each['name']}" for each in json.loads(self.body)["definitions"])

    @property
    def all(self) -> str:
        """Everything that it says."""
        return f"{self.headers}\n{self.body}"


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The page of a daemon at that port of 127.0.0.1."""

    port: int

    def ask(self, target: str, token: str | None = None, **headers: str) -> Answer:
        """One GET; headers are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", target, headers=named)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, found, reply.read().decode())
        finally:
            connection.close()

    def json(self, query: str = "", token: str | None = None) -> Any:
        """The data."""
        return json.loads(self.ask(f"/status.json{query}", token).body)

    def wait(self, names: Sequence[str]) -> None:
        """Until these definitions, and no others, are there and were looked at."""
        wait_until(
            lambda: (
                [each["name"] for each in self.json()["definitions"] if each["ready"] != "Unknown"]
                and sorted(each["name"] for each in self.json()["definitions"]) == sorted(names)
                and all(each["ready"] != "Unknown" for each in self.json()["definitions"])
            ),
            PATIENCE,
            "the definitions on the page",
        )


def daemon_with_page(
    world: World, *flags: str, host: str = "127.0.0.1", **environ: str
) -> tuple[DaemonProcess, StatusPage]:
    """A daemon that serves its page at that address."""
    port = free_port()
    return world.daemon(f"-status-addr={host}:{port}", *flags, **environ), StatusPage(port)


def expired(token: str, signing_key: Path) -> str:
    """The same token as the API server would have signed it an hour ago, for some minutes."""
    header, payload, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    now = int(time.time())
    claims |= {"iat": now - 3600, "nbf": now - 3600, "exp": now - 600}
    return signed(header, claims, signing_key)


def signed(header: str, claims: dict[str, Any], signing_key: Path) -> str:
    """A token with these claims."""
    key = serialization.load_pem_private_key(signing_key.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    text = f"{header}.{_encoded(json.dumps(claims).encode())}"
    return f"{text}.{_encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
