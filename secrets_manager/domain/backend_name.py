"""Names of backends, as settings and definitions write them. Pure."""

from __future__ import annotations

import re

# The name of the backend of the flags, and for definitions that name none.
DEFAULT_BACKEND = "default"

# apimachinery pkg/util/validation: IsDNS1123Label.
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_backend_name(text: str) -> bool:
    """Whether a backend can have this name: a DNS-1123 label, of at most 63 characters."""
    return _LABEL.fullmatch(text) is not None
