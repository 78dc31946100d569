"""What the Secret of each definition was when it was last in step, and what a write would take from it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.lifecycle import OnShrink
from secrets_manager.domain.plan import is_ours
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret
from secrets_manager.domain.shrink import NO_SHRINK, Shrink, shrink


class _Known(NamedTuple):
    target: Ref
    mark: bytes
    # None where they are not worth the memory.
    keys: frozenset[str] | None


@dataclass(eq=False)
class InStep:
    """Remembers a digest of each Secret, and with `onShrink: Refuse` its keys; safe from many threads."""

    digester: Digester
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[Ref, _Known] = field(default_factory=dict)

    def note(self, ref: Ref, spec: SecretSpec, desired: DesiredSecret) -> None:
        """The Secret of ``ref`` is as it is desired."""
        keys = frozenset(desired.digests) if spec.on_shrink is OnShrink.REFUSE else None
        known = _Known(desired.ref, self._mark(desired), keys)
        with self._lock:
            self._known[ref] = known

    def was(self, ref: Ref, desired: DesiredSecret) -> bool:
        """Whether the Secret was as it is desired when it was last in step."""
        known = self._known.get(ref)
        return known is not None and known.mark == self._mark(desired)

    def shrink(
        self, ref: Ref, spec: SecretSpec, desired: DesiredSecret, observed: ObservedSecret | None
    ) -> Shrink:
        """What a write would take from a Secret of ours, as far as the spec wishes that to be looked at."""
        if observed is None or spec.on_shrink is OnShrink.ALLOW or not is_ours(desired, observed):
            return NO_SHRINK
        return shrink(
            desired,
            observed,
            could_give=spec.could_give,
            empty=self.digester.of(b""),
            ours=self._keys(ref, desired.ref),
        )

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._known.pop(ref, None)

    def _keys(self, ref: Ref, target: Ref) -> Collection[str] | None:
        known = self._known.get(ref)
        return known.keys if known is not None and known.target == target else None

    def _mark(self, desired: DesiredSecret) -> bytes:
        parts = (desired.owner.uid, desired.retained, desired.ref, desired.type, desired.digests)
        return self.digester.of(repr((*parts, desired.labels, desired.annotations, desired.wished)).encode())
