"""Names of inputs that templates of a plan use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from secrets_manager.domain.definition import ALL_NAMES
from secrets_manager.migrate.originals import Json
from secrets_manager.templates.vocabulary import RESERVED

__all__ = ["Inputs"]

_FOREIGN = re.compile(r"[^A-Za-z0-9_]+")


class Inputs:
    """Inputs of a definition, each with a name that templates have as an identifier."""

    def __init__(self, taken: Iterable[str]) -> None:
        """``taken`` are names that none can have: those of keysMap."""
        self.made: dict[str, Json] = {}
        self._taken = {*taken, *RESERVED, ALL_NAMES}

    def named(self, wanted: str, origin: Json) -> str:
        """The name of an input that is read from there; one place has one name."""
        base = _FOREIGN.sub("_", wanted).strip("_") or "value"
        base = f"_{base}" if base[0].isdigit() else base
        name, number = base, 2
        while name in self._taken or self.made.get(name, origin) != origin:
            name, number = f"{base}_{number}", number + 1
        self.made[name] = origin
        return name
