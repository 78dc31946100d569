"""Which namespace may read which path of the backend.

The daemon reads everything with one identity, so without a policy whoever may write a SecretDefinition
anywhere can read every path the daemon can (a confused deputy). The policy is the operator's, in the
daemon's own settings, and is checked on the path as the backend would see it.
"""

from __future__ import annotations

import re
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
    concrete = pattern.replace(_NAMESPACE, namespace).lstrip("/")
    expression = ".*".join(re.escape(part) for part in concrete.split("*"))
    return re.fullmatch(expression, path, re.DOTALL) is not None
