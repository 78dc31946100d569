"""Paths and replies of the key-value engines."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.base import Source
from secrets_manager.backends.vault.kv import (
    absence,
    domains,
    gone_version,
    is_no_read,
    kv_reading,
    locate,
    made_at,
    refused_dots,
    url_path,
)
from secrets_manager.domain.errors import (
    DynamicSecretUnsupported,
    EngineMismatch,
    InvalidPath,
    InvalidVersion,
    KeyNotFound,
    NotAString,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
    is_absence,
    is_sure_absence,
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
            "signs that look like dots and slashes": (
                "secret/data/\u2024\u2024/\uff0e\uff0e\u2215a",
                "secret/data/\u2024\u2024/\uff0e\uff0e\u2215a",
            ),
            "dots beside other signs": (
                "secret/data/..;/.. /..%00/%c0%ae%c0%ae",
                "secret/data/..;/.. /..%00/%c0%ae%c0%ae",
            ),
            "backslashes in a row": ("secret/data/a\\\\b", "secret/data/a\\\\b"),
            "a slash at the end behind a percent sign": ("secret/data/app%2f", "secret/data/app%2f"),
            "a secret that is called auth/token": ("secret/data/auth/token/a", "secret/data/auth/token/a"),
            "a secret that is called sys/health": ("secret/data/sys/health", "secret/data/sys/health"),
            "a mount below a folder": ("team/sys-a/data/login", "team/sys-a/data/login"),
            "names that begin alike": ("authors/data/a", "authors/data/a"),
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
        "secret/data/a%2f%2fb",
        "secret/data/a/%2fb",
        "secret/data/a%252f/b",
        "secret/data/app%2f%2f",
        "%2fsecret/data/app",
        "secret/data/a\x00b",
        "secret/data/a\nb",
        "secret/data/a\x7fb",
        "secret/data/a\x85b",
        "secret/data/\ud800",
        "auth/token/lookup-self",
        "/auth/token/lookup-self",
        "team/auth/token/lookup-self",
        "team/east/auth/token/lookup-accessor",
        "team/auth%2ftoken%2flookup-self",
        "team/auth%252ftoken/lookup-self",
        "team/%61uth/token/lookup-self",
        "team/auth\\token/lookup-self",
        "team/auth\\\\token/lookup-self",
        "team/auth%5c%5ctoken/lookup-self",
        "%5csys/mounts",
        "\\cubbyhole\\response",
        "team/sys/health%2f",
        "team/sys/seal-status\\",
        "team/auth/approle/login%252f",
        "auth/approle/login",
        "team/auth/kubernetes/k8s/login",
        "sys/leases/revoke",
        "team/sys/leases/revoke",
        "sys/health",
        "team/sys/seal-status",
        "sys/mounts",
        "identity/entity/id/x",
        "cubbyhole/response",
        "data/auth/token/lookup-self",
        "team/identity/oidc/token/role",
        "team/identity%2foidc/token/role",
    ],
)
def test_a_path_that_must_never_be_asked_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        locate(path)


@pytest.mark.parametrize(
    "path",
    [
        "team/auth/token/lookup-self",
        "secret/auth/token/x",
        "secret/data/auth/token/x",
        "a/sys/health",
        "team/identity/oidc/token/me",
        "a/b/identity%2foidc/token/me",
        "a/b/identity/oidc/token/role",
    ],
)
def test_with_version_1_the_own_paths_are_refused_wherever_they_stand(path: str) -> None:
    with pytest.raises(InvalidPath, match="daemon's own"):
        locate(path, "kv1")


@pytest.mark.parametrize(
    "path", ["secret/identity/db", "secret/sys/db", "secret/auth/db", "a/token/auth", "a/identity/oidc/token"]
)
def test_with_version_1_a_folder_may_have_a_name_of_vaults_own(path: str) -> None:
    assert locate(path, "kv1") == Source(path)


PARTS = (
    "..",
    ".",
    "/",
    "%2e",
    "%2F",
    "%25",
    "%5c",
    "\\",
    "a",
    "?",
    "#",
    ";",
    " ",
    "\u2024",
    "\u2215",
    "\uff0e",
)


@given(st.text(max_size=40) | st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_no_path_that_is_accepted_can_leave_its_segments_on_the_way(path: str) -> None:
    try:
        source = locate(path)
    except InvalidPath:
        return
    sent = url_path(source)

    assert sent.isascii()
    assert not set("?#\\ \t") & set(sent)
    assert sent.count("/") == source.path.count("/") + 2
    for _ in range(len(sent)):
        # What a proxy makes of it that decodes it once too often, and again; it may end in a slash.
        assert not {"", ".", ".."} & set(sent.removesuffix("/").split("/")[1:])
        sent = unquote(sent)


def test_every_sign_of_a_name_is_percent_encoded_once() -> None:
    sent = url_path(Source("secret/data/a b+c@d?e#f%2fg/é"))

    assert sent == "/v1/secret/data/a%20b%2Bc%40d%3Fe%23f%252fg/%C3%A9"


def test_a_wanted_version_is_asked_for() -> None:
    assert url_path(Source("secret/data/app", "7")) == "/v1/secret/data/app?version=7"


def test_kv2_gives_the_inner_map_and_its_version() -> None:
    found = kv_reading("kv2", SOURCE, kv2({"a": "1"}))

    assert (found.source, found.version, dict(found.values)) == (SOURCE, "3", {"a": "1"})


def test_kv1_gives_the_map_and_has_no_version() -> None:
    found = kv_reading("kv1", SOURCE, kv1({"a": "1"}))

    assert (found.version, dict(found.values)) == ("", {"a": "1"})


def test_the_empty_key_means_the_key_named_data() -> None:
    assert kv_reading("kv1", SOURCE, kv1({"data": "x", "": "y"})).pick("") == "x"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(KeyNotFound, match="'b'"):
        kv_reading("kv2", SOURCE, kv2({"a": "1"})).pick("b")


def test_a_reading_shows_no_value() -> None:
    assert "canary" not in repr(kv_reading("kv2", SOURCE, kv2({"a": "canary"})))


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
        kv_reading("kv2", SOURCE, reply)


@pytest.mark.parametrize("reply", [{"data": None}, {"data": []}, {"data": "x"}, {}])
def test_a_reply_of_another_shape_is_not_read_as_kv1(reply: dict[str, Any]) -> None:
    with pytest.raises(EngineMismatch, match="kv1"):
        kv_reading("kv1", SOURCE, reply)


def test_a_kv2_secret_read_as_kv1_has_maps_where_texts_should_be() -> None:
    with pytest.raises(NotAString, match="map"):
        kv_reading("kv1", SOURCE, kv2({"a": "1"})).pick("data")


@pytest.mark.parametrize("engine", ["kv1", "kv2"])
def test_a_leased_secret_is_refused(engine: Any) -> None:
    with pytest.raises(DynamicSecretUnsupported):
        kv_reading(engine, SOURCE, {"lease_id": "database/creds/x/1", "data": {"username": "u"}})


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
                SourceNotFound,
            ),
            "nothing said": ({"data": None, "warnings": None}, SourceNotFound),
            "no body": (None, SourceNotFound),
        }
    ),
)
def test_the_body_of_a_404_decides_its_meaning(reply: dict[str, Any] | None, meaning: type) -> None:
    assert type(absence("kv2", SOURCE, reply)) is meaning


def test_only_an_empty_list_of_errors_and_a_version_that_is_gone_are_sure_words() -> None:
    sure: list[dict[str, Any]] = [{"errors": []}, kv2(None, **DELETED), kv2(None, **DESTROYED)]
    doubtful: list[dict[str, Any] | None] = [
        {"errors": ["no handler for route"]},
        {"errors": None},
        {"data": None, "warnings": None},
        None,
    ]

    assert all(is_sure_absence(absence("kv2", SOURCE, reply)) for reply in sure)
    assert not any(is_sure_absence(absence("kv2", SOURCE, reply)) for reply in doubtful)
    assert all(is_absence(absence("kv2", SOURCE, reply)) for reply in doubtful)


def test_an_error_about_a_path_without_data_names_what_is_missing() -> None:
    reply = {"data": None, "warnings": ["Invalid path for a versioned K/V"]}

    assert "needs data/" in absence("kv2", SOURCE, reply).message
    assert type(absence("kv1", SOURCE, reply)) is EngineMismatch


@pytest.mark.parametrize(
    ("reply", "version"),
    [
        (kv2(None, **DELETED), "3"),
        (kv2(None, **DESTROYED), "3"),
        ({"errors": []}, ""),
        ({"errors": [], **kv2(None, **DELETED)}, ""),
        ({"data": None, "warnings": ["x"]}, ""),
        (None, ""),
    ],
)
def test_only_the_metadata_of_a_version_says_that_it_is_gone(reply: Any, version: str) -> None:
    assert gone_version(reply) == version


@pytest.mark.parametrize(
    ("created", "made"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000000"),
        ("2026-01-02T03:04:05.12Z", "2026-01-02T03:04:05.120000000"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789"),
        ("2026-01-02T03:04:05+01:00", ""),
        ("canary", ""),
        (7, ""),
    ],
)
def test_when_a_version_was_made_sorts_by_time(created: object, made: str) -> None:
    assert made_at(kv2({"a": "1"}, created_time=created)) == made


@pytest.mark.parametrize("engine", ["kv1", "kv2"])
@pytest.mark.parametrize("reply", [{"auth": {"client_token": "x"}}, {"wrap_info": {"token": "x"}}])
def test_a_reply_with_a_token_of_ours_is_no_secret(engine: Any, reply: dict[str, Any]) -> None:
    with pytest.raises(EngineMismatch):
        kv_reading(engine, SOURCE, {**kv2({"a": "1"}), **reply})


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"errors": ["1 error occurred:\n\t* unsupported operation\n\n"]}, True),
        ({"errors": ["canary"]}, False),
        ({"errors": "unsupported operation"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_only_vaults_own_words_say_that_nothing_can_be_read(reply: Any, *, told: bool) -> None:
    assert is_no_read(reply) is told


NO_DOTS = {"errors": ["1 error occurred:\n\t* read failed: relative paths not supported\n\n"]}


@pytest.mark.parametrize("path", ["kv1/..a", "kv1/a..", "kv1/team/a..b", "kv1/..."])
def test_a_path_that_vault_cannot_keep_says_what_is_wrong_with_it(path: str) -> None:
    error = refused_dots(Source(path), NO_DOTS)

    assert isinstance(error, SourceNotFound)
    assert error.message == (
        f"path '{path}' does not exist in the backend; "
        "Vault keeps no path with two dots in a row in KV version 1"
    )
    # It was refused, not looked for: that must not delete a Secret.
    assert error.doubtful


@pytest.mark.parametrize(
    ("path", "reply"),
    [("kv1/a.b", NO_DOTS), ("kv1/a..b", {"errors": ["canary"]}), ("kv1/a..b", {}), ("kv1/a..b", None)],
)
def test_any_other_400_says_nothing_about_dots(path: str, reply: Any) -> None:
    assert refused_dots(Source(path), reply) is None


def test_a_deleted_version_is_named() -> None:
    assert "version 3" in absence("kv2", SOURCE, kv2(None, **DELETED)).message


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("app", ()),
        ("secret/data/app", ("secret", "secret/data")),
        ("team/kv/data/app", ("team", "team/kv", "team/kv/data")),
        ("/".join("abcdefghijkl"), tuple("/".join("abcdefgh"[:length]) for length in range(1, 9))),
    ],
)
def test_each_beginning_of_a_path_may_be_a_namespace_or_a_mount(path: str, parts: tuple[str, ...]) -> None:
    assert domains(Source(path)) == parts


def test_a_version_is_part_of_the_source_and_of_the_request() -> None:
    assert locate("secret/data/app", version="12") == Source("secret/data/app", "12")
    assert url_path(locate("secret/data/a?b", version="12")) == "/v1/secret/data/a%3Fb?version=12"


@pytest.mark.parametrize("version", ["0", "03", "-1", "1.0", "latest", "3&list=true", "9" * 11, "²", " 3"])
def test_what_is_no_number_from_1_is_no_version(version: str) -> None:
    with pytest.raises(InvalidVersion, match="it must be a whole number from 1"):
        locate("secret/data/app", version=version)


def test_version_1_of_the_engine_has_no_versions() -> None:
    with pytest.raises(
        InvalidVersion, match="version '3' of path 'secret/app': version 1 of the engine keeps only"
    ):
        locate("secret/app", "kv1", "3")


@pytest.mark.parametrize("version", [4, None, "3", True])
def test_a_reply_of_another_version_than_the_one_asked_for_is_not_used(version: object) -> None:
    source = locate("secret/data/app", version="3")
    reply = {"data": {"data": {"a": "canary"}, "metadata": {"version": version}}}
    gone = {"data": {"data": None, "metadata": {"version": version}}}

    with pytest.raises(EngineMismatch, match="is not a version 3 reply") as caught:
        kv_reading("kv2", source, reply)
    assert "canary" not in caught.value.message
    # It must not pass for an absence either, which may take a key from a Secret.
    assert absence("kv2", source, gone) == caught.value
