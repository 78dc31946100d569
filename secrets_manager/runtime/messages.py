"""What is sent and what comes back, as values. Their texts show neither headers nor bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. ``timeout`` is in seconds and counts the whole call, connect and body included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP reply. ``headers`` is case-insensitive; ``body`` is hidden since it may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
