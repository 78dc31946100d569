"""Random jitter, so that waits that start together do not end together.

It comes from the operating system and not from Python's shared generator: replicas that are forked or seeded
alike stay apart, and our threads do not disturb code that seeds that generator.
"""

from __future__ import annotations

import random

_system = random.SystemRandom()


def jitter() -> float:
    """A number from 0 to 1, below 1."""
    return _system.random()
