"""The faults of each of the two servers, by name, for the forecast to choose.

A fault lasts as long as its context. Those of the wire are rules of a fault proxy, for some of the requests
or for all; the others are done to the servers themselves.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.openbao import OpenBao

API_SERVER, BACKEND = "API server", "backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The servers and the proxies in front of them; `proxy_ca` is what a client of `api_proxy` trusts."""

    cluster: TestCluster
    openbao: OpenBao
    api_proxy: FaultProxy
    backend_proxy: FaultProxy
    proxy_ca: Path


Wire = Callable[[RuleBuilder, random.Random], object]
Fault = Callable[[Stage, random.Random], AbstractContextManager[None]]
Scope = tuple[str, str]

_ANY = ".*"
_WATCHES: Scope = ("GET", r".*[?&]watch=.*")
# Which requests a fault of the wire meets: all, or those for one thing.
_SCOPES: Mapping[str, tuple[Scope, ...]] = {
    BACKEND: ((_ANY, _ANY), ("GET", r"/v1/secret/.*"), ("PUT|POST", r"/v1/auth/.*"), (_ANY, r"/v1/auth/.*")),
    API_SERVER: (
        (_ANY, _ANY),
        _WATCHES,
        ("GET", r"/(?!.*[?&]watch=).*"),
        ("PUT|POST|PATCH|DELETE", r".*/secrets.*"),
        ("PUT|PATCH", r".*/status.*"),
    ),
}
_NOBODY = "http://127.0.0.1:9"

_WIRE: Mapping[str, Wire] = {
    "throttled": lambda rule, rng: rule.reply(429, retry_after=rng.randint(1, 5)),
    "failing": lambda rule, rng: rule.reply(rng.choice((500, 502, 503, 504)), b"<html>no</html>"),
    "forbidden": lambda rule, _: rule.reply(403, {"errors": ["permission denied"]}),
    "unavailable for a while": lambda rule, rng: rule.reply(503, retry_after=rng.randint(1, 5)),
    "hung": lambda rule, _: rule.hang(),
    "hung after it was applied": lambda rule, _: rule.hang_reply(),
    "slow": lambda rule, rng: rule.delay(rng.uniform(0.2, 2.0)),
    "dripping headers": lambda rule, _: rule.drip_headers(),
    "dripping body": lambda rule, _: rule.drip_body(),
    "reset": lambda rule, _: rule.reset(),
    "reset after it was applied": lambda rule, _: rule.apply_then_drop(),
    "page of HTML": lambda rule, _: rule.html(),
    "empty object": lambda rule, _: rule.reply(200, {}),
    "empty reply": lambda rule, _: rule.reply(200),
    "redirected": lambda rule, _: rule.redirect(_NOBODY),
    "oversize": lambda rule, _: rule.oversize(20_000_000),
    "gzip bomb": lambda rule, _: rule.gzip_bomb(50_000_000),
}
_FORGETFUL: Mapping[str, Wire] = {"forgetful": lambda rule, _: rule.vault_error(404)}
_OF_WATCHES: Mapping[str, Wire] = {
    "watch truncated": lambda rule, rng: rule.truncate(rng.randint(0, 3)),
    "watch silent": lambda rule, _: rule.silence(),
    "watch expired in its stream": lambda rule, _: rule.gone_in_stream(),
    "watch gone": lambda rule, _: rule.gone(),
}


def _proxy_of(stage: Stage, server: str) -> FaultProxy:
    return stage.api_proxy if server == API_SERVER else stage.backend_proxy


def _on_the_wire(server: str, wire: Wire, scopes: tuple[Scope, ...]) -> Fault:
    @contextmanager
    def fault(stage: Stage, rng: random.Random) -> Iterator[None]:
        proxy = _proxy_of(stage, server)
        rule = proxy.on(*rng.choice(scopes))
        count = rng.choice((0, 0, 0, 1, 20))
        wire(rule.times(count) if count else rule, rng)
        yield
        proxy.clear()

    return fault


def _refused(server: str) -> Fault:
    @contextmanager
    def fault(stage: Stage, _: random.Random) -> Iterator[None]:
        _proxy_of(stage, server).refuse()
        yield
        _proxy_of(stage, server).accept()

    return fault


def _dropped(server: str) -> Fault:
    @contextmanager
    def fault(stage: Stage, _: random.Random) -> Iterator[None]:
        _proxy_of(stage, server).drop_connections()
        yield

    return fault


def _around(begin: Callable[[Stage], object], end: Callable[[Stage], object]) -> Fault:
    @contextmanager
    def fault(stage: Stage, _: random.Random) -> Iterator[None]:
        begin(stage)
        yield
        end(stage)

    return fault


def _start_backend(stage: Stage) -> None:
    stage.openbao.start()
    stage.openbao.unseal()


def _wire_faults(server: str) -> dict[str, Fault]:
    more = _FORGETFUL if server == BACKEND else {}
    return {kind: _on_the_wire(server, wire, _SCOPES[server]) for kind, wire in {**_WIRE, **more}.items()}


FAULTS: Mapping[str, Mapping[str, Fault]] = {
    API_SERVER: {
        **_wire_faults(API_SERVER),
        **{kind: _on_the_wire(API_SERVER, wire, (_WATCHES,)) for kind, wire in _OF_WATCHES.items()},
        "refused": _refused(API_SERVER),
        "connections dropped": _dropped(API_SERVER),
        "frozen": _around(lambda s: s.cluster.pause_apiserver(), lambda s: s.cluster.resume_apiserver()),
        "stopped": _around(lambda s: s.cluster.stop_apiserver(), lambda s: s.cluster.start_apiserver()),
    },
    BACKEND: {
        **_wire_faults(BACKEND),
        "refused": _refused(BACKEND),
        "connections dropped": _dropped(BACKEND),
        "sealed": _around(lambda s: s.openbao.seal(), lambda s: s.openbao.unseal()),
        "frozen": _around(lambda s: s.openbao.pause(), lambda s: s.openbao.resume()),
        "stopped": _around(lambda s: s.openbao.stop(), _start_backend),
        "tokens revoked": _around(lambda s: s.openbao.revoke_logins(), lambda _: None),
    },
}
# Those that a server takes long to come back from.
SLOW = frozenset({"stopped", "frozen"})


def kinds(*, slow: bool) -> dict[str, list[str]]:
    """The names of the faults of each server, with or without those that take long to end."""
    return {
        server: [kind for kind in faults if slow or kind not in SLOW] for server, faults in FAULTS.items()
    }
