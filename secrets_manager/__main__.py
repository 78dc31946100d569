"""``python -m secrets_manager`` and the console script ``secrets-manager``."""

from __future__ import annotations

import os
import sys

from secrets_manager.daemon import cli
from secrets_manager.daemon.hardening import harden


def main() -> None:
    """Run with the process's own arguments and environment, and end it."""
    argv = sys.argv[1:]
    cli.end(cli.main(argv, os.environ, harden=lambda: harden(argv, os.environ)))


if __name__ == "__main__":
    main()
