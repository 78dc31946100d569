"""The secrets of a vault, with versions, attributes in whole seconds, and those deleted but not purged.

After https://learn.microsoft.com/azure/key-vault/secrets/about-secrets and, for deletion,
https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview. Knows nothing of HTTP.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Store", "Stored"]


@dataclass(slots=True, kw_only=True)
class Stored:
    """One version of a secret; times are Unix times in whole seconds."""

    name: str
    version: str
    value: str | None = field(repr=False)
    content_type: str | None
    enabled: bool
    expires: int | None
    not_before: int | None
    created: int
    updated: int
    managed: bool

    def attributes(self) -> dict[str, object]:
        """As the vault shows them."""
        shown: dict[str, object] = {
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.updated,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        }
        if self.expires is not None:
            shown["exp"] = self.expires
        if self.not_before is not None:
            shown["nbf"] = self.not_before
        return shown


class Store:
    """Secrets by name, whose case does not matter; `now` gives Unix time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._live: dict[str, list[Stored]] = {}
        self._deleted: dict[str, list[Stored]] = {}

    # ── what a person does ───────────────────────────────────────────────────────────────────────────

    def put(
        self,
        name: str,
        value: str | None,
        *,
        content_type: str | None = None,
        expires: float | None = None,
        not_before: float | None = None,
    ) -> str:
        """Store a new version and return it; a certificate's is marked as managed."""
        second = int(self._now())
        stored = Stored(
            name=name,
            version=secrets.token_hex(16),
            value=value,
            content_type=content_type,
            enabled=True,
            expires=None if expires is None else int(expires),
            not_before=None if not_before is None else int(not_before),
            created=second,
            updated=second,
            managed=content_type in {"application/x-pkcs12", "application/x-pem-file"},
        )
        with self._lock:
            self._live.setdefault(name.lower(), []).append(stored)
        return stored.version

    def enable(self, name: str, *, enabled: bool = True) -> None:
        """Switch the newest version on or off."""
        with self._lock:
            newest = self._live[name.lower()][-1]
            newest.enabled = enabled
            newest.updated = int(self._now())

    def delete(self, name: str) -> None:
        """Delete a secret with all its versions, so that it can be recovered."""
        with self._lock:
            self._deleted[name.lower()] = self._live.pop(name.lower())

    def recover(self, name: str) -> None:
        """Take a deletion back."""
        with self._lock:
            self._live[name.lower()] = self._deleted.pop(name.lower())

    def purge(self, name: str) -> None:
        """Let go of a secret for good, deleted before or not."""
        with self._lock:
            self._live.pop(name.lower(), None)
            self._deleted.pop(name.lower(), None)

    # ── what the API asks ────────────────────────────────────────────────────────────────────────────

    def find(self, name: str, version: str = "") -> Stored | None:
        """A version of a secret, the newest when none is named."""
        with self._lock:
            versions = self._live.get(name.lower(), [])
            if not version:
                return versions[-1] if versions else None
            return next((one for one in versions if one.version == version), None)

    def find_deleted(self, name: str) -> Stored | None:
        """The newest version of a deleted secret."""
        with self._lock:
            versions = self._deleted.get(name.lower(), [])
            return versions[-1] if versions else None

    def page(self, after: str, size: int) -> tuple[list[Stored], bool]:
        """The newest versions of the next secrets by name, and whether there are more."""
        with self._lock:
            names = sorted(name for name in self._live if name > after)
            return [self._live[name][-1] for name in names[:size]], len(names) > size
