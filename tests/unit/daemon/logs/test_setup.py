"""Log lines have zap's form, hold no credential, and never hold up the work."""

from __future__ import annotations

import ast
import errno
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.config.log_settings import log_settings
from secrets_manager.daemon.logs.formats import OWN_ATTRIBUTES, JsonFormatter, scalar
from secrets_manager.daemon.logs.redaction import MASK, redact
from secrets_manager.daemon.logs.setup import (
    QUIET_LIBRARIES,
    SILENT_LIBRARIES,
    QueuedHandler,
    configure_logs,
)
from secrets_manager.domain.errors import BackendTimeout, BackendUnavailable
from secrets_manager.settings import LogSettings
from tests.testbed.waiting import wait_until

PACKAGE = Path(__file__).parents[3] / "secrets_manager"


class Sink:
    """Collects what would go to standard error."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        self.written.append(line)

    def text(self, handler: QueuedHandler) -> str:
        handler.flush()
        return b"".join(self.written).decode()

    def lines(self, handler: QueuedHandler) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text(handler).splitlines()]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    levels = {name: logging.getLogger(name).level for name in (*QUIET_LIBRARIES, *SILENT_LIBRARIES)}
    yield
    for handler in root.handlers:
        if isinstance(handler, QueuedHandler):
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


@pytest.fixture
def sink() -> Sink:
    return Sink()


log = logging.getLogger("test.logger")


def fail_with(local: str) -> None:
    raise ValueError("no good")


def fail_because_of(token: str) -> None:
    raise BackendUnavailable(f"reply was\n{token}") from BackendTimeout(token)


# ── form ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_json_with_zap_s_fields_and_the_extra_keys(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    log.warning("secret replaced", extra={"namespace": "team", "name_": "app", "tries": 2, "path": None})

    (line,) = sink.lines(handler)
    assert list(line) == ["level", "ts", "logger", "msg", "namespace", "name", "tries", "path"]
    assert isinstance(line.pop("ts"), float)
    assert line == {
        "level": "warn",
        "logger": "test.logger",
        "msg": "secret replaced",
        "namespace": "team",
        "name": "app",
        "tries": 2,
        "path": None,
    }


@pytest.mark.parametrize(
    ("level", "name"), [(1, "debug"), (10, "debug"), (20, "info"), (30, "warn"), (40, "error"), (50, "error")]
)
def test_levels_have_zap_s_names(sink: Sink, level: int, name: str) -> None:
    handler = configure_logs(LogSettings(level=1), write=sink)

    log.log(level, "told")

    assert sink.lines(handler)[0]["level"] == name


def test_an_extra_key_cannot_replace_a_field_of_the_line(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    log.info("told", extra={"level": "x", "ts": "x", "logger": "x"})

    assert sink.lines(handler)[0]["level"] == "info"


def test_an_exception_is_logged_and_traced_from_the_chosen_level_on(sink: Sink) -> None:
    handler = configure_logs(LogSettings(stacktrace_level=logging.ERROR), write=sink)

    for level in (logging.WARNING, logging.ERROR):
        try:
            fail_with("canary-local")
        except ValueError:
            log.log(level, "failed", exc_info=True)

    warning, error = sink.lines(handler)
    assert warning["error"] == error["error"] == "ValueError"
    assert "stacktrace" not in warning
    assert error["stacktrace"].startswith("Traceback (most recent call last)")
    assert "fail_with" in error["stacktrace"]
    assert "canary" not in error["stacktrace"].replace('fail_with("canary-local")', "")


def fail_with_values() -> None:
    """As code that handles a value may, with libraries that quote what they were given."""
    value = "canary-{}"
    try:
        int(value.format("one"))
    except ValueError as first:
        first.add_note(value.format("a note"))
        try:
            vars(threading)[value.format("two")]
        except KeyError as second:
            raise OSError(errno.ENOSPC, value.format("three"), value.format("a file")) from second


@pytest.mark.parametrize("encoder", ["json", "console"])
def test_the_text_of_no_foreign_exception_shows_but_its_type_and_place_do(sink: Sink, encoder: Any) -> None:
    handler = configure_logs(LogSettings(encoder=encoder), write=sink)
    thread = threading.Thread(target=fail_with_values)
    thread.start()
    thread.join()

    text = sink.text(handler)
    assert "canary-" not in text.replace('value = "canary-{}"', "")
    assert all(word in text for word in ("ValueError", "KeyError", "OSError: No space left on device"))
    assert text.count("in fail_with_values") == 3


def test_a_loop_of_exceptions_that_led_to_one_another_is_traced_to_an_end(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    log.error("failed", exc_info=first)

    assert sink.lines(handler)[0]["stacktrace"].endswith("ValueError")


def test_the_console_form_is_columns_and_a_trace_below(sink: Sink) -> None:
    handler = configure_logs(LogSettings(encoder="console"), write=sink)

    log.info("two\nlines", extra={"namespace": "team"})
    try:
        fail_with("")
    except ValueError:
        log.exception("failed")

    first, second, *trace = sink.text(handler).splitlines()
    assert first.split("\t")[1:] == ["INFO", "test.logger", "two\\nlines", '{"namespace":"team"}']
    assert second.split("\t")[1:] == ["ERROR", "test.logger", "failed", '{"error":"ValueError"}']
    assert trace[-1] == "ValueError"


def test_a_value_that_is_no_json_scalar_is_shown_as_text() -> None:
    assert scalar(float("nan")) == "nan"
    assert scalar(("a", 1)) == "('a', 1)"
    assert scalar(Path("/x")) == "/x"
    assert scalar(True) is True


def test_a_value_without_a_text_costs_nothing_but_itself() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert scalar(Broken()) == "<Broken>"


def test_faulty_arguments_of_a_library_do_not_cost_the_line(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    log.info("%d objects", "many")

    assert sink.lines(handler)[0]["msg"] == "%d objects"


@given(st.text(), st.text())
def test_every_record_is_one_line_of_json(message: str, value: str) -> None:
    record = logging.makeLogRecord({"msg": message, "levelno": 20, "value": value})

    line = JsonFormatter(stacktrace_level=40).format(record)

    assert "\n" not in line
    assert isinstance(json.loads(line), dict)


def test_no_call_gives_a_key_that_python_keeps_to_itself() -> None:
    clashes = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}: {key.value}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant) and key.value in OWN_ATTRIBUTES
    ]

    assert clashes == []


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────

TOKENS = [
    "hvs.CAESIJ1xyz_-abc",
    "hvb.AAAAAQJ_abc",
    "s.abcdefghijklmnopqrstuvwx",
    "b.ABCDEFGHIJKLMNOPQRSTUVWX0123",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrOHMifQ.c2lnbmF0dXJl-_x",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "token={}", '"{}"', "a\n{}\nb", "X-Vault-Token: {},", "({})"])
def test_a_token_is_masked_wherever_it_stands(token: str, around: str) -> None:
    assert redact(around.format(token)) == around.format(MASK)


@pytest.mark.parametrize(
    "text",
    ["secret/data/team/app", "pods.example.com", "5ac9a181.secrets-manager.tuenti.io", "a.b.c", "s.short"],
)
def test_a_text_that_is_no_token_is_not_masked(text: str) -> None:
    assert redact(text) == text


def test_a_password_in_a_url_is_masked() -> None:
    assert redact("via http://user:canary@proxy:3128/") == f"via http://{MASK}@proxy:3128/"


@pytest.mark.parametrize("encoder", ["json", "console"])
@pytest.mark.parametrize("token", TOKENS)
def test_no_part_of_a_line_shows_a_token(sink: Sink, encoder: Any, token: str) -> None:
    handler = configure_logs(LogSettings(encoder=encoder), write=sink)

    log.error("message %s", token)
    log.error("extra", extra={"a": token, "b": {"deep": token}, "c": token.encode()})
    try:
        fail_because_of(token)
    except BackendUnavailable:
        log.exception("failed")

    text = sink.text(handler)
    assert token not in text
    assert text.count(MASK) >= 6


def test_a_very_long_value_is_cut(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    log.info("told", extra={"a": "x" * 100_000})

    assert len(sink.text(handler)) < 5000


# ── levels and libraries ─────────────────────────────────────────────────────────────────────────────


def test_libraries_are_quiet_at_the_lowest_level_and_those_that_repeat_what_they_were_shown_say_nothing(
    sink: Sink,
) -> None:
    handler = configure_logs(LogSettings(level=1), write=sink)

    for library in QUIET_LIBRARIES:
        logging.getLogger(library).info("reply body: canary")
        logging.getLogger(f"{library}.child").debug("reply body: canary")
    for library in SILENT_LIBRARIES:
        logging.getLogger(f"{library}.identity.child").critical("refused: canary")
    logging.getLogger("urllib3").warning("told")

    assert [line["msg"] for line in sink.lines(handler)] == ["told"]


def test_warnings_of_python_become_lines(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)

    # catch_warnings puts the old display back, so capture is asked for again inside of it.
    assert "old thing" in sink.lines(handler)[0]["msg"]


SETTLED: dict[str, tuple[dict[str, Any], LogSettings]] = {
    "nothing said": ({}, LogSettings()),
    "debug": ({"enable-debug-log": True}, LogSettings(level=10)),
    "debug refused": ({"enable-debug-log": False, "zap-devel": False}, LogSettings()),
    "development": (
        {"zap-devel": True},
        LogSettings(level=10, encoder="console", development=True, stacktrace_level=30),
    ),
    "the level has the last word": (
        {"zap-devel": True, "enable-debug-log": True, "zap-log-level": 40},
        LogSettings(level=40, encoder="console", development=True, stacktrace_level=30),
    ),
    "the encoder has the last word": (
        {"zap-devel": True, "zap-encoder": "json", "zap-stacktrace-level": 40},
        LogSettings(level=10, encoder="json", development=True, stacktrace_level=40),
    ),
}


@pytest.mark.parametrize(("said", "settings"), SETTLED.values(), ids=SETTLED.keys())
def test_the_flags_about_logs_combine_as_documented(said: dict[str, Any], settings: LogSettings) -> None:
    assert log_settings(said) == settings


# ── never in the way ─────────────────────────────────────────────────────────────────────────────────


def record(message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelno": logging.INFO})


def test_a_stuck_reader_costs_lines_not_time_and_the_loss_is_reported() -> None:
    stuck, started, sink = threading.Event(), threading.Event(), Sink()

    def write(line: bytes) -> None:
        started.set()
        stuck.wait(30)
        sink(line)

    handler = QueuedHandler(write, capacity=3)
    handler.setFormatter(JsonFormatter(stacktrace_level=40))
    handler.handle(record("written when the reader comes back"))
    assert started.wait(30)

    for number in range(10):
        handler.handle(record(f"line {number}"))

    assert handler.dropped == 7
    stuck.set()
    handler.close()
    told = [json.loads(line) for line in sink.written]
    assert [line["msg"] for line in told] == [
        "written when the reader comes back",
        "log lines were dropped",
        "line 0",
        "line 1",
        "line 2",
    ]
    assert told[1]["lines"] == 7


def test_a_closed_pipe_costs_lines_not_the_process() -> None:
    def write(line: bytes) -> None:
        raise BrokenPipeError

    handler = QueuedHandler(write)
    handler.handle(record("lost"))
    handler.flush()

    assert handler.dropped == 1
    handler.close()


def test_no_exception_ends_the_thread_that_writes(sink: Sink) -> None:
    class NoMemory(JsonFormatter):
        def format(self, record: logging.LogRecord) -> str:
            if record.getMessage() == "log lines were dropped":
                raise MemoryError
            return super().format(record)

    handler = QueuedHandler(sink)
    handler.setFormatter(NoMemory(stacktrace_level=40))
    handler._drop()
    for message in ("before the report", "after the report"):
        handler.handle(record(message))
        handler.flush()

    assert [json.loads(line)["msg"] for line in sink.written] == ["before the report", "after the report"]
    assert (handler.dropped, handler.alive()) == (2, True)
    handler.close()


def test_a_handler_whose_thread_has_died_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def die(_: bytes) -> None:
        raise SystemExit

    handler = QueuedHandler(die)
    assert handler.alive()
    handler.handle(record("the last one"))

    wait_until(lambda: not handler.alive(), what="the end of the thread")
    handler.handle(record("one more"))
    handler.close()


def test_closing_writes_the_last_lines_and_ends_the_thread(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)
    log.info("last words")

    handler.close()

    assert b"last words" in b"".join(sink.written)
    assert "logs" not in [thread.name for thread in threading.enumerate() if thread is handler._writer]
    handler.close()


def test_setting_up_again_replaces_the_earlier_handler(sink: Sink) -> None:
    configure_logs(LogSettings(), write=sink)
    later = Sink()
    handler = configure_logs(LogSettings(), write=later)

    log.info("told once")

    assert len(later.lines(handler)) == 1
    assert sink.written == []


def test_lines_go_to_file_descriptor_2(capfd: pytest.CaptureFixture[str]) -> None:
    handler = configure_logs(LogSettings())

    log.info("told")
    handler.flush()

    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err)["msg"] == "told"


def test_an_exception_that_ends_a_thread_becomes_a_line_without_its_text(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    def fail() -> None:
        raise ValueError(TOKENS[0])

    thread = threading.Thread(target=fail, name="worker-1")
    thread.start()
    thread.join()

    (line,) = sink.lines(handler)
    assert (line["msg"], line["thread"]) == ("uncaught exception in a thread", "worker-1")
    assert line["error"] == "ValueError"


def test_an_exception_that_ends_the_process_becomes_a_line_and_an_interrupt_does_not(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    for error in (KeyboardInterrupt(), ValueError("no good")):
        sys.excepthook(type(error), error, None)

    assert [line["error"] for line in sink.lines(handler)] == ["ValueError"]


class Clumsy:
    """Its finaliser fails and says a token; so does its repr."""

    def __del__(self) -> None:
        raise ValueError(TOKENS[0])

    def __repr__(self) -> str:
        return TOKENS[0]


def test_an_exception_that_cannot_be_raised_becomes_a_line_without_its_text(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    Clumsy()

    (line,) = sink.lines(handler)
    assert (line["msg"], line["error"]) == ("exception ignored", "ValueError")
    assert TOKENS[0] not in json.dumps(line)


def test_a_warning_becomes_a_redacted_line(sink: Sink) -> None:
    handler = configure_logs(LogSettings(), write=sink)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"deprecated: {TOKENS[0]}", UserWarning, stacklevel=1)
        logging.captureWarnings(False)

    (line,) = sink.lines(handler)
    assert line["logger"] == "py.warnings"
    assert MASK in line["msg"]
    assert TOKENS[0] not in json.dumps(line)


def test_no_library_keeps_a_handler_of_its_own_past_the_redaction(sink: Sink) -> None:
    configure_logs(LogSettings(level=1), write=sink)

    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    libraries = [
        one for one in loggers if one.name.partition(".")[0] in {*QUIET_LIBRARIES, *SILENT_LIBRARIES}
    ]
    assert libraries
    for library in libraries:
        assert all(isinstance(handler, logging.NullHandler) for handler in library.handlers), library
        assert library.propagate
