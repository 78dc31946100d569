"""What a definition may wish: how often sources are read, and what their losses and its own end lead to."""

from __future__ import annotations

from enum import StrEnum

# Bounds of ``spec.refreshPeriod``, in seconds.
SHORTEST_REFRESH = 1.0
LONGEST_REFRESH = 7 * 24 * 3600.0


class OnDelete(StrEnum):
    """``spec.onDelete``: what becomes of the Secret when the definition goes, or names another Secret."""

    DELETE = "Delete"
    RETAIN = "Retain"


class OnSourceGone(StrEnum):
    """``spec.onSourceGone``: what becomes of the Secret when a path of it is gone from the backend."""

    KEEP = "Keep"
    DELETE = "Delete"


class OnShrink(StrEnum):
    """``spec.onShrink``: what to do with a change that would take keys away, or empty a value."""

    WARN = "Warn"
    REFUSE = "Refuse"
    ALLOW = "Allow"
