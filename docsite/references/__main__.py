"""``python -m docsite.references`` writes the references anew, and names the files that changed."""

from __future__ import annotations

import sys
from pathlib import Path

from docsite.references.everything import made

if __name__ == "__main__":
    for name, text in made(lambda page: Path(page).read_text(encoding="utf-8")).items():
        file = Path(name)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"docs: {name} is written anew\n")
