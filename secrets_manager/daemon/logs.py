"""Sets up logging for the whole process: one handler that never blocks, the chosen format, quiet libraries.

A line is formatted and redacted by the thread that logs, so nothing that could hold a secret waits in the
queue; one thread of our own writes. When the reader of the logs is stuck, lines are dropped and counted and
work goes on. The one module that changes the logging state of the process; what is logged is not its
business.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from secrets_manager.daemon.log_formats import ConsoleFormatter, JsonFormatter
from secrets_manager.settings import LogSettings

CAPACITY = 10_000
LAST_LINES_SECONDS = 1.0

# Their lines below a warning show requests and headers; kubernetes.client.rest logs whole replies at debug.
QUIET_LIBRARIES = (
    "asyncio",
    "dynaconf",
    "hvac",
    "kubernetes",
    "kubernetes.client.rest",
    "requests",
    "urllib3",
)
# Their warnings repeat what Entra ID wrote, and that may repeat what it was shown, or (APScheduler) the text
# of whatever a job raised. Each failure is told by us.
SILENT_LIBRARIES = ("apscheduler", "azure", "msal")

log = logging.getLogger("logs")


def write_to_stderr(line: bytes) -> None:
    """Write all of a line to file descriptor 2, past Python's buffers and their locks."""
    while line:
        line = line[os.write(2, line) :]


class QueuedHandler(logging.Handler):
    """Hands formatted lines to a thread that writes them; never blocks, never raises.

    Attributes:
        dropped: lines that could not be kept or written since the start.

    """

    def __init__(self, write: Callable[[bytes], None], *, capacity: int = CAPACITY) -> None:
        super().__init__()
        self.dropped = 0
        self._untold = 0
        self._write = write
        self._counting = threading.Lock()
        self._lines: queue.Queue[str | threading.Event | None] = queue.Queue(capacity)
        self._writer = threading.Thread(target=self._run, name="logs", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record and queue its line, or count it as dropped."""
        try:
            self._lines.put_nowait(self.format(record))
        except Exception:  # noqa: BLE001 - logging must never fail the work that it tells of
            self._drop()

    def flush(self) -> None:
        """Wait until the lines queued so far are written, for a second at most."""
        written = threading.Event()
        try:
            self._lines.put(written, timeout=LAST_LINES_SECONDS)
        except queue.Full:
            return
        if self._writer.is_alive():
            written.wait(LAST_LINES_SECONDS)

    def close(self) -> None:
        """Write what is queued, for a second at most, and end the thread."""
        if self._writer.is_alive():
            self.flush()
            try:
                self._lines.put_nowait(None)
            except queue.Full:
                return
            self._writer.join(LAST_LINES_SECONDS)
        super().close()

    def _drop(self) -> None:
        with self._counting:
            self.dropped += 1
            self._untold += 1

    def _run(self) -> None:
        while (item := self._lines.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            if self._put(item):
                self._tell_dropped()

    def _put(self, line: str) -> bool:
        try:
            self._write(f"{line}\n".encode(errors="backslashreplace"))
        except Exception:  # noqa: BLE001 - a closed pipe costs lines, not the process
            self._drop()
            return False
        return True

    def _tell_dropped(self) -> None:
        """Say once, when lines can be queued again, how many were lost."""
        with self._counting:
            lost, self._untold = self._untold, 0
        if lost:
            told = {"name": log.name, "levelno": logging.WARNING, "msg": "log lines were dropped"}
            self._put(self.format(logging.makeLogRecord({**told, "lines": lost})))


def configure_logs(
    settings: LogSettings, *, write: Callable[[bytes], None] = write_to_stderr
) -> QueuedHandler:
    """Make this the process's logging and return the handler, whose `close` writes the last lines.

    Calling it again replaces what an earlier call set up.
    """
    handler = QueuedHandler(write)
    formatter = JsonFormatter if settings.encoder == "json" else ConsoleFormatter
    handler.setFormatter(formatter(stacktrace_level=settings.stacktrace_level))
    replace_handlers(handler)
    logging.getLogger().setLevel(settings.level)
    for library in QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, settings.level))
    for library in SILENT_LIBRARIES:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    logging.captureWarnings(True)
    sys.excepthook = log_uncaught
    threading.excepthook = log_uncaught_in_thread
    sys.unraisablehook = log_unraisable
    return handler


def replace_handlers(handler: logging.Handler) -> None:
    """Let the root logger have this handler alone; an earlier one of ours is closed."""
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, QueuedHandler):
            old.close()
    root.addHandler(handler)


def log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ended the main thread, through the same redaction as everything else."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught exception", exc_info=(kind, error, trace))


def log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    """Log what ended another thread."""
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
    name = args.thread.name if args.thread else ""
    log.critical("uncaught exception in a thread", exc_info=exc_info, extra={"thread_": name})


def log_unraisable(args: sys.UnraisableHookArgs) -> None:
    """Log what went wrong where nothing can be raised, such as in a finaliser.

    Python itself would write it to standard error as it stands, together with the repr of what was at hand.
    """
    error = args.exc_value
    exc_info = (args.exc_type, error, args.exc_traceback) if error is not None else None
    log.error("exception ignored", exc_info=exc_info)
