"""Requests and replies as values. Their reprs show neither headers nor bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.runtime.terms import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. ``deadline`` covers the whole call, including connect and body."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    deadline: Deadline

    def until(self, deadline: Deadline) -> Request:
        """The same request with another deadline."""
        # Each first try comes through here, and `replace` takes several times as long.
        return Request(
            method=self.method, url=self.url, headers=self.headers, body=self.body, deadline=deadline
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP reply. ``headers`` is case-insensitive; ``body`` is hidden since it may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
