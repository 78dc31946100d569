"""Changes by which a Secret would lose what its sources gave before. Pure.

Nothing is remembered of a source, so this goes by the Secret: a key that the present spec could give, and
that does not come any more, was lost by the source. A key that no part of the spec could give was taken out
by the spec's author, and is not meant here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from secrets_manager.domain.secret import DesiredSecret, ObservedSecret
from secrets_manager.domain.wording import in_quotes

# Keys that are named in a message.
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Shrink:
    """The data keys that a write would take away, and those whose value it would empty, in order."""

    lost: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.emptied)

    def sentence(self) -> str:
        """What the sources do not give any more."""
        lost = f"the sources no longer give {_names(self.lost)}" if self.lost else ""
        emptied = f"give an empty value for {_names(self.emptied)}" if self.emptied else ""
        if not lost:
            return f"the sources {emptied}"
        return f"{lost}, and {emptied}" if emptied else lost


NO_SHRINK = Shrink()


def shrink(
    desired: DesiredSecret,
    observed: ObservedSecret,
    *,
    could_give: Callable[[Collection[str]], Collection[str]],
    empty: bytes,
    ours: Collection[str] | None,
) -> Shrink:
    """How a write of ``desired`` over ``observed``, a Secret of ours, would shrink it.

    ``could_give`` picks the data keys that some part of the present spec may give. ``empty`` is the digest of
    no bytes. ``ours`` are the keys that were written last, None where that is not known: then a key that
    somebody added by hand looks like one that the source lost.
    """
    gone = observed.digests.keys() - desired.digests.keys()
    lost = tuple(sorted(could_give(gone if ours is None else gone.intersection(ours))))
    emptied = tuple(
        sorted(
            key
            for key, digest in desired.digests.items()
            if digest == empty and observed.digests.get(key, empty) != empty
        )
    )
    return Shrink(lost, emptied)


def _names(keys: Sequence[str]) -> str:
    shown = ", ".join(map(in_quotes, keys[:_MOST_NAMES]))
    more = len(keys) - _MOST_NAMES
    word = "key" if len(keys) == 1 else "keys"
    return f"{word} {shown} and {more} more" if more > 0 else f"{word} {shown}"
