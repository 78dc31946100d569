"""Where External Secrets reads; the cases are those that its own source lists, and those around them."""

from __future__ import annotations

import pytest

from secrets_manager.migrate.external_secrets.vault_paths import full_path


@pytest.mark.parametrize(
    ("mount", "is_v2", "key", "path"),
    [
        ("secret", True, "a/b", "secret/data/a/b"),
        ("secret", True, "secret/a", "secret/data/a"),
        ("secret", True, "secret/data/a", "secret/data/a"),
        ("secret", True, "data/a", "secret/data/data/a"),
        ("secret", True, "secret", "secret/data/secret"),
        ("secret/path", True, "secret/path/foo", "secret/path/data/foo"),
        ("secret", False, "a/b", "secret/a/b"),
        ("secret", False, "secret/a", "secret/a"),
        ("secret", False, "secret/data/a", "secret/data/a"),
        ("/secret/", True, "secret/a", "secret/data/secret/a"),
        ("secret/", True, "a", "secret/data/a"),
        ("secret", True, "/a//b/", "secret/data/a/b"),
        ("secret", False, "./a", "secret/a"),
        (None, False, "/secret/a/", "secret/a"),
        (None, True, "secret/a/b", "secret/data/a/b"),
        (None, True, "secret/a/data/b", "secret/a/data/b"),
        (None, True, "secret", "secret/data"),
        (None, False, "secret/a", "secret/a"),
    ],
)
def test_the_path_is_that_of_its_provider(mount: str | None, *, is_v2: bool, key: str, path: str) -> None:
    assert full_path(key, mount, is_v2=is_v2) == path
