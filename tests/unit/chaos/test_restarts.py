"""What the witness holds against the restarts of a workload."""

from __future__ import annotations

from chaos.restarts import RestartJudge

USED = ("app", "db")


def at(minute: str) -> str:
    return f"2026-01-01T00.{minute}.00Z"


def seen(judge: RestartJudge, name: str, value: str, time: str) -> None:
    annotations = {"secrets-manager.tuenti.io/lastUpdateTime": at(time)}
    judge.see({"metadata": {"name": name, "annotations": annotations}, "data": {"one": value}})


def judge_of_two_changes() -> RestartJudge:
    judge = RestartJudge()
    for value, time in (("1", "10"), ("1", "11"), ("2", "12")):
        seen(judge, "app", value, time)
    seen(judge, "db", "1", "13")
    seen(judge, "db", "2", "14")
    return judge


def test_each_change_of_data_is_a_reason_and_one_restart_may_have_several() -> None:
    for marks in (["12", "14"], ["14"], ["", "12", "12", "14"]):
        judge = judge_of_two_changes()
        for mark in marks:
            judge.restarted(mark and at(mark))
        assert judge.faults(USED) == []


def test_a_restart_for_a_creation_or_for_equal_data_has_no_reason() -> None:
    judge = judge_of_two_changes()
    for mark in ("11", "13", "14"):
        judge.restarted(mark and at(mark))

    assert judge.faults(USED) == [
        f"restarted for {at('11')}, when nothing changed",
        f"restarted for {at('13')}, when nothing changed",
        "3 restarts for 2 changes",
    ]


def test_a_restart_that_is_missing_late_or_comes_twice_is_named() -> None:
    missing, twice = judge_of_two_changes(), judge_of_two_changes()
    missing.restarted(at("12"))
    for mark in ("14", "12", "14"):
        twice.restarted(at(mark))

    assert missing.faults(USED) == [f"last restarted for {at('12')}, last changed {at('14')}"]
    told = [at(minute) for minute in ("14", "12", "14")]
    assert f"restarts went back, or came twice: {told}" in twice.faults(USED)


def test_a_secret_that_is_made_again_did_not_change() -> None:
    judge = judge_of_two_changes()
    judge.lost("db")
    seen(judge, "db", "3", "15")

    assert judge.newest(USED) == at("14")


def test_a_mark_that_was_made_newer_than_the_one_before_stands_for_its_change() -> None:
    judge = judge_of_two_changes()
    judge.restarted(at("12"))
    judge.restarted("2026-01-01T00.14.02Z")

    assert judge.faults(USED) == []
