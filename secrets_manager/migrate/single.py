"""The conversion of an object that becomes one definition, whatever its operator. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.reading import located
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.migrate.results import Converted, Made

__all__ = ["Conversion", "converted"]


class Conversion(Protocol):
    """Makes the definition of one object; ``remarks`` are what it found to say so far."""

    remarks: list[Remark]

    def made(self) -> Made:
        """The definition. Raises Refused."""


def converted(original: Original, of_fields: Iterable[Remark], conversion: Conversion) -> Converted:
    """What the object became; ``of_fields`` is what its table says, which may refuse it first."""
    remarks = tuple(of_fields)
    if any(remark.refuses for remark in remarks):
        return Converted(original=original, remarks=remarks)
    try:
        made = conversion.made()
    except Refused as why:
        return Converted(
            original=original, remarks=(*remarks, *conversion.remarks, located(original, why.remark))
        )
    return Converted(original=original, made=(made,), remarks=(*remarks, *conversion.remarks))
