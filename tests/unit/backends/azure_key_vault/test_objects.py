"""The object that a path names in a vault."""

from __future__ import annotations

import pytest

from secrets_manager.backends.azure_key_vault.objects import Item, ObjectKind, item_of, locate
from secrets_manager.backends.azure_key_vault.plugin import PLUGIN
from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath, InvalidVersion, PathNotAllowed
from secrets_manager.domain.policy import PathPolicy
from tests.unit.backends.tables import rows

VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "source", "item"),
    rows(
        {
            "a name": ("app", Source("app"), Item(ObjectKind.SECRET, "app", "")),
            "a leading slash": ("/app", Source("app"), Item(ObjectKind.SECRET, "app", "")),
            "a version": (f"app/{VERSION}", Source("app", VERSION), Item(ObjectKind.SECRET, "app", VERSION)),
            "secrets/ says the same": ("secrets/app", Source("app"), Item(ObjectKind.SECRET, "app", "")),
            "with a version too": (
                f"secrets/a/{VERSION}",
                Source("a", VERSION),
                Item(ObjectKind.SECRET, "a", VERSION),
            ),
            "a certificate": (
                "certificates/tls",
                Source("certificates/tls"),
                Item(ObjectKind.CERTIFICATE, "tls", ""),
            ),
            "a certificate's version": (
                f"certificates/tls/{VERSION}",
                Source("certificates/tls", VERSION),
                Item(ObjectKind.CERTIFICATE, "tls", VERSION),
            ),
            "a key": ("keys/signing", Source("keys/signing"), Item(ObjectKind.KEY, "signing", "")),
            "a secret that is called secrets": (
                "secrets",
                Source("secrets"),
                Item(ObjectKind.SECRET, "secrets", ""),
            ),
            "and its version": (
                "secrets/secrets",
                Source("secrets"),
                Item(ObjectKind.SECRET, "secrets", ""),
            ),
            "digits, dashes, both cases": ("0-Ab", Source("0-ab"), Item(ObjectKind.SECRET, "0-ab", "")),
        }
    ),
)
def test_a_path_names_one_object(path: str, source: Source, item: Item) -> None:
    assert locate(path) == source
    assert item_of(source) == item


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//app",
        "a_b",
        "a.b",
        "a b",
        "a?b",
        "ключ",
        "..",
        "a/..",
        "../a",
        "a/",
        "a//b",
        "a/b/c",
        "secrets/a/b/c",
        "secrets/",
        "certificates/",
        "storage/a/b",
        "keys/",
        "a/b_c",
        "a\n",
        "a\x00",
        "x" * 128,
        "app/" + "0" * 65,
    ],
)
def test_a_path_that_no_vault_can_hold_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        locate(path)


def test_the_longest_name_is_fine() -> None:
    assert locate("x" * 127).path == "x" * 127


@pytest.mark.parametrize("path", ["app", "APP", "/App", "secrets/aPP", "/secrets/App"])
def test_a_name_in_any_case_is_one_source(path: str) -> None:
    assert locate(path) == Source("app")


@pytest.mark.parametrize("pattern", ["{namespace}-*", "TEAM-*", "team-Db"])
@pytest.mark.parametrize("path", ["team-db", "Team-DB"])
def test_a_policy_takes_names_that_differ_in_case_only_for_the_same(pattern: str, path: str) -> None:
    policy = PathPolicy((pattern,), ignores_case=PLUGIN.ignores_case)

    policy.check("team", locate(path).path)

    with pytest.raises(PathNotAllowed):
        policy.check("team", locate("Other-Db").path)


@pytest.mark.parametrize("path", ["app", "secrets/app", "certificates/tls", "keys/signing"])
def test_a_version_beside_the_path_is_the_same_as_one_in_it(path: str) -> None:
    assert locate(path, VERSION) == locate(f"{path}/{VERSION}") == locate(f"{path}/{VERSION}", VERSION)
    assert locate(path, "") == locate(path)


@pytest.mark.parametrize("version", ["a_b", "a/b", "..", "0" * 65, "é", "a\n", " "])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion, match="a version is letters and digits"):
        locate("app", version)


def test_two_versions_of_one_path_are_refused() -> None:
    with pytest.raises(InvalidVersion, match="the path names another version"):
        locate(f"app/{VERSION}", "other")
