"""Rules of the path policy: the first that names namespace, backend and path decides."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_globs import GlobIndex
from secrets_manager.domain.policy_rules import Decision, Effect, Rule
from tests.unit.backends.tables import rows

ALLOW, DENY = Effect.ALLOW, Effect.DENY


def rule(effect: Effect, *paths: str, namespaces: tuple[str, ...] = ("*",), **more: Any) -> Rule:
    return Rule(namespaces=namespaces, paths=paths, effect=effect, **more)


OWN = rule(ALLOW, "secret/data/{namespace}/*", namespaces=("team", "team-*"))
SHARED = rule(ALLOW, "secret/data/shared/*")
ADMIN = rule(DENY, "secret/data/shared/admin/*", "secret/data/*/root")
RULES = (ADMIN, OWN, SHARED)


def decide(path: str, namespace: str = "team", rules: tuple[Rule, ...] = RULES, **more: Any) -> Decision:
    return PathPolicy(rules=rules, **more).decide(namespace, path)


@pytest.mark.parametrize(
    ("path", "namespace", "allowed", "by"),
    rows(
        {
            "the namespace's own tree": ("secret/data/team/db", "team", True, 2),
            "that of another": ("secret/data/team/db", "team-b", False, None),
            "a namespace that the rule does not name": ("secret/data/shop/db", "shop", False, None),
            "a star in the name of the namespace": ("secret/data/team-b/db", "team-b", True, 2),
            "a later rule": ("secret/data/shared/ca", "shop", True, 3),
            "an earlier rule that denies": ("secret/data/shared/admin/ca", "shop", False, 1),
            "the second pattern of a rule": ("secret/data/team/root", "team", False, 1),
            "the folder that the denied tree begins with": ("secret/data/shared/admin", "shop", True, 3),
            "a path that no rule names": ("other/x", "team", False, None),
            "an empty path": ("", "team", False, None),
        }
    ),
)
def test_the_first_rule_that_names_it_decides(path: str, namespace: str, allowed: bool, by: int) -> None:  # noqa: FBT001 - a table
    found = decide(path, namespace)

    assert (found.allowed, found.rule) == (allowed, by)


def test_a_rule_that_allows_wins_over_a_later_one_that_denies() -> None:
    assert decide("secret/data/shared/admin/ca", rules=(SHARED, ADMIN)).allowed
    assert not decide("secret/data/shared/admin/ca", rules=(ADMIN, SHARED)).allowed


def test_the_decision_says_which_pattern_matched_and_how_many_rules_concern_the_namespace() -> None:
    assert decide("secret/data/team/root") == Decision(
        allowed=False, rule=1, pattern="secret/data/*/root", concerned=3
    )
    assert decide("x", "shop") == Decision(allowed=False, concerned=2)


@pytest.mark.parametrize(("backend", "allowed"), [("default", False), ("eu", True), ("eu-2", True)])
def test_a_rule_that_names_backends_is_for_these_alone(backend: str, *, allowed: bool) -> None:
    rules = (rule(ALLOW, "*", backends=("eu", "eu-*")),)

    assert decide("a", rules=rules, backend=backend).allowed is allowed


@pytest.mark.parametrize("namespace", ["*", "a*", "**", "{namespace}", "t*m"])
def test_the_name_of_a_namespace_is_taken_literally(namespace: str) -> None:
    rules = (rule(ALLOW, "secret/{namespace}/*"),)

    assert not decide("secret/team/db", namespace, rules).allowed
    assert not PathPolicy(("secret/{namespace}/*",)).decide(namespace, "secret/team/db").allowed
    assert decide(f"secret/{namespace}/db", namespace, rules).allowed


@pytest.mark.parametrize("path", ["certificates/web", "certificates/WEB"])
def test_a_backend_that_ignores_case_is_asked_for_in_any_case(path: str) -> None:
    rules = (rule(DENY, "Certificates/Web"), rule(ALLOW, "*"))

    assert decide(path, rules=rules, ignores_case=True).rule == 1
    assert decide(path, rules=rules).rule == 2


def message(path: str, namespace: str) -> str:
    with pytest.raises(PathNotAllowed) as caught:
        PathPolicy(rules=RULES).check(namespace, path)
    return caught.value.message


def test_a_refusal_names_the_rule_that_denies_and_shows_none() -> None:
    assert message("secret/data/shared/admin/ca", "shop") == (
        "the path policy does not allow namespace 'shop' to read path 'secret/data/shared/admin/ca': "
        "rule 1 denies it"
    )
    assert message("other/x", "shop") == (
        "the path policy does not allow namespace 'shop' to read path 'other/x'"
    )


@pytest.mark.parametrize(
    ("path", "namespace"),
    [("secret/data/shared/admin/ca", "shop"), ("other/x", "team"), ("secret/data/team/root", "shop")],
)
def test_no_refusal_shows_the_rules_of_others(path: str, namespace: str) -> None:
    said = message(path, namespace)

    assert "*" not in said
    assert "team" not in said.replace(repr(path), "").replace(repr(namespace), "")


def test_rules_stand_in_the_place_of_patterns() -> None:
    assert not PathPolicy(("*",), rules=(ADMIN,)).decide("team", "a").allowed


def test_the_rules_of_no_namespace_are_taken_for_those_of_another_however_many_come() -> None:
    policy = PathPolicy(rules=(rule(ALLOW, "secret/{namespace}/*"),))
    names = [f"n{number}" for number in range(100)]

    for _ in range(2):
        assert all(policy.decide(name, f"secret/{name}/a").allowed for name in names)
        assert not any(policy.decide(name, f"secret/{name}0/a").allowed for name in names)


def test_what_is_made_ready_of_rules_is_shared_by_all_backends_however_many_definitions_name() -> None:
    rules = (rule(ALLOW, "eu/*", backends=("eu",)), rule(DENY, "x/b"), rule(ALLOW, "x/*", backends=("b*",)))
    policy = PathPolicy(rules=rules)
    with mock.patch.object(GlobIndex, "__init__", autospec=True, side_effect=GlobIndex.__init__) as made:
        found = [policy.for_backend(f"b{number}").decide("team", "x/a") for number in range(64)]
        others = [policy.for_backend("eu").decide("team", path) for path in ("x/a", "x/b", "eu/a")]

    assert made.call_count == 1
    assert set(found) == {Decision(allowed=True, rule=3, pattern="x/*", concerned=2)}
    assert [decision.rule for decision in others] == [None, 2, 1]


def test_of_one_policy_one_backend_ignores_case_and_another_does_not() -> None:
    policy = PathPolicy(rules=(rule(DENY, "Web"), rule(ALLOW, "*")))
    ignoring = policy.for_backend("vault-of-keys", ignores_case=True)

    for _ in range(2):
        assert ignoring.decide("team", "WEB").rule == ignoring.decide("team", "web").rule == 1
        assert [policy.for_backend("eu").decide("team", path).rule for path in ("Web", "web")] == [1, 2]
