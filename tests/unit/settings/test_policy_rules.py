"""Rules of the path policy in a settings file: every fault names the rule and the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.daemon.config.setting_checks import scope_notices
from secrets_manager.domain.policy_rules import Effect, Rule
from secrets_manager.settings.policy_rules import MOST_PATTERNS, MOST_RULES
from tests.unit.backends.tables import rows
from tests.unit.settings.test_kinds_lists import fault_of, settings_of, written

GOOD: dict[str, Any] = {"namespaces": ["team-*"], "paths": ["secret/{namespace}/*"], "effect": "allow"}


def file_of(folder: Path, *rules: dict[str, Any]) -> Path:
    """A settings file with these rules."""
    tables = (
        "[[policy.rules]]\n" + "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in rule.items())
        for rule in rules
    )
    return written(folder, "\n".join(tables))


def test_rules_are_read_in_their_order(tmp_path: Path) -> None:
    deny = {"namespaces": ["*"], "backends": ["default"], "paths": [" /a ", "b*"], "effect": "deny"}
    settings = settings_of(file=file_of(tmp_path, deny, GOOD))

    assert settings.policy.rules == (
        Rule(namespaces=("*",), backends=("default",), paths=("/a", "b*"), effect=Effect.DENY),
        Rule(namespaces=("team-*",), paths=("secret/{namespace}/*",), effect=Effect.ALLOW),
    )
    assert list(scope_notices(settings)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    rows(
        {
            "no namespaces": ({"namespaces": None}, "rule 2, namespaces: missing"),
            "no paths": ({"paths": None}, "rule 2, paths: missing"),
            "no effect": ({"effect": None}, "rule 2, effect: missing"),
            "an unknown effect": ({"effect": "Allow"}, "rule 2, effect: must be allow or deny"),
            "an effect of another type": (
                {"effect": True},
                "rule 2, effect: must be allow or deny, found a boolean",
            ),
            "an unknown field": (
                {"path": ["a"]},
                "rule 2, 'path': unknown; a rule has namespaces, backends, paths and effect",
            ),
            "an unknown field with a line end": ({"a\nb": 1}, "rule 2, 'a\\nb': unknown"),
            "a text for a list": (
                {"paths": "secret/*"},
                "rule 2, paths: must be a list of strings, found a string",
            ),
            "an empty list": ({"backends": []}, "rule 2, backends: must not be empty"),
            "a number in a list": (
                {"paths": ["a", 7]},
                "rule 2, paths, item 2: found an integer in the list",
            ),
            "a blank in a list": ({"namespaces": [" "]}, "rule 2, namespaces, item 1: found an empty item"),
            "a capital": ({"namespaces": ["Team"]}, "rule 2, namespaces, item 1: matches no namespace"),
            "a dash at the end": ({"namespaces": ["*", "a-"]}, "namespaces, item 2: matches no namespace"),
            "a dot": ({"namespaces": ["a.b"]}, "namespaces, item 1: matches no namespace"),
            "a long name": ({"namespaces": ["a" * 60 + "*aaaa"]}, "item 1: matches no namespace"),
            "a namespace's placeholder": ({"namespaces": ["{namespace}"]}, "item 1: matches no namespace"),
            "another star": ({"namespaces": ["te?m"]}, "item 1: matches no namespace"),
            "a backend that is not there": (
                {"backends": ["default", "eu"]},
                "rule 2, backends, item 2: matches no backend; there is one, called default",
            ),
            "a line end in a path": ({"paths": ["a\nb"]}, "rule 2, paths, item 1: must not contain line"),
            "dots": ({"paths": ["a/../b"]}, "rule 2, paths, item 1: a pattern must not have . or .. parts"),
            "another brace": ({"paths": ["{ns}/*"]}, "paths, item 1: the only placeholder in a pattern is"),
            "slashes alone": ({"paths": ["//"]}, "paths, item 1: a pattern of slashes alone"),
            "a slash at the end": ({"paths": ["secret/a/"]}, "paths, item 1: matches no path"),
            "two slashes": ({"paths": ["secret//a"]}, "paths, item 1: matches no path"),
        }
    ),
)
def test_a_fault_names_the_rule_and_the_field(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    rule = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    fault = fault_of(file=file_of(tmp_path, GOOD, rule))

    assert "settings.toml, key policy.rules: rule 2, " in fault
    assert said in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[policy]\nrules = []", "key policy.rules: is set but empty"),
        ("[policy.rules]\npaths = []", "key policy.rules: expected a list of tables, found a table"),
        ('[policy]\nrules = "a"', "key policy.rules: expected a list of tables, found a string"),
        ('[policy]\nrules = ["a"]', "key policy.rules: rule 1: must be a table, found a string"),
    ],
)
def test_what_is_no_list_of_rules_is_a_fault(tmp_path: Path, text: str, said: str) -> None:
    assert said in fault_of(file=written(tmp_path, text))


def test_all_faults_are_told_at_once_up_to_a_number_of_them(tmp_path: Path) -> None:
    two = fault_of(file=file_of(tmp_path, {**GOOD, "effect": "x"}, GOOD, {**GOOD, "paths": []}))
    many = fault_of(file=file_of(tmp_path, *[{**GOOD, "effect": "x"}] * 500))

    assert "rule 1, effect: must be allow or deny; rule 3, paths: must not be empty" in two
    assert many.endswith("rule 10, effect: must be allow or deny; and 490 more")


def test_there_is_a_limit_to_rules_and_to_their_patterns(tmp_path: Path) -> None:
    lists = {"namespaces": ["a"], "paths": [f"p{number}" for number in range(MOST_PATTERNS)]}

    assert len(settings_of(file=file_of(tmp_path, *[GOOD] * MOST_RULES)).policy.rules) == MOST_RULES
    assert f"the most is {MOST_RULES}" in fault_of(file=file_of(tmp_path, *[GOOD] * (MOST_RULES + 1)))
    assert f"the most is {MOST_PATTERNS}" in fault_of(file=file_of(tmp_path, {**GOOD, **lists}))


@pytest.mark.parametrize("paths", ["secret/{namespace}/*", "*"])
def test_rules_and_paths_together_are_a_fault_that_names_both(tmp_path: Path, paths: str) -> None:
    file = file_of(tmp_path, GOOD)
    by_flag = fault_of(f"-policy.paths={paths}", file=file)
    by_name = fault_of(file=file, SECRETS_MANAGER_POLICY__PATHS=paths)

    assert "key policy.rules: cannot be in force together with policy.paths (flag -policy.paths)" in by_flag
    assert "with policy.paths (environment SECRETS_MANAGER_POLICY__PATHS)" in by_name


def test_rules_are_no_flag_and_no_name_of_the_environment() -> None:
    assert "flag provided but not defined: -policy.rules" in settings_said("-policy.rules=a")
    assert "environment SECRETS_MANAGER_POLICY__RULES: unknown name" in fault_of(
        SECRETS_MANAGER_POLICY__RULES="[]"
    )


def settings_said(flag: str) -> str:
    """What is said about a flag that cannot be read."""
    asked = load([flag], {}, Path("/nowhere"), system_file=Path("/nowhere"))
    assert isinstance(asked, ExitRequest)
    assert asked.code == 2
    return asked.err


@pytest.mark.parametrize("paths", [["a", "*"], ["/**"]])
def test_rules_that_never_decide_cause_a_warning(tmp_path: Path, paths: list[str]) -> None:
    everything = {"namespaces": ["*"], "paths": paths, "effect": "deny"}
    (notice,) = scope_notices(settings_of(file=file_of(tmp_path, GOOD, everything, GOOD)))

    assert notice.startswith("rule 2 of policy.rules names every namespace, backend and path")
    assert list(scope_notices(settings_of(file=file_of(tmp_path, GOOD, everything)))) == []


@pytest.mark.parametrize("part", [{"namespaces": ["a*"]}, {"paths": ["*a", "*/*"]}])
def test_a_rule_that_leaves_something_to_later_ones_causes_none(tmp_path: Path, part: dict[str, Any]) -> None:
    rule = {"namespaces": ["*"], "paths": ["*"], "effect": "deny", **part}

    assert list(scope_notices(settings_of(file=file_of(tmp_path, rule, GOOD)))) == []


def test_a_rule_that_allows_the_paths_of_others_causes_a_warning_with_its_number(tmp_path: Path) -> None:
    deny = {**GOOD, "paths": ["a/{namespace}*"], "effect": "deny"}
    settings = settings_of(file=file_of(tmp_path, deny, {**GOOD, "paths": ["x", "a/{namespace}-*"]}))
    (notice,) = scope_notices(settings)

    assert "a pattern of rule 2 of policy.rules lets a namespace read the paths of others" in notice
