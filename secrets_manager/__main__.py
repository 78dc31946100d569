"""``python -m secrets_manager`` and the console script ``secrets-manager``."""

from __future__ import annotations

import os
import sys

from secrets_manager.daemon import cli


def main() -> None:
    """Run with the process's own arguments and environment, and end it."""
    cli.end(cli.main(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
