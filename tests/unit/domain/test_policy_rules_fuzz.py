"""Rules decide as a slow reading of their definition does, and a thousand of them stay cheap."""

from __future__ import annotations

from functools import cache
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_globs import Glob, GlobIndex
from secrets_manager.domain.policy_rules import Decision, Effect, Rule

NAMES = st.lists(st.sampled_from(["a", "b", "-", "*"]), min_size=1, max_size=4).map("".join)
PARTS = st.sampled_from(["a", "b", "/", "*", "{namespace}", "%2f", "ä"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=6).map("".join)
PATHS = st.lists(st.sampled_from(["a", "b", "/", "ab", "*", "%2f", "ä", "\n"]), max_size=8).map("".join)
NAMESPACES = st.sampled_from(["a", "b", "ab", "a-b", "*"])
RULES = st.lists(
    st.builds(
        Rule,
        namespaces=st.lists(NAMES, min_size=1, max_size=2).map(tuple),
        backends=st.lists(NAMES, min_size=1, max_size=2).map(tuple) | st.just(("*",)),
        paths=st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
        effect=st.sampled_from(Effect),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def slowly_matches(pattern: list[str], text: str) -> bool:
    """The definition of a star, letter by letter; an item of the pattern is "*" or a letter in a list."""

    @cache
    def rest(at: int, upto: int) -> bool:
        if at == len(pattern):
            return upto == len(text)
        if pattern[at] == "any":
            return rest(at + 1, upto) or (upto < len(text) and rest(at, upto + 1))
        return upto < len(text) and pattern[at] == text[upto] and rest(at + 1, upto + 1)

    return rest(0, 0)


def letters(pattern: str, namespace: str = "") -> list[str]:
    """The pattern as single letters; stars are "any", and those of a namespace's name are letters."""
    found: list[str] = []
    bare = pattern.lstrip("/")
    while bare:
        if bare.startswith("{namespace}"):
            found, bare = [*found, *namespace], bare.removeprefix("{namespace}")
        else:
            found, bare = [*found, "any" if bare[0] == "*" else bare[0]], bare[1:]
    return found


def oracle(rules: tuple[Rule, ...], namespace: str, backend: str, path: str) -> tuple[bool, int | None]:
    for number, rule in enumerate(rules, 1):
        if (
            any(slowly_matches(letters(pattern), namespace) for pattern in rule.namespaces)
            and any(slowly_matches(letters(pattern), backend) for pattern in rule.backends)
            and any(slowly_matches(letters(pattern, namespace), path) for pattern in rule.paths)
        ):
            return rule.effect is Effect.ALLOW, number
    return False, None


@given(RULES, NAMESPACES, st.sampled_from(["a", "ab", "b"]), PATHS)
def test_any_rules_decide_as_their_definition_says(
    rules: tuple[Rule, ...], namespace: str, backend: str, path: str
) -> None:
    found = PathPolicy(rules=rules, backend=backend).decide(namespace, path)

    assert (found.allowed, found.rule) == oracle(rules, namespace, backend, path)


@given(st.lists(PATTERNS, min_size=1, max_size=4).map(tuple), NAMESPACES, PATHS)
def test_patterns_alone_are_one_rule_for_all_that_allows(
    patterns: tuple[str, ...], namespace: str, path: str
) -> None:
    as_rule = Rule(namespaces=("*",), paths=patterns, effect=Effect.ALLOW)

    assert PathPolicy(patterns).decide(namespace, path) == PathPolicy(rules=(as_rule,)).decide(
        namespace, path
    )


def looks(globs: list[Glob], text: str) -> int:
    """How many patterns are compared with the text."""
    index = GlobIndex(globs)
    with mock.patch.object(Glob, "matches", autospec=True, side_effect=Glob.matches) as compared:
        index.first(text)
    return compared.call_count


def test_of_the_rules_of_a_thousand_teams_a_path_is_compared_with_the_few_that_begin_like_it() -> None:
    globs = [Glob.of(f"secret/data/team-{number}/*") for number in range(1000)]
    globs += [Glob.of("secret/data/shared/*"), Glob.of("*")]

    assert looks(globs, "secret/data/team-712/db/main") <= 3
    assert looks(globs, "elsewhere") <= 1


def test_a_definition_of_the_most_paths_is_decided_by_a_thousand_rules_made_ready_once() -> None:
    rules = tuple(
        Rule(namespaces=("*",), paths=(f"secret/data/t{number}/*",), effect=Effect.ALLOW)
        for number in range(1000)
    )
    policy = PathPolicy(rules=rules)
    with mock.patch.object(Glob, "of", wraps=Glob.of) as made:
        found = [policy.decide("team", f"secret/data/t999/{number}") for number in range(16_384)]
        at_first = made.call_count
        policy.decide("team", "secret/data/t1/a")

    assert set(found) == {Decision(allowed=True, rule=1000, pattern="secret/data/t999/*", concerned=1000)}
    # One for the namespaces and one for the paths of each rule; backends were looked at before.
    assert at_first == made.call_count == 2000


def test_many_stars_do_not_take_long() -> None:
    rules = tuple(
        Rule(namespaces=("*",), paths=("*a" * 40 + f"b{number}",), effect=Effect.DENY) for number in range(99)
    )

    assert PathPolicy(rules=rules).decide("team", "a" * 4000).rule is None
