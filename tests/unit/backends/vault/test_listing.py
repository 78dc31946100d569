"""The folder of a path is found by the rules of its engine, and its list gives paths as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.vault.listing import Folder, folder_of, paths_in


@pytest.mark.parametrize(
    ("path", "listed"),
    [
        ("secret/data/app", "secret/metadata"),
        ("secret/data/shop/app", "secret/metadata/shop"),
        ("team/a/kv/data/data/x", "team/a/kv/metadata/data"),
        ("data/data/x", "data/metadata"),
    ],
)
def test_version_2_lists_below_metadata(path: str, listed: str) -> None:
    assert folder_of("kv2", path) == Folder(listed, path.rpartition("/")[0])


@pytest.mark.parametrize("path", ["secret/app", "app", "data/app"])
def test_a_path_that_shows_no_folder_of_version_2_has_none(path: str) -> None:
    assert folder_of("kv2", path) is None


def test_version_1_lists_the_folder_itself() -> None:
    assert folder_of("kv1", "kv/shop/app") == Folder("kv/shop", "kv/shop")
    assert folder_of("kv1", "kv") is None


@pytest.mark.parametrize(
    ("reply", "paths"),
    [
        ({"data": {"keys": ["a", "below/", 3, "b"]}}, ["f/a", "f/b"]),
        ({"data": {"keys": "a"}}, []),
        ({"data": None}, []),
        ({}, []),
    ],
)
def test_only_names_of_paths_are_taken(reply: dict[str, Any], paths: list[str]) -> None:
    assert list(paths_in(Folder("l", "f"), reply)) == paths
