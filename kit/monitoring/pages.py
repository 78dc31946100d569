"""What pages say of all alerts: the table in docs/monitoring.md, and the list of runbooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kit.monitoring.alerts import ALERTS, GROUPS
from kit.monitoring.rule import Alert

__all__ = ["BEGIN", "END", "PAGES", "PageError", "with_made_part"]

BEGIN = "<!-- make monitoring writes what follows -->"
END = "<!-- end of what make monitoring writes -->"
_PART = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


class PageError(Exception):
    """A page lacks the marks between which something is to be written."""


def with_made_part(name: str, page: str) -> str:
    """The page with the present text between its marks. Raises PageError."""
    made, times = _PART.subn(lambda _: f"{BEGIN}\n\n{PAGES[name]()}\n\n{END}", page)
    if times != 1:
        raise PageError(f"{name}: the lines {BEGIN} and {END} have to be there once, in this order")
    return made


def _table() -> str:
    rows = [_row(alert) for alert in ALERTS]
    return "\n".join(["| alert | severity | after | meaning |", "|---|---|---|---|", *rows])


def _row(alert: Alert) -> str:
    link = f"[{alert.name}](runbooks/{alert.name}.md)"
    return f"| {link} | {alert.severity} | {alert.after} | {alert.meaning} |"


def _lists() -> str:
    return "\n\n".join(_list(group.capitalize(), alerts) for group, alerts in GROUPS.items())


def _list(heading: str, alerts: tuple[Alert, ...]) -> str:
    items = [f"- [{alert.name}]({alert.name}.md): {_lowered(alert.meaning)}" for alert in alerts]
    return "\n".join([f"## {heading}", "", *items])


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:] if sentence[1] in " abcdefghijklmnopqrstuvwxyz" else sentence


# What is written into which page.
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/monitoring.md": _table,
    "docs/runbooks/README.md": _lists,
}
