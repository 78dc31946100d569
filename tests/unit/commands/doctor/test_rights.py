"""The table of rights is what config/ grants: nothing more is asked for, and nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.commands.doctor.rights import (
    ELECTION,
    ELECTION_BY_NAME,
    RESTART,
    ROLE,
    STATUS_PAGE,
    Right,
    allowed,
)

CONFIG = Path(__file__).parents[4] / "config"
Granted = dict[tuple[str, str], set[str]]


def of_rules(rules: Iterable[Mapping[str, Any]]) -> Granted:
    granted: Granted = {}
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    return granted


def of_table(rights: Iterable[Right]) -> Granted:
    granted: Granted = {}
    for right in rights:
        granted.setdefault((right.group, right.resource), set()).update(right.verbs)
    return granted


def rules_in(name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))["rules"]
    return found


@pytest.mark.parametrize("role", ["rbac/cluster-wide/role.yaml", "rbac/per-namespace/role.yaml"])
def test_the_rights_of_the_daemon_are_those_of_its_role(role: str) -> None:
    assert of_table(ROLE) == of_rules(rules_in(role))


def test_the_rights_for_an_election_are_those_of_its_role() -> None:
    rules = rules_in("rbac/election/role.yaml")

    assert of_table(ELECTION) == of_rules(rule for rule in rules if "resourceNames" not in rule)
    assert of_table(ELECTION_BY_NAME) == of_rules(rule for rule in rules if "resourceNames" in rule)


def test_the_rights_for_restarts_are_those_of_the_component() -> None:
    (patch,) = yaml.safe_load((CONFIG / "components/restart/kustomization.yaml").read_text())["patches"]
    rules = [each["value"] for each in yaml.safe_load(patch["patch"])]

    assert of_table(RESTART) == of_rules(rules)


def test_the_rights_for_the_status_page_are_those_of_the_component() -> None:
    assert of_table(STATUS_PAGE) == of_rules(rules_in("components/status-page/role.yaml"))


def test_only_a_plain_yes_of_the_api_server_is_one() -> None:
    assert allowed({"status": {"allowed": True}})
    assert not allowed({})
    assert not allowed({"status": {"allowed": "true"}})
