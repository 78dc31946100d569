"""A second backend beside that of the world: a durable OpenBao of its own behind a proxy with TLS.

What goes wrong with it goes wrong with it alone. Knows nothing of the daemon but its settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.bulk import Call, Server, send_all
from bench.plans import MOUNT, Plan, Source, Wish, fresh_pair
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import Rule, RuleBuilder
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.pki import Authority, KeyPair

NAME = "second"
_ROLE = "bench-second"
# Longer than any answer of a server on the same machine, shorter than the limit of a read.
_SLOW_SECONDS = 2.0
_PAUSE_ASKED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondBackend:
    """The server, the proxy in front of it, and the login that the daemon has there."""

    bao: OpenBao
    proxy: FaultProxy
    role: AppRole
    authority: Authority
    stranger: Authority

    def settings(self) -> str:
        """The settings of the daemon for it, as TOML."""
        return "\n".join(
            (
                f"[backends.{NAME}]",
                'kind = "vault"',
                f'url = "{self.proxy.url}"',
                f'ca-cert = "{self.authority.ca_file}"',
                f'role-id = "{self.role.role_id}"',
                f'secret-id = "{self.role.secret_id}"',
                "",
            )
        )

    def write(self, plan: Plan) -> None:
        """Put the values of a plan into it."""
        server = Server(url=self.bao.url, headers={"X-Vault-Token": self.bao.root_token})
        calls = [
            Call(method="POST", path=f"/v1/{path}", body={"data": dict(values)})
            for path, values in plan.values.items()
        ]
        send_all(server, calls)

    def calls(self) -> int:
        """How many requests reached the proxy so far."""
        return self.proxy.count(".*", ".*")

    def logins(self) -> int:
        """How many logins were tried so far."""
        return self.proxy.count("POST|PUT", "/v1/auth/.*/login")


@contextmanager
def second_backend(folder: Path) -> Iterator[SecondBackend]:
    """Start it; all is stopped at the end."""
    authority, stranger = Authority(folder / "authority"), Authority(folder / "stranger")
    bao = OpenBao.durable(folder / "openbao-2")
    try:
        bao.enable_auth("approle", "approle")
        role = bao.approle(_ROLE, [bao.read_policy(_ROLE, f"{MOUNT}data/*")])
        with FaultProxy(bao.url, tls=_certificate(authority)) as proxy:
            yield SecondBackend(bao=bao, proxy=proxy, role=role, authority=authority, stranger=stranger)
    finally:
        bao.stop()


def second_plan(namespace: str, count: int) -> Plan:
    """So many definitions of two keys from one path of their own, all of the second backend."""
    wishes = []
    for number in range(count):
        name = f"second-{number:05d}"
        path = f"{MOUNT}data/{namespace}/{name}"
        keys = {key: Source(path=path, key=key) for key in ("username", "password")}
        entries = {key: {"path": path, "key": key} for key in keys}
        spec = {"backend": NAME, "keysMap": entries}
        wishes.append(Wish(namespace=namespace, name=name, keys=keys, spec=spec))
    return Plan(wishes=wishes, values={wish.path: fresh_pair(wish.name) for wish in wishes})


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _down(second: SecondBackend) -> Iterator[None]:
    second.proxy.refuse()
    try:
        yield
    finally:
        second.proxy.accept()


@contextmanager
def _sealed(second: SecondBackend) -> Iterator[None]:
    second.bao.seal()
    try:
        yield
    finally:
        second.bao.unseal()


@contextmanager
def _wrong_tls(second: SecondBackend) -> Iterator[None]:
    second.proxy.present(_certificate(second.stranger))
    try:
        yield
    finally:
        second.proxy.present(_certificate(second.authority))


def _answering(method: str, say: Callable[[RuleBuilder], Rule]) -> Trouble:
    @contextmanager
    def trouble(second: SecondBackend) -> Iterator[None]:
        rule = say(second.proxy.on(method, "/v1/.*"))
        try:
            yield
        finally:
            rule.remove()

    return trouble


@contextmanager
def _refused_logins(second: SecondBackend) -> Iterator[None]:
    """The token is dead, and no login works."""
    login = second.proxy.on("POST|PUT", "/v1/auth/.*/login").vault_error(400, "invalid role or secret ID")
    others = second.proxy.on(".*", "/v1/.*").vault_error(403, "permission denied")
    try:
        yield
    finally:
        login.remove()
        others.remove()


def _certificate(authority: Authority) -> KeyPair:
    return authority.issue("127.0.0.1", "localhost")


Trouble = Callable[[SecondBackend], AbstractContextManager[None]]

TROUBLES: Mapping[str, Trouble] = {
    "down": _down,
    "hung": _answering(".*", lambda rule: rule.hang()),
    "sealed": _sealed,
    "slow": _answering("GET", lambda rule: rule.delay(_SLOW_SECONDS)),
    "no login": _refused_logins,
    "429": _answering(
        ".*", lambda rule: rule.reply(429, {"errors": ["rate limit"]}, retry_after=_PAUSE_ASKED)
    ),
    "wrong TLS": _wrong_tls,
}
