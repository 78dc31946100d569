"""A row of bars as SVG in the page: no picture to fetch, and no script."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from secrets_manager.daemon.web.markup import tag

_WIDTH, _GAP, _HEIGHT = 6, 2, 40


def bars(counts: Sequence[int], label: str) -> Element:
    """A bar for each number, the highest as high as the picture; ``label`` says in words what they show."""
    highest = max(counts, default=0)
    width = len(counts) * (_WIDTH + _GAP)
    base = tag("line", x1="0", x2=str(width), y1=str(_HEIGHT), y2=str(_HEIGHT))
    drawn = [_bar(place, number, highest) for place, number in enumerate(counts) if number]
    size = {"width": str(width), "height": str(_HEIGHT + 1), "viewBox": f"0 0 {width} {_HEIGHT + 1}"}
    return tag("svg", tag("title", label), base, drawn, role="img", aria_label=label, **size)


def _bar(place: int, number: int, highest: int) -> Element:
    height = max(1, round(_HEIGHT * number / highest))
    return tag(
        "rect",
        x=str(place * (_WIDTH + _GAP)),
        y=str(_HEIGHT - height),
        width=str(_WIDTH),
        height=str(height),
    )
