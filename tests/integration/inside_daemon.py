"""The daemon with a spy in its process; ``python -m tests.integration.inside_daemon`` takes its flags.

Once a file ``ask`` is in the working folder, the spy writes to ``told`` what only the process itself can see.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from secrets_manager.__main__ import main

_PR_GET_DUMPABLE = 3


def spy(folder: Path) -> None:
    """Wait for the file ``ask``, then write."""
    while not (folder / "ask").exists():
        time.sleep(0.05)
    child = subprocess.run(["env"], capture_output=True, text=True, check=True)  # noqa: S607
    told = {
        "dumpable": ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0),
        "environ": dict(os.environ),
        "child": child.stdout,
        "levels": {
            name: logging.getLogger(name).getEffectiveLevel() for name in logging.root.manager.loggerDict
        },
        "faulthandler": faulthandler.is_enabled(),
        "hooks": [sys.excepthook.__module__, threading.excepthook.__module__, sys.unraisablehook.__module__],
    }
    (folder / "telling").write_text(json.dumps(told), encoding="utf-8")
    (folder / "telling").rename(folder / "told")


if __name__ == "__main__":
    threading.Thread(target=spy, args=(Path.cwd(),), daemon=True).start()
    main()
