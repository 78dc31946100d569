"""Common parts of both stores of the cluster: the order of versions, and indexes that are read without a
lock.
"""

from __future__ import annotations

from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")

_LONGEST = 20


def is_older(version: str, than: str) -> bool:
    """Whether a resourceVersion is older than another of the same kind.

    They are decimal and ordered for all kinds the API server stores in etcd (KEP-5504); anything else
    compares as not older, which costs a needless reconcile and nothing more.
    """
    return _comparable(version, than) and int(version) < int(than)


def is_newer(version: str, than: str) -> bool:
    """Whether it is newer; versions that cannot be compared count as newer."""
    return not _comparable(version, than) or int(version) > int(than)


def _comparable(version: str, other: str) -> bool:
    return _is_number(version) and _is_number(other)


def _is_number(version: str) -> bool:
    # Of 64 bits at the most; digits of other scripts, and thousands of them, are no numbers to Python either.
    return version.isascii() and version.isdigit() and len(version) <= _LONGEST


def put_in(index: dict[_K, tuple[_V, ...]], key: _K, value: _V) -> None:
    """Have ``value`` among those under ``key``; the tuple is replaced, so a reader that holds it sees no
    change.
    """
    before = index.get(key, ())
    if value not in before:
        index[key] = (*before, value)


def take_out(index: dict[_K, tuple[_V, ...]], key: _K, value: _V) -> None:
    """Have ``value`` no more under ``key``, and no key without values."""
    rest = tuple(each for each in index.get(key, ()) if each != value)
    if rest:
        index[key] = rest
    else:
        index.pop(key, None)
