from __future__ import annotations

from tests.testbed.fault_rules import Rule, RuleBuilder


def a_rule(method: str = "GET", target: str = ".*", *, after: int = 0, times: int | None = None) -> Rule:
    builder = RuleBuilder(method, target, lambda _: None).after(after)
    return (builder if times is None else builder.times(times)).reply(503)


def test_method_and_target_must_match_whole() -> None:
    rule = a_rule("GET|PUT", r"/v1/secret/.*")

    assert rule.claims("PUT", "/v1/secret/data/app?version=1")
    assert not rule.claims("POST", "/v1/secret/data/app")
    assert not rule.claims("GET", "/prefix/v1/secret/data/app")


def test_the_first_few_may_pass_and_only_so_many_are_met() -> None:
    rule = a_rule(after=1, times=2)

    assert [rule.claims("GET", "/") for _ in range(5)] == [False, True, True, False, False]
    assert rule.hits == 2


def test_without_a_number_it_meets_all() -> None:
    rule = a_rule()

    assert all(rule.claims("GET", "/") for _ in range(100))


def test_a_removed_rule_meets_none_and_lets_go() -> None:
    rule = a_rule()

    rule.remove()

    assert not rule.claims("GET", "/")
    assert rule.released.is_set()
