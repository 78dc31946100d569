"""JSON pointers, by the examples of RFC 6901 and against the document they are made from."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends import pointer
from secrets_manager.backends.pointer import NotThere, is_pointer, tokens_of

# RFC 6901, section 5.
DOCUMENT: Any = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
# RFC 6901, section 6, less the whole document.
FRAGMENTS = {
    "#/foo": ["bar", "baz"],
    "#/foo/0": "bar",
    "#/": 0,
    "#/a~1b": 1,
    "#/c%25d": 2,
    "#/e%5Ef": 3,
    "#/g%7Ch": 4,
    "#/i%5Cj": 5,
    "#/k%22l": 6,
    "#/%20": 7,
    "#/m~0n": 8,
}


def resolve(document: Any, key: str) -> Any:
    return pointer.resolve(document, tokens_of(key))


@pytest.mark.parametrize(("key", "value"), FRAGMENTS.items())
def test_the_examples_of_the_rfc_hold(key: str, value: object) -> None:
    assert resolve(DOCUMENT, key) == value


@pytest.mark.parametrize(
    "key",
    [
        "#/bar",
        "#/foo/2",
        "#/foo/-",
        "#/foo/00",
        "#/foo/+1",
        "#/foo/" + "9" * 5000,
        "#/foo/bar",
        "#//x",
        "#/m~2n",
    ],
)
def test_a_pointer_to_nothing_is_reported(key: str) -> None:
    with pytest.raises(NotThere):
        resolve(DOCUMENT, key)


@pytest.mark.parametrize("key", ["", "data", "#", "/foo", "tls.crt"])
def test_a_plain_key_is_no_pointer(key: str) -> None:
    assert not is_pointer(key)


@given(st.lists(st.text(), min_size=1, max_size=4), st.text())
def test_every_member_has_a_pointer(path: list[str], value: str) -> None:
    document: Any = value
    for name in reversed(path):
        document = {name: document}
    tokens = [
        quote(name.replace("~", "~0").replace("/", "~1"), safe="~", errors="surrogatepass") for name in path
    ]

    assert resolve(json.loads(json.dumps(document)), "#/" + "/".join(tokens)) == value
