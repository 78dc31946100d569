"""Which namespace may read which path of the backend.

The daemon reads everything with one identity, so without a policy whoever may write a SecretDefinition
anywhere can read every path the daemon can (a confused deputy). The policy is the operator's, in the
daemon's own settings, and is checked on the path as the backend would see it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from secrets_manager.domain.errors import PathNotAllowed

_NAMESPACE = "{namespace}"


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """Patterns of allowed paths: ``*`` stands for any text, ``{namespace}`` for the definition's namespace.

    An empty policy allows every path, as the original did.
    """

    patterns: tuple[str, ...] = field(default=())

    def check(self, namespace: str, path: str) -> None:
        """Return when ``namespace`` may read ``path``; raise PathNotAllowed otherwise."""
        if not self.patterns:
            return
        if not any(_matches(pattern, namespace, path) for pattern in self.patterns):
            raise PathNotAllowed(namespace, path)


def _matches(pattern: str, namespace: str, path: str) -> bool:
    first, *others = pattern.replace(_NAMESPACE, namespace).lstrip("/").split("*")
    if not others:
        return path == first
    *middle, last = others
    if not path.startswith(first) or not path.endswith(last):
        return False
    return _stand_in_order(middle, path, len(first), len(path) - len(last))


def _stand_in_order(parts: list[str], path: str, start: int, end: int) -> bool:
    # Not a regular expression: one with many stars takes time without bound on a path made for it.
    for part in parts:
        found = path.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return start <= end
