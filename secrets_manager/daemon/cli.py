"""The command line: what is printed, and with which code the process ends."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import FrameType

from secrets_manager.daemon.allocator import give_back_large_blocks
from secrets_manager.daemon.assembly import ExternalServices, Program, assemble, external_services
from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.daemon.config.setting_checks import backend_notices, scope_notices
from secrets_manager.daemon.daemon import Daemon
from secrets_manager.daemon.logs.setup import QueuedHandler, configure_logs, log_uncaught
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.once import Interruption, run_once
from secrets_manager.daemon.once_report import Report
from secrets_manager.daemon.process import working_folder
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

log = logging.getLogger("daemon")

_EXIT_FAILED = 1

Harden = Callable[[MutableMapping[str, str], Settings], None]


def main(argv: Sequence[str], environ: MutableMapping[str, str], *, harden: Harden = lambda *_: None) -> int:
    """Run the program; returns the exit code.

    ``harden`` is called once settings are read and logs set up: with the environment and the settings.
    """
    given = dict(environ)
    give_back_large_blocks()
    try:
        settings = load(argv, environ, working_folder())
    except ConfigError as error:
        say(f"{error.message}\n", sys.stderr)
        return error.exit_code
    if isinstance(settings, ExitRequest):
        say(settings.err, sys.stderr)
        return settings.code if say(settings.out, sys.stdout) or not settings.out else _EXIT_FAILED
    return _run(settings, given, lambda: harden(environ, settings))


def _run(settings: Settings, environ: Mapping[str, str], harden: Callable[[], None]) -> int:
    handler = configure_logs(settings.logging)
    try:
        harden()
        for notice in (*settings.notices, *backend_notices(settings), *scope_notices(settings)):
            log.warning(notice)
        metrics = Metrics(settings)
        services = external_services(settings, metrics, environ)
        try:
            return _work(settings, metrics, services, handler)
        finally:
            services.api.close()
    except ConfigError as error:
        # Logs are set up, but a fault of the settings is for a person at a terminal.
        say(f"{error.message}\n", sys.stderr)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever it was, the process ends, and says why
        # Now: the hook for uncaught exceptions comes after the log is closed, and its line would be lost.
        log_uncaught(type(error), error, error.__traceback__)
        return _EXIT_FAILED
    finally:
        handler.close()


def _work(settings: Settings, metrics: Metrics, services: ExternalServices, logs: QueuedHandler) -> int:
    if settings.once:
        report, interruption = Report(several=len(settings.backends) > 1), Interruption()
        program = assemble(settings, metrics, services, report.add)
        _heed_signals(interruption.on_signal)
        return run_once(program, report, interruption=interruption)
    return _serve(assemble(settings, metrics, services), logs)


def _serve(program: Program, logs: QueuedHandler) -> int:
    daemon = Daemon(program, lambda: logs.dropped, logs.alive)
    # Everything that is loaded by now lives as long as the process: the collector need not visit it again.
    gc.freeze()
    _heed_signals(daemon.on_signal)
    return daemon.run()


def _heed_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
