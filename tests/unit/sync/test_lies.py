"""Whatever a Vault says or leaves out, no Secret is deleted, or changed to anything but what it holds.

A daemon with the real Vault backend, down to the bytes of a reply, meets lies that nobody listed: each is an
honest reply with one thing wrong, or nothing of the kind. They last for less than the three polls after which
an older version is believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.settings import VaultSettings
from tests.effort import share
from tests.silent import SilentVault
from tests.unit.foreign_input import ANY_JSON, as_bytes, damaged, mangled
from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import PERIOD, World, wanting

PATH = "secret/data/app"
# Beyond these a reply is read where it lies, by other code.
LARGE = {"padding": "x" * 20_000}
MADE = "2026-01-01T00:00:0{}.5Z"


def kv2(version: Any = 3, user: Any = "now", **rest: Any) -> dict[str, Any]:
    """An honest reply: version 3 is the newest, "older" was version 2."""
    number = version if type(version) is int and 0 < version < 9 else 3
    metadata = {"version": version, "created_time": MADE.format(number), "destroyed": False}
    return {"lease_id": "", "data": {"data": {"user": user, **rest}, "metadata": metadata}, "auth": None}


@dataclass(eq=False)
class Wire:
    """Stands where the pools of connections do: an honest Vault, or the reply that it is told to give."""

    lie: Reply | None = None
    lied: int = 0
    honest: dict[str, Any] | bytes = field(default_factory=kv2)

    def send(self, _url: str, send: Callable[[Wire], Any]) -> Any:
        return send(self)

    def call(self, request: Request, *, max_bytes: int) -> Reply:
        assert max_bytes
        if request.url.endswith("/login"):
            auth = {"client_token": "hvs.living", "lease_duration": 100_000, "renewable": True}
            return said({"auth": auth})
        if request.url.endswith(PATH):
            if self.lie is not None:
                self.lied += 1
                return self.lie
            return said(self.honest)
        return said({"data": {"ttl": 100_000, "creation_ttl": 100_000, "renewable": True}, "sealed": False})


def said(document: Any, status: int = 200) -> Reply:
    body = document if isinstance(document, bytes) else as_bytes(document)
    return Reply(status, HTTPHeaderDict({"Content-Type": "application/json"}), body)


def in_step() -> tuple[World, Wire]:
    clock = FakeClock()
    backend = VaultBackend(
        VaultSettings(url="http://vault.test", role_id="r", secret_id="s"),
        timeout=5.0,
        poll_period=PERIOD,
        connections=1,
        telemetry=SilentVault(),
        watchdog=Watchdog(),
        clock=clock,
    )
    wire = Wire()
    cast("Any", backend)._transport._transport._clients = wire
    world = World(clock=clock, backend=cast("Any", backend))
    world.define(spec=wanting(path=PATH))
    world.start()
    assert world.data() == {"user": "now"}
    return world, wire


def outlived(lies: list[Reply], seconds: float = 60) -> None:
    """Tell one lie after another to a daemon whose Secret is in step; all is well so many seconds later."""
    world, wire = in_step()
    before = world.secret()
    for lie in lies:
        wire.lie = lie
        world.pass_time(PERIOD, step=PERIOD)
        assert world.secret() == before, lie.body[:200]
    assert wire.lied
    wire.lie = None
    world.pass_time(seconds, step=seconds / 12)

    assert world.secret() == before
    assert world.condition() == ("True", "Synced")


# ── an older value, and a version that is none ───────────────────────────────────────────────────────

NO_VERSION: list[Any] = [None, "3", "", 3.0, 2.5, 0, -1, -(2**63), True, False, [], {}, 10**30, "¾"]


@pytest.mark.parametrize("large", [{}, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("version", NO_VERSION, ids=str)
def test_an_older_value_is_never_accepted_without_its_version(version: Any, large: dict[str, Any]) -> None:
    outlived([said(kv2(version, "older", **large))])


def test_an_older_value_in_a_reply_without_a_version_is_not_accepted() -> None:
    reply = kv2(user="older")
    del reply["data"]["metadata"]["version"]
    outlived([said(reply)])


@pytest.mark.parametrize("version", [None, 0, -1, True, "3", 3.5, [2]], ids=str)
def test_a_deletion_time_without_a_version_makes_no_older_version_usable(version: Any) -> None:
    metadata = {"version": version, "deletion_time": MADE.format(4), "destroyed": False}
    older = kv2(2, "older")
    del older["data"]["metadata"]["created_time"]
    outlived([said({"data": {"data": None, "metadata": metadata}}, 404), said(older)])


# ── replies with one thing wrong ─────────────────────────────────────────────────────────────────────

# Names that somebody could take for the one that is asked for.
LIKE_USER = ["User", "USER", " user", "user ", "user\0", "us\u00ader", "u\u200dser", "\uff55ser", "\u1d64ser"]
LIKE_USER += ["us\u0435r", "data.user", "__proto__", "constructor", "/user", "", "data"]
WRONG = {
    "an empty map": {"data": {"data": {}, "metadata": {"version": 4}}},
    "null for the values": kv2(4) | {"data": {"data": None, "metadata": {"version": 4}}},
    "null for all": {"data": None},
    "nothing": {},
    "a list": kv2(4) | {"data": [{"data": {"user": "lie"}}]},
    "a prototype": {"data": {"data": {"__proto__": {"user": "lie"}}, "metadata": {"version": 4}}},
    "the values beside their place": {"user": "lie", "data": {"user": "lie", "metadata": {"version": 4}}},
    "values of a version that is destroyed": {
        "data": {"data": {"user": "lie"}, "metadata": {"version": 4, "destroyed": True}}
    },
    "a token": {**kv2(4, "lie"), "auth": {"client_token": "hvs.lie"}},
    "a wrapped reply": {**kv2(4, "lie"), "wrap_info": {"token": "hvs.lie"}},
    "our own token": kv2(4, "hvs.living"),
    "our own token deep down": kv2(4, "lie", more=[{"x": "a hvs.living b"}]),
    **{f"{value!r} for the value": kv2(4, value) for value in (None, True, 0, 1.5, ["lie"], {"user": "lie"})},
    **{
        f"the key {key!a} alone": {"data": {"data": {key: "lie"}, "metadata": {"version": 4}}}
        for key in LIKE_USER
    },
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG)
def test_a_reply_with_one_thing_wrong_changes_nothing(document: Any) -> None:
    outlived([said(document)])


def test_a_reply_with_a_lease_changes_nothing_and_its_path_rests_for_a_while() -> None:
    outlived([said({**kv2(4, "lie"), "lease_id": "database/creds/x/1"})], seconds=660)


RAW = {
    "NaN": b'{"data":{"data":{"user":NaN},"metadata":{"version":4}}}',
    "Infinity for the version": b'{"data":{"data":{"user":"older"},"metadata":{"version":Infinity}}}',
    "NaN for the version": b'{"data":{"data":{"user":"older"},"metadata":{"version":NaN}}}',
    "1e999 for the version": b'{"data":{"data":{"user":"older"},"metadata":{"version":1e999}}}',
    "1e0 for the version": b'{"data":{"data":{"user":"older"},"metadata":{"version":1e0}}}',
    "5000 digits": b'{"data":{"data":{"user":"older"},"metadata":{"version":%b}}}' % (b"9" * 5000),
    "the key twice, null last": b'{"data":{"data":{"user":"lie","user":null},"metadata":{"version":4}}}',
    "once escaped": b'{"data":{"data":{"user":"lie","\\u0075ser":7},"metadata":{"version":4}}}',
    "data twice, the last empty": b'{"data":{"data":{"user":"lie"},"data":{},"metadata":{"version":4}}}',
    "the version twice": b'{"data":{"data":{"user":"older"},"metadata":{"version":4,"version":2}}}',
    "two documents": as_bytes(kv2(4, "lie")) * 2,
    "a mark of the order of bytes": b"\xef\xbb\xbf" + as_bytes(kv2(4, "lie")),
    "UTF-16": json.dumps(kv2(4, "lie")).encode("utf-16"),
    "half of a pair": b'{"data":{"data":{"user":"\\ud800lie"},"metadata":{"version":4}}}',
    "a raw line end": b'{"data":{"data":{"user":"li\ne"},"metadata":{"version":4}}}',
    "no UTF-8": b'{"data":{"data":{"user":"lie\xff"},"metadata":{"version":4}}}',
    "a comment": b'{"data":{"data":{"user":"lie"/**/},"metadata":{"version":4}}}',
    "a comma too many": b'{"data":{"data":{"user":"lie",},"metadata":{"version":4}}}',
}


@pytest.mark.parametrize("body", RAW.values(), ids=RAW)
def test_bytes_that_are_not_quite_json_change_nothing(body: bytes) -> None:
    outlived([said(body)])


@pytest.mark.parametrize(
    "name", ["NaN", "the key twice, null last", "data twice, the last empty", "no UTF-8"]
)
def test_large_replies_with_one_thing_wrong_change_nothing(name: str) -> None:
    outlived(
        [said(RAW[name].replace(b'{"data":{"data":', b'{"p":"%b","data":{"data":' % (b"x" * 20_000), 1))]
    )


# ── numbers that no float holds ──────────────────────────────────────────────────────────────────────

HUGE = [b"1e999", b"-1e999", b"1" + b"0" * 5000, b"-" + b"9" * 400 + b".5", b"1E+400", b"-0", b"1e-999"]


@pytest.mark.parametrize("padding", [b"", b"x" * 20_000], ids=["small", "large"])
@pytest.mark.parametrize("number", HUGE, ids=lambda number: number[:8].decode())
def test_a_number_that_no_float_holds_is_the_trouble_of_its_own_key(number: bytes, padding: bytes) -> None:
    world, wire = in_step()
    world.define("other", spec=wanting("other", path=PATH, key="quota"))
    document = b'{"p":"%b","data":{"data":{"user":"a 1e999 \\"text\\"","quota":%b},"metadata":{"version":4}}}'
    wire.honest = document % (padding, number)
    world.pass_time(3 * PERIOD, step=PERIOD)

    assert world.data() == {"user": 'a 1e999 "text"'}
    assert world.condition() == ("True", "Synced")
    assert world.condition("other") == ("False", "NotAString")


def test_a_value_that_is_no_json_in_a_large_reply_is_the_trouble_of_its_own_key() -> None:
    world, wire = in_step()
    world.define("other", spec=wanting("other", path=PATH, key="quota"))
    document = b'{"p":"%b","data":{"data":{"user":"next","quota":NaN},"metadata":{"version":4}}}'
    wire.honest = document % (b"x" * 20_000)
    world.pass_time(3 * PERIOD, step=PERIOD)

    assert world.data() == {"user": "next"}
    assert world.condition("other") == ("False", "DecodeError")


# ── any reply ────────────────────────────────────────────────────────────────────────────────────────

# A standby that has not caught up is asked again within the call, for as long as that may last.
STATUSES = st.integers(200, 599).filter(lambda status: status != 412)
OLDER = st.sampled_from([kv2(2, "older"), kv2(2, "older", **LARGE), kv2(1, "oldest")])


def without_the_newest(document: Any) -> bool:
    """Whether a reply cannot be taken for a newer version than was seen."""
    try:
        version = document["data"]["metadata"]["version"]
    except (KeyError, TypeError, IndexError):
        return True
    return type(version) is not int or version < 3


LIES: list[st.SearchStrategy[Reply]] = [
    st.builds(said, OLDER, STATUSES),
    st.builds(said, OLDER.flatmap(damaged).filter(without_the_newest), STATUSES),
    st.builds(said, ANY_JSON.filter(without_the_newest), STATUSES),
    st.integers(0, len(as_bytes(kv2(4, "lie"))) - 1).map(lambda end: said(as_bytes(kv2(4, "lie"))[:end])),
    st.builds(said, mangled(b'{"errors":[]}'), st.sampled_from([404, 403, 400, 405, 503])),
]


@settings(max_examples=share(40))
@given(st.lists(st.one_of(LIES), min_size=1, max_size=2))
def test_no_two_lies_in_a_row_change_or_delete_a_secret(lies: list[Reply]) -> None:
    outlived(lies)
