"""The names that a data key of a Secret may have.

Rules: apimachinery pkg/util/validation, IsConfigMapKey.
"""

from __future__ import annotations

import re

# What a data key must not have.
NOT_IN_KEYS = re.compile(r"[^-._a-zA-Z0-9]")
LONGEST_KEY = 253


def is_data_key(name: str) -> bool:
    """Whether Kubernetes takes ``name`` as a data key of a Secret."""
    if not 0 < len(name) <= LONGEST_KEY or NOT_IN_KEYS.search(name):
        return False
    return name != "." and not name.startswith("..")
