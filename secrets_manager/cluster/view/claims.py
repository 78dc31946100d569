"""The definitions that claim each Secret, in the order of their age.

Every author can make thousands of definitions that name one Secret, and each change of one of them comes
through here on the informer's thread. So the claims are kept in order: a change costs a binary search, and
asking for the eldest costs the same for many as for one.
"""

from __future__ import annotations

from bisect import bisect_left

from secrets_manager.domain.definition import Definition, Ref

# Claims are ordered by age, then by uid, and by name if both are missing.
_Claim = tuple[tuple[str, str], Ref]


class Claims:
    """Claims by Secret, the eldest first. A definition that is being deleted claims nothing.

    Not safe from many threads: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._by_target: dict[Ref, list[_Claim]] = {}

    def move(self, before: Definition | None, after: Definition | None) -> None:
        """Take out what ``before`` claims and put in what ``after`` does; None claims nothing."""
        left, taken = _claim(before), _claim(after)
        if left == taken:
            return
        if left:
            self._take_out(*left)
        if taken:
            self._put_in(*taken)

    def of(self, target: Ref) -> list[Ref]:
        """All that claim a Secret."""
        return [ref for _, ref in self._by_target.get(target, ())]

    def first(self, target: Ref, after: int = 0) -> Ref | None:
        """The eldest, or the one ``after`` so many; None if there are no more."""
        claims = self._by_target.get(target, ())
        return claims[after][1] if len(claims) > after else None

    def _put_in(self, target: Ref, claim: _Claim) -> None:
        claims = self._by_target.setdefault(target, [])
        claims.insert(bisect_left(claims, claim), claim)

    def _take_out(self, target: Ref, claim: _Claim) -> None:
        claims = self._by_target[target]
        del claims[bisect_left(claims, claim)]
        if not claims:
            del self._by_target[target]


def _claim(definition: Definition | None) -> tuple[Ref, _Claim] | None:
    if definition is None or definition.deleting:
        return None
    target = definition.target
    return None if target is None else (target, (definition.seniority, definition.ref))
