"""Replies of Vault and OpenBao, damaged or not: each is understood, or refused by an error of ours."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.vault import adapter, token_replies, transport
from secrets_manager.backends.vault.faults import VaultRefused
from secrets_manager.backends.vault.kv import absence, kv_reading, locate
from secrets_manager.domain.errors import (
    BackendFault,
    EngineMismatch,
    InvalidPath,
    PathNotAllowed,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceError,
)
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.settings import Engine
from tests.unit.foreign_input import ANY_JSON, TEXT, as_bytes, damaged, mangled, nested, perhaps_damaged

SOURCE = Source("secret/data/app")
VALUES = {"password": "p", "user": "u", "port": 5432, "tls": {"on": True}, "none": None}
KV2 = {
    "request_id": "r",
    "lease_id": "",
    "lease_duration": 0,
    "data": {"data": VALUES, "metadata": {"version": 3, "destroyed": False, "deletion_time": ""}},
    "wrap_info": None,
    "warnings": None,
}
KV1 = {"lease_id": "", "lease_duration": 2764800, "data": VALUES, "warnings": None}
GONE = {"data": {"data": None, "metadata": {"version": 4, "destroyed": True, "deletion_time": "t"}}}
LOGIN = {
    "auth": {
        "client_token": "hvs.token",
        "accessor": "a",
        "policies": ["p"],
        "lease_duration": 1200,
        "renewable": True,
        "num_uses": 0,
    }
}
LOOK_UP = {
    "data": {
        "ttl": 1000,
        "creation_ttl": 1200,
        "period": 0,
        "expire_time": "2026-01-01T00:00:00Z",
        "renewable": True,
        "num_uses": 0,
    }
}
HEALTH = {
    "initialized": True,
    "sealed": False,
    "standby": False,
    "version": "2.7.0",
    "cluster_name": "c",
    "cluster_id": "i",
}
ENGINES: st.SearchStrategy[Engine] = st.sampled_from(["kv1", "kv2"])


def answer(body: bytes, status: int = 200, **headers: str) -> transport.VaultAnswer:
    """What the transport makes of a reply."""
    return transport._answer(Reply(status, HTTPHeaderDict(headers), body))


def checked(body: bytes, status: int = 200, **headers: str) -> Mapping[str, Any] | None:
    """What hvac is given, or None when the reply is refused as one of ours."""
    try:
        return adapter._check(answer(body, status, **headers), refuse=True)
    except (VaultRefused, BackendFault):
        return None


# ── any bytes ────────────────────────────────────────────────────────────────────────────────────────


@given(ANY_JSON.map(as_bytes) | mangled(as_bytes(KV2)) | st.binary(max_size=20), st.integers(200, 599))
def test_any_body_is_a_map_or_refused(body: bytes, status: int) -> None:
    found = checked(body, status, retry_after="soon")

    assert found is None or (isinstance(found, dict) and 200 <= status < 300)


@given(ANY_JSON)
def test_a_map_arrives_as_it_was_sent(document: Any) -> None:
    found = checked(as_bytes(document))

    assert found == (document if isinstance(document, dict) else None)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────


def held(engine: Engine, reply: Any) -> Any:
    """Where the values of a reply stand."""
    data = reply["data"]
    return data if engine == "kv1" else data["data"]


@given(st.data(), ENGINES)
def test_a_damaged_reply_is_read_for_exactly_what_it_holds_or_refused(
    data: st.DataObject, engine: Engine
) -> None:
    sent = data.draw(perhaps_damaged(KV1 if engine == "kv1" else KV2))
    reply = checked(as_bytes(sent))
    if reply is None:
        return
    try:
        found = kv_reading(engine, SOURCE, reply)
    except SourceError:
        return

    assert found.values == held(engine, reply)
    for key in found.values:
        picked = pick(found, key)
        assert isinstance(picked, SourceError) or picked == found.values[key]
    assert found.canonical() == kv_reading(engine, SOURCE, shuffled(reply)).canonical()


def pick(found: Reading, key: str) -> str | SourceError:
    try:
        return found.pick(key)
    except SourceError as error:
        return error


def shuffled(document: Any) -> Any:
    """The same document with its maps in reverse order."""
    if isinstance(document, dict):
        return {key: shuffled(document[key]) for key in reversed(document)}
    return [shuffled(part) for part in document] if isinstance(document, list) else document


@given(st.dictionaries(TEXT, ANY_JSON, max_size=3), st.dictionaries(TEXT, ANY_JSON, max_size=3))
def test_readings_have_one_canonical_form_exactly_when_they_hold_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (canonical(one) == canonical(other)) == (as_text(one) == as_text(other))


def canonical(values: Mapping[str, Any]) -> bytes:
    return Reading(SOURCE, "1", values).canonical()


def as_text(document: Any) -> str:
    """A form in which 1 and True, and 0.0 and -0.0, differ."""
    return repr(sorted((key, repr(shuffle_keys(value))) for key, value in document.items()))


def shuffle_keys(document: Any) -> Any:
    if isinstance(document, dict):
        return sorted((key, repr(shuffle_keys(value))) for key, value in document.items())
    return [shuffle_keys(part) for part in document] if isinstance(document, list) else document


@pytest.mark.parametrize("depth", [200, 300, 1000, 1020, 1100, 100_000])
def test_a_secret_that_is_nested_too_deep_costs_that_path_alone(depth: int) -> None:
    reply = checked(b'{"data":{"data":{"deep":' + nested(depth) + b',"text":"t"},"metadata":{"version":1}}}')

    assert reply is not None
    try:
        found = kv_reading("kv2", SOURCE, reply)
    except EngineMismatch:
        assert depth > 1000
    else:
        assert found.pick("text") == "t"
        assert found.canonical() == found.canonical()


def test_half_a_character_has_a_canonical_form() -> None:
    assert canonical({"a": "\ud800"}) != canonical({"a": "\ud801"})


@given(damaged(GONE) | st.just(GONE) | ANY_JSON)
def test_the_words_of_the_server_decide_why_a_source_is_absent(sent: Any) -> None:
    reply = sent if isinstance(sent, dict) else None
    found = absence("kv2", SOURCE, reply)

    assert isinstance(found, SourceError)
    told_of_version = isinstance(found, SourceDeleted | SourceDestroyed)
    assert told_of_version == (
        reply is not None
        and "errors" not in reply
        and isinstance(reply.get("data"), dict)
        and isinstance(reply["data"].get("metadata"), dict)
    )


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def outcome(read: Callable[[Mapping[str, Any]], Any], reply: Mapping[str, Any]) -> Any:
    """The result of a reader for a reply, or its fault."""
    try:
        return read(reply)
    except SecretsManagerError as fault:
        return fault


@given(perhaps_damaged(LOGIN).filter(lambda it: isinstance(it, dict)))
def test_a_login_gives_a_token_that_fits_into_a_header_or_fails(reply: dict[str, Any]) -> None:
    found = outcome(token_replies.grant_in, reply)

    if isinstance(found, token_replies.Grant):
        assert found.token == reply["auth"]["client_token"]
        assert found.token.encode("latin-1").strip() == found.token.encode()
        assert found.ttl >= 0
        assert found.uses >= 0
    else:
        assert isinstance(found, BackendFault)


@given(perhaps_damaged(LOOK_UP).filter(lambda it: isinstance(it, dict)))
def test_a_look_up_gives_times_from_zero_or_fails(reply: dict[str, Any]) -> None:
    found = outcome(token_replies.token_facts, reply)

    if isinstance(found, token_replies.TokenFacts):
        assert found.ttl >= 0
        assert found.full >= 0
        assert found.expires == (found.ttl > 0 or reply["data"].get("expire_time") is not None)
    else:
        assert isinstance(found, BackendFault)


@given(perhaps_damaged(HEALTH).filter(lambda it: isinstance(it, dict)))
def test_health_is_what_the_server_says_or_nothing(reply: dict[str, Any]) -> None:
    found = token_replies.server_facts(reply)

    if found is None:
        assert not isinstance(reply.get("version"), str)
    else:
        assert found.version == reply["version"]
        assert found.serving == (reply.get("sealed") is False)


@pytest.mark.parametrize("namespace", ["team", "/team/", "admin/team", "root/team"])
@pytest.mark.parametrize(
    ("says", "ignores"), [({"enterprise": False}, True), ({"enterprise": True}, False), ({}, False)]
)
def test_only_a_server_that_says_it_is_not_enterprise_ignores_a_namespace(
    says: dict[str, Any], ignores: object, namespace: str
) -> None:
    found = token_replies.server_facts({**HEALTH, **says}, namespace)

    assert found is not None
    assert found.ignores_namespace is ignores


@pytest.mark.parametrize("namespace", ["", "/", "root", "root/"])
def test_the_root_namespace_is_not_ignored(namespace: str) -> None:
    found = token_replies.server_facts({**HEALTH, "enterprise": False}, namespace)

    assert found is not None
    assert not found.ignores_namespace


def test_whole_replies_are_understood() -> None:
    assert token_replies.grant_in(LOGIN) == token_replies.Grant(token="hvs.token", ttl=1200, renewable=True)
    facts = token_replies.token_facts(copy.deepcopy(LOOK_UP))
    assert facts == token_replies.TokenFacts(ttl=1000, full=1200, expires=True, renewable=True)


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────

SEGMENTS = st.sampled_from(
    [
        "secret", "data", "team", "other", "..", ".", "", "%2e%2e", "%252e%252e", "%2f", "%252f", "..%2f",
        "\\", "..\\", "%5c..", "team%2f..", "a b", "?", "#", "%", "%25", "\u2024\u2024", "*",
    ]
)  # fmt: skip
PATHS = st.lists(SEGMENTS, min_size=1, max_size=7).map("/".join)
OWN = PathPolicy(("secret/data/{namespace}/*",))


def folded(path: str) -> str:
    """What the most lenient server could make of a path: escapes undone, slashes alike, dots folded."""
    while (once := unquote(path).replace("\\", "/")) != path:
        path = once
    return posixpath.normpath(path)


@given(PATHS | st.lists(SEGMENTS, max_size=4).map(lambda more: "/".join(["secret/data/team", *more])))
def test_no_path_that_is_let_through_can_be_folded_out_of_the_namespace_s_own_tree(path: str) -> None:
    try:
        source = locate(path)
        OWN.check("team", source.path)
    except (InvalidPath, PathNotAllowed):
        return

    assert f"{folded(source.path)}/".startswith("secret/data/team/")


def test_a_path_of_percent_signs_within_percent_signs_takes_no_time() -> None:
    with pytest.raises(InvalidPath, match="longer than"):
        locate("%" + "25" * 500_000)
