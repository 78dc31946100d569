"""Which path names what in a vault."""

from __future__ import annotations

import pytest

from secrets_manager.backends.azure_key_vault.objects import Item, Kind, item_of, locate
from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath
from tests.unit.backends.tables import rows

VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "source", "item"),
    rows(
        {
            "a name": ("app", Source("app"), Item(Kind.SECRET, "app", "")),
            "a leading slash": ("/app", Source("app"), Item(Kind.SECRET, "app", "")),
            "a version": (f"app/{VERSION}", Source("app", VERSION), Item(Kind.SECRET, "app", VERSION)),
            "secrets/ says the same": ("secrets/app", Source("app"), Item(Kind.SECRET, "app", "")),
            "with a version too": (
                f"secrets/a/{VERSION}",
                Source("a", VERSION),
                Item(Kind.SECRET, "a", VERSION),
            ),
            "a certificate": (
                "certificates/tls",
                Source("certificates/tls"),
                Item(Kind.CERTIFICATE, "tls", ""),
            ),
            "a certificate's version": (
                f"certificates/tls/{VERSION}",
                Source("certificates/tls", VERSION),
                Item(Kind.CERTIFICATE, "tls", VERSION),
            ),
            "a key": ("keys/signing", Source("keys/signing"), Item(Kind.KEY, "signing", "")),
            "a secret that is called secrets": (
                "secrets",
                Source("secrets"),
                Item(Kind.SECRET, "secrets", ""),
            ),
            "and its version": (
                "secrets/secrets",
                Source("secrets"),
                Item(Kind.SECRET, "secrets", ""),
            ),
            "digits, dashes, both cases": ("0-Ab", Source("0-Ab"), Item(Kind.SECRET, "0-Ab", "")),
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
def test_what_no_vault_can_hold_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        locate(path)


def test_the_longest_name_is_fine() -> None:
    assert locate("x" * 127).path == "x" * 127
