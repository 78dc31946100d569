"""Chance, to spread waits that would else end together.

It comes from the operating system and not from Python's shared generator: replicas that are forked or seeded
alike stay apart, and threads of ours change nothing for those who seed that generator.
"""

from __future__ import annotations

import random

_system = random.SystemRandom()


def chance() -> float:
    """A number from 0 to 1, below 1."""
    return _system.random()
