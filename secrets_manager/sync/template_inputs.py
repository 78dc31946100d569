"""What is read for templates alone (``spec.inputs``), and never more than a Secret could hold. No I/O."""

from __future__ import annotations

from typing import Any

from secrets_manager.backends.base import Reading, WholePath
from secrets_manager.domain.checks import MAX_SECRET_BYTES
from secrets_manager.domain.definition import Input
from secrets_manager.domain.errors import KeyNotFound, TooLarge


class TemplateInputs:
    """Takes inputs from readings; ``values`` are those taken so far, by name, and ``size`` their bytes."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.size = 0

    def take_whole(self, name: str, whole: WholePath) -> None:
        """Take one input that is a whole path; raises its fault, and TooLarge."""
        floor = whole.floor_of_all()
        self._require_room(name, floor)
        value = whole.value()
        self._put(name, value, max(floor, sum(map(_size, value.values()))))

    def take_key(self, name: str, key: str, source: Input, reading: Reading) -> None:
        """Take one input that is the value under ``key``; raises the fault of that, and TooLarge."""
        floor = reading.floor_of_text(key)
        self._require_room(name, floor)
        try:
            value = reading.value_of(key)
        except KeyNotFound:
            if not source.may_be_absent:
                raise
            self.miss(name, source)
        else:
            self._put(name, value, max(floor, _size(value)))

    def miss(self, name: str, source: Input) -> None:
        """Nothing is there: the default takes its place, if there is one. Raises TooLarge."""
        if source.default is not None:
            self._put(name, source.default, len(source.default))

    def _put(self, name: str, value: object, size: int) -> None:
        self._require_room(name, size)
        self.size += size
        self.values[name] = value

    def _require_room(self, name: str, more: int) -> None:
        if self.size + more > MAX_SECRET_BYTES:
            raise TooLarge(
                f"with {name!r} spec.inputs have at least {self.size + more} bytes in total, and"
                f" {MAX_SECRET_BYTES} are the most"
            )


def _size(value: object) -> int:
    """At least so many bytes, line ends included."""
    return len(value) if isinstance(value, str) else 1
