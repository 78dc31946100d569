"""Paths and replies of the key-value engines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.base import Source
from secrets_manager.backends.vault.kv import absence, locate, reading, url_path
from secrets_manager.domain.errors import (
    DynamicSecretUnsupported,
    EngineMismatch,
    InvalidPath,
    KeyNotFound,
    NotAString,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
)
from tests.unit.backends.tables import rows

SOURCE = Source("secret/data/app")


def kv2(values: Any, **metadata: Any) -> dict[str, Any]:
    return {"lease_id": "", "data": {"data": values, "metadata": {"version": 3, **metadata}}}


def kv1(values: Any) -> dict[str, Any]:
    return {"lease_id": "", "lease_duration": 2764800, "data": values}


@pytest.mark.parametrize(
    ("written", "read"),
    rows(
        {
            "as the original has it": ("secret/data/app", "secret/data/app"),
            "with a leading slash": ("/secret/data/app", "secret/data/app"),
            "with a trailing slash": ("secret/data/app/", "secret/data/app"),
            "dots that are part of a name": ("secret/data/..app/a..b/...", "secret/data/..app/a..b/..."),
            "blanks and signs": (" secret/data/a b+c@d?e#f&g=h", " secret/data/a b+c@d?e#f&g=h"),
            "percent signs": ("secret/data/100%/%zz/%41", "secret/data/100%/%zz/%41"),
            "letters of the world": ("secret/data/ключ/日本", "secret/data/ключ/日本"),
            "a secret that is called auth/token": ("secret/data/auth/token/a", "secret/data/auth/token/a"),
        }
    ),
)
def test_a_path_is_taken_as_written(written: str, read: str) -> None:
    assert locate(written) == Source(read)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "//secret/data/app",
        "secret//data/app",
        "secret/data/app//",
        ".",
        "..",
        "secret/./app",
        "secret/data/../../sys/mounts",
        "../sys/mounts",
        "secret/data/app/..",
        "secret/data/%2e%2e/app",
        "secret/data/%2E./app",
        "secret/data/%252e%252e/app",
        "secret/data/..%2fapp",
        "secret\\..\\app",
        "secret/data/a\x00b",
        "secret/data/a\nb",
        "secret/data/a\x7fb",
        "secret/data/a\x85b",
        "secret/data/\ud800",
        "auth/token/lookup-self",
        "/auth/token/lookup-self",
    ],
)
def test_a_path_that_must_never_be_asked_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        locate(path)


@given(st.text(max_size=40))
def test_no_path_that_is_accepted_can_leave_its_segments_on_the_way(path: str) -> None:
    try:
        source = locate(path)
    except InvalidPath:
        return
    sent = url_path(source)

    assert sent.isascii()
    assert not set("?#\\ \t") & set(sent)
    assert sent.count("/") == source.path.count("/") + 2
    assert not {"", ".", ".."} & set(sent.split("/")[1:])


def test_every_sign_of_a_name_is_percent_encoded_once() -> None:
    sent = url_path(Source("secret/data/a b+c@d?e#f%2fg/é"))

    assert sent == "/v1/secret/data/a%20b%2Bc%40d%3Fe%23f%252fg/%C3%A9"


def test_a_wanted_version_is_asked_for() -> None:
    assert url_path(Source("secret/data/app", "7")) == "/v1/secret/data/app?version=7"


def test_kv2_gives_the_inner_map_and_its_version() -> None:
    found = reading("kv2", SOURCE, kv2({"a": "1"}))

    assert (found.source, found.version, dict(found.values)) == (SOURCE, "3", {"a": "1"})


def test_kv1_gives_the_map_and_has_no_version() -> None:
    found = reading("kv1", SOURCE, kv1({"a": "1"}))

    assert (found.version, dict(found.values)) == ("", {"a": "1"})


def test_the_empty_key_means_the_key_named_data() -> None:
    assert reading("kv1", SOURCE, kv1({"data": "x", "": "y"})).pick("") == "x"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(KeyNotFound, match="'b'"):
        reading("kv2", SOURCE, kv2({"a": "1"})).pick("b")


def test_a_reading_shows_no_value() -> None:
    assert "canary" not in repr(reading("kv2", SOURCE, kv2({"a": "canary"})))


@pytest.mark.parametrize(
    "reply",
    rows(
        {
            "a KV1 secret": kv1({"a": "1"}),
            "a KV1 secret with a key called data": kv1({"data": "1"}),
            "a KV1 secret whose key data is a map": kv1({"data": {"a": "1"}}),
            "no data": {"data": None},
            "a list": {"data": ["a"]},
            "nothing at all": {},
            "data null": {"data": {"data": None, "metadata": {"version": 1}}},
            "data a list": {"data": {"data": [], "metadata": {"version": 1}}},
            "data a text": {"data": {"data": "x", "metadata": {"version": 1}}},
            "metadata missing": {"data": {"data": {"a": "1"}}},
        }
    ),
)
def test_a_reply_of_another_shape_is_not_read_as_kv2(reply: dict[str, Any]) -> None:
    with pytest.raises(EngineMismatch, match="kv2"):
        reading("kv2", SOURCE, reply)


@pytest.mark.parametrize("reply", [{"data": None}, {"data": []}, {"data": "x"}, {}])
def test_a_reply_of_another_shape_is_not_read_as_kv1(reply: dict[str, Any]) -> None:
    with pytest.raises(EngineMismatch, match="kv1"):
        reading("kv1", SOURCE, reply)


def test_a_kv2_secret_read_as_kv1_has_maps_where_texts_should_be() -> None:
    with pytest.raises(NotAString, match="map"):
        reading("kv1", SOURCE, kv2({"a": "1"})).pick("data")


@pytest.mark.parametrize("engine", ["kv1", "kv2"])
def test_a_leased_secret_is_refused(engine: Any) -> None:
    with pytest.raises(DynamicSecretUnsupported):
        reading(engine, SOURCE, {"lease_id": "database/creds/x/1", "data": {"username": "u"}})


DELETED = {"deletion_time": "2026-01-01T00:00:00Z", "destroyed": False}
DESTROYED = {"deletion_time": "", "destroyed": True}


@pytest.mark.parametrize(
    ("reply", "meaning"),
    rows(
        {
            "never stored": ({"errors": []}, SourceNotFound),
            "no such mount": ({"errors": ["no handler for route"]}, SourceNotFound),
            "soft-deleted": (kv2(None, **DELETED), SourceDeleted),
            "destroyed": (kv2(None, **DESTROYED), SourceDestroyed),
            "destroyed after deletion": (kv2(None, **{**DELETED, "destroyed": True}), SourceDestroyed),
            "not below data/": (
                {"data": None, "warnings": ["Invalid path for a versioned K/V"]},
                EngineMismatch,
            ),
            "nothing said": ({"data": None, "warnings": None}, SourceNotFound),
            "no body": (None, SourceNotFound),
        }
    ),
)
def test_the_body_of_a_404_tells_what_is_the_matter(reply: dict[str, Any] | None, meaning: type) -> None:
    assert type(absence("kv2", SOURCE, reply)) is meaning


def test_a_deleted_version_is_named() -> None:
    assert "version 3" in absence("kv2", SOURCE, kv2(None, **DELETED)).message
