"""What both stores of the cluster need: the order of versions, and indexes that are read without a lock."""

from __future__ import annotations

from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


def is_older(version: str, than: str) -> bool:
    """Whether a resourceVersion is older than another of the same kind.

    They are decimal and ordered for all kinds the API server stores in etcd (KEP-5504); anything else
    compares as not older, which costs a needless look and nothing more.
    """
    return version.isdigit() and than.isdigit() and int(version) < int(than)


def put_in(index: dict[_K, tuple[_V, ...]], key: _K, value: _V) -> None:
    """Have ``value`` among those under ``key``; the tuple is replaced, so whoever holds it sees no change."""
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
