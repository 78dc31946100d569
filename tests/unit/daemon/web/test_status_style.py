"""The colours of the page can be read by day and by night, and a browser knows its sheet."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from secrets_manager.daemon.web.status_style import CSS, CSS_SOURCE, DARK, LIGHT

TEXTS = ("text", "dim", "link", "good", "bad", "odd")


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
@pytest.mark.parametrize("text", TEXTS)
def test_each_text_is_told_from_its_ground(palette: Mapping[str, str], ground: str, text: str) -> None:
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_bars_are_told_from_the_ground(palette: Mapping[str, str]) -> None:
    assert contrast(palette["bar"], palette["ground"]) >= 3


def test_the_policy_of_the_page_names_this_very_sheet() -> None:
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()

    assert f"'sha256-{digest}'" == CSS_SOURCE


def test_the_sheet_loads_nothing_and_uses_the_colours_that_there_are() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
    used = {part.partition(")")[0] for part in CSS.split("var(--")[1:]}
    assert used <= LIGHT.keys() == DARK.keys()
