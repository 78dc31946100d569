"""The command line: what is printed, and with which code the process ends."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from secrets_manager.daemon.allocator import give_back_large_blocks
from secrets_manager.daemon.assembly import Outside, Program, assemble, real_world
from secrets_manager.daemon.configuration import ExitRequest, load
from secrets_manager.daemon.daemon import Daemon
from secrets_manager.daemon.logs import QueuedHandler, configure_logs
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.once import Report, run_once
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

log = logging.getLogger("daemon")


def main(
    argv: Sequence[str], environ: Mapping[str, str], *, harden: Callable[[], None] = lambda: None
) -> int:
    """Run the program; returns the exit code. ``harden`` is called once settings are read and logs set up."""
    give_back_large_blocks()
    try:
        settings = load(argv, environ, Path.cwd())
    except ConfigError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    if isinstance(settings, ExitRequest):
        print(settings.out, end="")
        print(settings.err, end="", file=sys.stderr)
        return settings.code
    return _run(settings, harden)


def _run(settings: Settings, harden: Callable[[], None]) -> int:
    handler = configure_logs(settings.logging)
    try:
        harden()
        for notice in settings.notices:
            log.warning(notice)
        metrics = Metrics(settings)
        outside = real_world(settings, metrics)
        try:
            return _work(settings, metrics, outside, handler)
        finally:
            outside.api.close()
    except ConfigError as error:
        # Logs are set up, but a fault of the settings is for a person at a terminal.
        print(error.message, file=sys.stderr)
        return error.exit_code
    finally:
        handler.close()


def _work(settings: Settings, metrics: Metrics, outside: Outside, logs: QueuedHandler) -> int:
    if settings.once:
        report = Report()
        return run_once(assemble(settings, metrics, outside, report.add), report)
    return _serve(assemble(settings, metrics, outside), lambda: logs.dropped)


def _serve(program: Program, lines_dropped: Callable[[], int]) -> int:
    daemon = Daemon(program, lines_dropped)
    # What was loaded so far lives as long as the process: the collector need not look at it again.
    gc.freeze()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.on_signal)
    return daemon.run()


def end(code: int) -> None:
    """End the process without waiting for threads of libraries that may hang."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
