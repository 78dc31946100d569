"""``python -m secrets_manager`` and the console script ``secrets-manager``."""

from __future__ import annotations

import gc
import os
import sys

# New objects between two looks of the collector. What is loaded below stays, and little of what is made later
# is in a cycle: with Python's own 700 the looks take a twentieth of a cold start.
gc.set_threshold(10_000, 10, 10)

from secrets_manager.daemon import cli  # noqa: E402 - loading is what the line above makes cheaper
from secrets_manager.daemon.hardening import harden  # noqa: E402 - as above


def main() -> None:
    """Run with the process's own arguments and environment, and end it."""
    argv = sys.argv[1:]
    cli.end(cli.main(argv, os.environ, harden=lambda: harden(argv, os.environ)))


if __name__ == "__main__":
    main()
