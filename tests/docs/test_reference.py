"""Tables that claim to be complete are: reasons, fields, marks, README defaults, files of sync/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from docsite.references.metrics import exported
from docsite.references.reasons import reasons
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain import errors
from secrets_manager.domain.definition import ADOPT, RECREATE, SYNC
from secrets_manager.domain.errors import ConfigError, PermanentError, TemporaryError
from secrets_manager.domain.foreign_marks import TOOLS, Tool, may_be_copied
from secrets_manager.domain.plan import Operation
from secrets_manager.domain.secret import COPIED, LAST_UPDATE, MANAGED_BY, MANAGED_BY_LABEL
from secrets_manager.domain.trusted import CONTENT_TYPES, RESERVED_NAMES
from secrets_manager.settings import Settings
from tests.docs.pages import ROOT, Page, page, pages, plain

METRICS = page("docs/metrics.md")
REASONS = page("docs/troubleshooting.md")
DEFINITIONS = page("docs/definitions.md")
_REASON_TABLES = {
    "Temporary: it tries again by itself": TemporaryError,
    "The definition has to change": errors.DefinitionError,
    "What the backend holds has to change": errors.SourceError,
    "The Secret is in the way": errors.TargetError,
    "The daemon's settings": ConfigError,
}
EXPORTED = tuple(exported())
_SUFFIXES = ("_total", "_bucket", "_count", "_sum")
# A series that a rule of config/prometheus makes has colons in its name.
_RECORDED = re.compile(r"\b\w+:\w+:\w+\b")
_WORD = re.compile(r"\b(?:secrets_manager|controller_runtime|workqueue|rest_client)_[a-z_]+\b")


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shown", pages(), ids=lambda shown: shown.name)
def test_every_metric_that_a_page_names_exists(shown: Page) -> None:
    # A plug-in brings one more metric.
    more = Metrics(Settings(backend="memory")).registry.collect()
    names = {metric.name for metric in EXPORTED} | {family.name for family in more}
    families = {name.removesuffix("_total") for name in names}
    for word in _WORD.findall(_RECORDED.sub("", shown.text)):
        base = next((word.removesuffix(suffix) for suffix in _SUFFIXES if word.endswith(suffix)), word)
        short = any(name.endswith(word) for name in names)
        assert word in names or base in families or short, word


def test_the_queries_on_the_page_use_labels_that_exist() -> None:
    labels = {label for metric in EXPORTED for label in metric.labels} | {"le"}
    for fence in METRICS.fences("promql"):
        grouped = re.findall(r"by \(([a-z, ]+)\)", fence.text)
        matched = re.findall(r"([a-z_]+)=\"", fence.text)
        assert {name.strip() for group in grouped for name in group.split(",")} | set(matched) <= labels


# ── reasons ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_tables_of_reasons_cover_both_families() -> None:
    families = (TemporaryError, *_REASON_TABLES.values())

    assert all(issubclass(kind, families) for kind in reasons())
    assert issubclass(errors.TargetError, PermanentError)


def test_every_row_of_a_table_of_reasons_says_what_to_do() -> None:
    for heading in _REASON_TABLES:
        assert all(len(row) == 3 and all(row) for row in REASONS.rows(heading)), heading


# ── the custom resource ──────────────────────────────────────────────────────────────────────────────


def _schema() -> Any:
    crd = yaml.safe_load((ROOT / "config/crd/secretdefinitions.yaml").read_text(encoding="utf-8"))
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def _fields(schema: dict[str, Any], name: str) -> Iterator[str]:
    """The names of all fields below one; entries of a map are `<key>`, those of a list `[]`."""
    for field, child in schema.get("properties", {}).items():
        yield f"{name}.{field}"
        yield from _fields(child, f"{name}.{field}")
    entry = schema.get("additionalProperties")
    if entry and entry["type"] == "object":
        yield f"{name}.<key>"
        yield from _fields(entry, f"{name}.<key>")
    if "items" in schema:
        yield from _fields(schema["items"], f"{name}[]")


def test_every_field_of_the_spec_is_documented() -> None:
    documented = {plain(row[0])[0] for row in DEFINITIONS.rows("Fields") if plain(row[0])}

    assert documented == set(_fields(_schema()["spec"], "spec"))


def test_every_field_of_the_status_is_documented() -> None:
    documented = {plain(row[0])[0] for row in DEFINITIONS.rows("Status") if plain(row[0])}

    assert documented == {f"status.{name}" for name in _schema()["status"]["properties"]}


def test_the_annotations_and_marks_are_those_of_the_program() -> None:
    annotations = {plain(row[0])[0] for row in DEFINITIONS.rows("Annotations") if plain(row[0])}
    marks = " ".join(row[0] for row in DEFINITIONS.rows("The Secret"))

    assert annotations == {ADOPT, RECREATE, SYNC}
    assert all(f"`{mark}`" in marks for mark in (f"{MANAGED_BY_LABEL}: {MANAGED_BY}", LAST_UPDATE, COPIED))


def test_the_table_of_foreign_marks_is_that_of_the_program() -> None:
    rows = DEFINITIONS.rows("Marks that are not copied")

    shown = [(row[0], sorted(plain(row[1])), sorted(plain(row[2]))) for row in rows if plain(row[1])]

    assert shown == [
        (f"[{tool.name}]({tool.source})", sorted(_kept_back(tool)), sorted(tool.wishes)) for tool in TOOLS
    ]


def _kept_back(tool: Tool) -> list[str]:
    domains = [f"{domain}/*" for domain in tool.domains]
    return [*domains, *tool.names, *(f"{name}: {value}" for name, value in tool.values)]


def test_the_examples_of_the_rules_about_marks_are_true() -> None:
    rules = DEFINITIONS.text.partition("## Marks that are not copied")[2].partition("| tool |")[0]
    fourth, fifth = rules.partition("4. ")[2].split("5. ")

    said = [name for name in plain(fourth) if name != "owner"]
    assert not any(may_be_copied(f"tool.example.com/{name}") for name in said)
    assert may_be_copied("tool.example.com/owner")
    assert len(said) > 10
    assert all(map(may_be_copied, plain(fifth)))


def test_refused_types_and_names_are_listed() -> None:
    words = set(plain(DEFINITIONS.text))

    assert {*CONTENT_TYPES, *RESERVED_NAMES} <= words


def test_the_operations_are_those_of_the_plan() -> None:
    rows = page("docs/reconciliation.md").rows("One reconcile")
    operations = {plain(row[1])[0] for row in rows if plain(row[1])}
    reasons = [row[2] for row in rows if plain(row[2])]

    assert operations == {operation.value for operation in Operation}
    source = (ROOT / "secrets_manager/domain/plan.py").read_text(encoding="utf-8")
    assert all(reason in source for cell in reasons for reason in plain(cell))


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_defaults_in_the_readme_are_those_of_the_program() -> None:
    full = {row[0].strip("`"): row[2] for row in page("docs/configuration.md").rows("All options")}
    for flags, names, default, _ in page("README.md").rows("Settings")[1:]:
        for flag in plain(flags):
            expected = full[flag.removeprefix("-")]
            assert default in ({expected} | ({"", "all"} if expected == "-" else set())), flag
        for name in plain(names):
            assert any(name in {option.environment, option.overriding} for option in OPTIONS), name


def test_the_layers_in_the_architecture_are_those_that_are_checked() -> None:
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.findall(r'^    "(\(.+\))",$', contracts.partition("containers")[0], re.MULTILINE)
    (shown,) = [fence.text.strip() for fence in page("docs/architecture.md").fences() if " > " in fence.text]

    plain_layers = [layer.replace("(", "").replace(")", "") for layer in layers]
    assert shown.replace("(", "").replace(")", "") == " > ".join(plain_layers)


@pytest.mark.parametrize("folder", ["sync", "sync/queue", "sync/reading", "sync/restarts"])
def test_every_module_of_the_engine_stands_in_the_table_of_its_folder(folder: str) -> None:
    rows = page("docs/architecture.md").rows(f"In `{folder}/`")

    listed = [name for row in rows for name in plain(row[0])]

    modules = [
        file.name for file in (ROOT / "secrets_manager" / folder).glob("*.py") if file.stem != "__init__"
    ]
    assert sorted(listed) == sorted(modules)
