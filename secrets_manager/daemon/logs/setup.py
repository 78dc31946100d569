"""Sets up logging for the whole process: one handler that never blocks, the chosen format, quiet libraries.

A line is formatted and redacted by the thread that logs, so nothing that could hold a secret waits in the
queue; one thread of our own writes. When the reader of the logs is stuck, lines are dropped and counted and
work goes on. Only this module changes the logging state of the process; it must not know what is logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from secrets_manager.daemon.logs.formats import ConsoleFormatter, JsonFormatter
from secrets_manager.daemon.logs.repeats import Repeats
from secrets_manager.daemon.logs.shares import LogShares
from secrets_manager.runtime.reminder import REMIND_SECONDS
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
# Their warnings repeat the text of Entra ID or Google, which may repeat the request, or (APScheduler) the
# text of a job's exception. We log each of these failures ourselves.
SILENT_LIBRARIES = ("apscheduler", "azure", "google", "msal")

log = logging.getLogger("logs")


def write_to_stderr(line: bytes) -> None:
    """Write all of a line to file descriptor 2, past Python's buffers and their locks."""
    while line:
        line = line[os.write(2, line) :]


class QueuedHandler(logging.Handler):
    """Hands formatted lines to a thread that writes them; never blocks, never raises.

    Lines about a namespace are subject to its share (``logs/shares.py``).

    Attributes:
        dropped: lines that could not be kept or written since the start, or were left out.

    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.dropped = 0
        self._clock = clock
        self._shares = LogShares(clock())
        self._comfortable = capacity // 2
        self._unreported = 0
        self._reported_at = float("-inf")
        self._write = write
        self._counting = threading.Lock()
        self._lines: queue.Queue[str | threading.Event | None] = queue.Queue(capacity)
        self._writer = threading.Thread(target=self._run, name="logs", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record and queue its line, or count it as dropped."""
        try:
            self._report_left_out()
            if self._is_left_out(record):
                self._count_left_out()
                return
            self._lines.put_nowait(self.format(record))
        except Exception:  # noqa: BLE001 - logging must never fail the work that it is about
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
            self._report_left_out(last=True)
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
            self._unreported += 1

    def _count_left_out(self) -> None:
        with self._counting:
            self.dropped += 1

    def _is_left_out(self, record: logging.LogRecord) -> bool:
        namespace = getattr(record, "namespace", None)
        roomy = self._lines.qsize() < self._comfortable
        if not isinstance(namespace, str) or not namespace:
            # Debug lines about paths may come from the thousands of one namespace, too.
            return record.levelno < logging.INFO and not roomy
        has_room = record.levelno < logging.WARNING and roomy
        return not self._shares.admit(namespace, self._clock(), has_room=has_room)

    def _report_left_out(self, *, last: bool = False) -> None:
        for namespace, lines in self._shares.left_out(self._clock(), last=last):
            fields = {
                "name": log.name,
                "levelno": logging.WARNING,
                "msg": "log lines of a namespace were left out",
            }
            record = logging.makeLogRecord({**fields, "namespace": namespace, "lines": lines})
            # The metric has the count in any case.
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait(self.format(record))

    def alive(self) -> bool:
        """Whether lines are still written."""
        return self._writer.is_alive()

    def _run(self) -> None:
        while True:
            try:
                item = self._lines.get()
                if item is None:
                    return
                self._take(item)
            except Exception:  # noqa: BLE001 - no memory at the moment costs a line, not the log
                self._drop()

    def _take(self, item: str | threading.Event) -> None:
        if isinstance(item, threading.Event):
            item.set()
        elif self._put(item):
            self._report_dropped()

    def _put(self, line: str) -> bool:
        try:
            self._write(f"{line}\n".encode(errors="backslashreplace"))
        except Exception:  # noqa: BLE001 - a closed pipe costs lines, not the process
            self._drop()
            return False
        return True

    def _report_dropped(self) -> None:
        """Log how many lines were lost, once there is room: at once, then every ten minutes at most.

        A reader that is a little too slow loses lines all the time.
        """
        with self._counting:
            if time.monotonic() - self._reported_at < REMIND_SECONDS:
                return
            lost, self._unreported = self._unreported, 0
        if lost:
            self._reported_at = time.monotonic()
            fields = {"name": log.name, "levelno": logging.WARNING, "msg": "log lines were dropped"}
            self._put(self.format(logging.makeLogRecord({**fields, "lines": lost})))


def configure_logs(
    settings: LogSettings, *, write: Callable[[bytes], None] = write_to_stderr
) -> QueuedHandler:
    """Set up the process's logging and return the handler, whose `close` writes the last lines.

    A second call replaces the first set-up.
    """
    handler = QueuedHandler(write)
    formatter = JsonFormatter if settings.encoder == "json" else ConsoleFormatter
    handler.setFormatter(formatter(stacktrace_level=settings.stacktrace_level))
    handler.addFilter(Repeats())
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
    """Make this the root logger's only handler; an earlier handler of ours is closed."""
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, QueuedHandler):
            old.close()
    root.addHandler(handler)


def log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log the exception that ended the main thread, redacted as every other line."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught exception", exc_info=(kind, error, trace))


def log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    """Log the exception that ended another thread."""
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
    name = args.thread.name if args.thread else ""
    log.critical("uncaught exception in a thread", exc_info=exc_info, extra={"thread_": name})


def log_unraisable(args: sys.UnraisableHookArgs) -> None:
    """Log an exception that cannot be raised, such as one in a finaliser.

    Python itself would write it to standard error as it stands, with the repr of an object.
    """
    error = args.exc_value
    exc_info = (args.exc_type, error, args.exc_traceback) if error is not None else None
    log.error("exception ignored", exc_info=exc_info)
