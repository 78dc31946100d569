"""Alive and ready, over whatever the checks say."""

from __future__ import annotations

from secrets_manager.daemon.web.health import Check, Health


def good(name: str) -> Check:
    return Check(name, lambda: None)


def bad(name: str, why: str) -> Check:
    return Check(name, lambda: why)


def test_without_a_failed_check_a_probe_is_ok() -> None:
    verdict = Health(live=[good("threads")], ready=[good("backend")]).readiness()

    assert verdict.good
    assert verdict.text() == "ok\n"


def test_every_failed_check_is_named_with_its_reason() -> None:
    verdict = Health(ready=[bad("a", "down"), good("b"), bad("c", "not listed yet")]).readiness()

    assert not verdict.good
    assert verdict.text() == "[-]a failed: down\n[-]c failed: not listed yet\n"


def test_a_process_that_is_not_ready_is_alive_all_the_same() -> None:
    assert Health(live=[good("threads")], ready=[bad("backend", "not logged in yet")]).liveness().good


def test_a_process_that_is_not_alive_is_not_ready_either() -> None:
    health = Health(live=[bad("threads", "no sign of life: worker 1")], ready=[good("backend")])

    assert not health.readiness().good
    assert health.readiness().text() == "[-]threads failed: no sign of life: worker 1\n"


def test_of_alternatives_one_that_holds_is_enough() -> None:
    health = Health(
        ready=[good("a")], alternatives=[bad("backend one", "not logged in yet"), good("backend two")]
    )

    assert health.readiness().good
    assert health.readiness().text() == "ok\n"


def test_alternatives_of_which_none_holds_are_all_named() -> None:
    one, two = bad("backend one", "not logged in yet (AuthFailed)"), bad("backend two", "not logged in yet")
    result = Health(ready=[good("a")], alternatives=[one, two]).readiness()

    assert not result.good
    assert result.text() == (
        "[-]backend one failed: not logged in yet (AuthFailed)\n[-]backend two failed: not logged in yet\n"
    )


def test_an_alternative_that_is_not_needed_is_not_named_among_what_fails() -> None:
    health = Health(ready=[bad("a", "down")], alternatives=[bad("backend one", "no"), good("backend two")])

    assert health.readiness().text() == "[-]a failed: down\n"


def test_a_verbose_answer_names_every_check_in_the_form_of_kubernetes() -> None:
    health = Health(
        live=[good("threads")],
        ready=[good("a")],
        alternatives=[bad("backend one", "no"), good("backend two")],
    )

    assert health.liveness().text(verbose=True) == "[+]threads ok\nhealthz check passed\n"
    assert health.readiness().text(verbose=True) == (
        "[+]threads ok\n[+]a ok\n[-]backend one failed: no\n[+]backend two ok\nreadyz check passed\n"
    )


def test_a_verbose_answer_says_that_the_probe_failed() -> None:
    text = Health(live=[bad("threads", "silent")]).liveness().text(verbose=True)

    assert text == "[-]threads failed: silent\nhealthz check failed\n"


def test_a_health_check_runs_again_at_each_probe() -> None:
    answers = iter([None, "down", None])
    health = Health(live=[Check("threads", lambda: next(answers))])

    assert [health.liveness().good for _ in range(3)] == [True, False, True]
