"""The process itself: the folder that it began in, and its end. It loads next to nothing."""

from __future__ import annotations

import os
from pathlib import Path

from secrets_manager.daemon.std_streams import flush_what_is_left


def working_folder() -> Path:
    """The current folder, or a relative name of none."""
    try:
        return Path.cwd()
    except OSError:
        # It is gone, and so is a settings file in it.
        return Path()


def end(code: int) -> None:
    """End the process without waiting for threads of libraries that may hang."""
    flush_what_is_left()
    os._exit(code)
