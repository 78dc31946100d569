"""Small parts of the test bed that decide whether a test sees what happened."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.growing_file import GrowingFile
from tests.testbed.left_running import left_running
from tests.testbed.waiting import wait_until


def test_waiting_returns_the_first_true_answer_names_what_never_comes_and_passes_errors_on() -> None:
    answers, counter = iter([None, 0, "yes"]), itertools.count()
    assert wait_until(lambda: next(answers), poll=0) == "yes"
    assert wait_until(lambda: "at once", timeout=0) == "at once"
    with pytest.raises(AssertionError, match=r"the door open: not within 0\.01 s"):
        wait_until(lambda: None, timeout=0.01, what="the door open", poll=0)
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // (1 - next(counter)) > 1, poll=0)


def test_a_rule_meets_whole_matches_alone_and_only_so_many_after_the_first_few_until_it_is_removed() -> None:
    rule = RuleBuilder("GET|PUT", r"/v1/secret/.*", lambda _: None).after(1).times(2).reply(503)
    lasting = RuleBuilder("GET", ".*", lambda _: None).reply(503)

    assert not rule.claims("POST", "/v1/secret/data/app")
    assert not rule.claims("GET", "/prefix/v1/secret/data/app")
    met = [rule.claims("PUT", "/v1/secret/data/app?version=1") for _ in range(5)]
    assert (met, rule.hits) == ([False, True, True, False, False], 2)
    assert lasting.claims("GET", "/")
    lasting.remove()
    assert (lasting.claims("GET", "/"), lasting.released.is_set()) == (False, True)


def test_each_line_of_a_log_that_grows_is_read_once_when_it_is_whole_and_kept(tmp_path: Path) -> None:
    file, parsed = tmp_path / "log", list[bytes]()

    def parse(line: bytes) -> int | None:
        parsed.append(line)
        return int(line) if line.isdigit() else None

    growing, told = GrowingFile(file, parse), b"1\nnoise\n22\n"
    assert growing.rows() == []  # A file that is not there yet is empty.
    for end, rows in ((9, [1]), (11, [1, 22]), (11, [1, 22])):
        file.write_bytes(told[:end])
        assert growing.rows() == rows
        growing.rows().clear()

    assert parsed == told.splitlines()


def test_a_thread_that_goes_on_is_named_with_what_it_runs_and_one_that_ends_soon_is_waited_for() -> None:
    before, leave = frozenset(threading.enumerate()), threading.Event()
    threading.Thread(target=leave.wait, name="worker 0", daemon=True).start()
    try:
        assert left_running(before, seconds=0.05) == ["worker 0 (threading.Event.wait)"]
        assert left_running(frozenset(threading.enumerate()), seconds=0.05) == []
        threading.Timer(0.05, leave.set).start()

        assert left_running(before) == []
    finally:
        leave.set()
