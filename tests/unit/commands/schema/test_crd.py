"""The package has the CRD of config/crd, and understands every word of it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secrets_manager.commands.schema.crd import CRD_FILE, crd, schema
from secrets_manager.commands.schema.rules import RULES
from secrets_manager.commands.schema.structural import KEYWORDS

SOURCE = Path(__file__).parents[4] / "config/crd/secretdefinitions.yaml"
# Of the rules that commands/schema/rules.py was written for.
RULES_READ = "8405a8812601fb47"


def schemas(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """This schema and all in it."""
    yield found
    for below in (
        *found.get("properties", {}).values(),
        found.get("additionalProperties"),
        found.get("items"),
    ):
        if isinstance(below, dict):
            yield from schemas(below)


def of_what_users_send() -> Iterator[Mapping[str, Any]]:
    """The schemas without those of the status."""
    parts = {name: below for name, below in schema()["properties"].items() if name != "status"}
    return schemas({**schema(), "properties": parts})


def test_the_package_has_the_file_that_is_installed() -> None:
    assert CRD_FILE.read_bytes() == SOURCE.read_bytes(), "copy config/crd/secretdefinitions.yaml to its place"
    assert crd()["kind"] == "CustomResourceDefinition"


def test_an_installed_package_has_it_too() -> None:
    project = tomllib.loads((SOURCE.parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["secrets_manager.commands.schema"]

    assert any(CRD_FILE.match(pattern) for pattern in patterns)


def test_the_schema_uses_nothing_that_is_not_understood() -> None:
    assert {word for found in of_what_users_send() for word in found} <= KEYWORDS
    assert {found["type"] for found in of_what_users_send()} == {"object", "array", "string", "boolean"}


def test_every_rule_is_there_in_python_and_no_other() -> None:
    rules = [rule for found in schemas(schema()) for rule in found.get("x-kubernetes-validations", ())]
    texts = sorted({f"{rule['message']}: {rule['rule']}" for rule in rules})

    assert {rule["message"] for rule in rules} == RULES.keys()
    assert len(texts) == len(RULES)
    read = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    assert read == RULES_READ, "a rule changed: change commands/schema/rules.py accordingly, then RULES_READ"
