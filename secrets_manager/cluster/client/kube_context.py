"""Which context of a kubeconfig is meant, and the namespace that calls are about when none is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from secrets_manager.domain.errors import ConfigError
from secrets_manager.domain.wording import in_quotes

_MOST_NAMES = 20


def check_context(names: Sequence[str], context: str, files: str) -> None:
    """Raise ConfigError that lists the contexts there are, if that one is not among their ``names``.

    ``context`` is "" where nobody named one, the kubeconfig included.
    """
    if context not in names:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        there_are = f"its contexts are {', '.join(names[:_MOST_NAMES])}{more}" if names else "it has none"
        missing = f"context {in_quotes(context)}" if context else "current-context"
        raise ConfigError(f"kubeconfig {files!r} has no {missing}; {there_are}")


def namespace_of_pod(file: Path) -> str:
    """The namespace in the file of the service account, "" if there is none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
