"""``python -m docsite FOLDER`` puts what the site is made of into FOLDER; scripts/docs builds it."""

from __future__ import annotations

import sys
from pathlib import Path

from docsite.diagrams import DiagramError
from docsite.navigation import NavigationError
from docsite.staging import stage

if __name__ == "__main__":
    try:
        stage(Path.cwd(), Path(sys.argv[1]))
    except (NavigationError, DiagramError) as error:
        sys.exit(f"docs: {error}")
