"""Tables that claim to be complete are: metrics, reasons, fields, marks, and the defaults in the README."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.metrics.asked import Readings
from secrets_manager.daemon.options import OPTIONS
from secrets_manager.domain import errors
from secrets_manager.domain.definition import ADOPT, RECREATE
from secrets_manager.domain.errors import ConfigError, PermanentError, SecretsManagerError, TemporaryError
from secrets_manager.domain.marks import NOT_COPIED_NAMES, NOT_COPIED_PREFIXES
from secrets_manager.domain.plan import Operation
from secrets_manager.domain.secret import COPIED, LAST_UPDATE, MANAGED_BY, MANAGED_BY_LABEL
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
_SUFFIXES = ("_total", "_bucket", "_count", "_sum")
_WORD = re.compile(r"\b(?:secrets_manager|controller_runtime|workqueue|rest_client)_[a-z_]+\b")


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def registry() -> CollectorRegistry:
    metrics = Metrics(Settings())
    readings = Readings(
        queue_depth=lambda: 0,
        oldest_wait=lambda: 0.0,
        overdue=lambda: 0.0,
        work_ages=list,
        definitions=lambda: 0,
        breaker_open=lambda: False,
        log_lines_dropped=lambda: 0,
        events_dropped=lambda: 0,
        watch_silence=lambda: 0.0,
        full_lists=lambda: {"start": 1},
    )
    metrics.watch(readings, "SecretDefinition")
    return metrics.registry


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _documented() -> dict[str, list[str]]:
    """The rows of all tables of metrics, by name."""
    headings = (
        "Definitions and Secrets",
        "Vault",
        "Azure Key Vault",
        "Leading",
        "The daemon",
        "As in controller-runtime",
    )
    rows = [row for heading in headings for row in METRICS.rows(heading)]
    return {plain(row[0])[0]: row for row in rows if plain(row[0])}


def test_every_metric_is_documented_with_its_type(registry: CollectorRegistry) -> None:
    exported = {_name(family): family.type for family in registry.collect()}

    # Python says gauge for what is asked of the system, and so does the page.
    assert {name: row[1] for name, row in _documented().items()} == exported


def test_every_metric_is_documented_with_its_labels(registry: CollectorRegistry) -> None:
    server = ["vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name"]
    for name, row in _documented().items():
        shown = [*(server if "*server*" in row[2] else []), *plain(row[2])]
        assert sorted(shown) == sorted(_labels(registry, name)), name


def _labels(registry: CollectorRegistry, name: str) -> Iterable[str]:
    collector: Any = registry._names_to_collectors.get(name)
    declared = getattr(collector, "_labelnames", None)
    if declared is not None:
        return list(declared)
    (family,) = (each for each in registry.collect() if _name(each) == name)
    return list(family.samples[0].labels)


@pytest.mark.parametrize("shown", pages(), ids=lambda shown: shown.name)
def test_every_metric_that_is_named_exists(shown: Page, registry: CollectorRegistry) -> None:
    names = {_name(family) for family in registry.collect()}
    families = {family.name for family in registry.collect()}
    for word in _WORD.findall(shown.text):
        base = next((word.removesuffix(suffix) for suffix in _SUFFIXES if word.endswith(suffix)), word)
        short = any(name.endswith(word) for name in names)
        assert word in names or base in families or short, word


def test_the_queries_shown_speak_of_labels_that_exist(registry: CollectorRegistry) -> None:
    labels = {label for name in _documented() for label in _labels(registry, name)} | {"le"}
    for fence in METRICS.fences("promql"):
        grouped = re.findall(r"by \(([a-z, ]+)\)", fence.text)
        matched = re.findall(r"([a-z_]+)=\"", fence.text)
        assert {name.strip() for group in grouped for name in group.split(",")} | set(matched) <= labels


# ── reasons ──────────────────────────────────────────────────────────────────────────────────────────


def _leaves() -> Iterator[type[SecretsManagerError]]:
    """Every kind of error that is raised, by being no one's parent or by being named in a table."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SecretsManagerError) and kind.__module__ == errors.__name__
    ]
    parents = {base for kind in kinds for base in kind.__mro__[1:]}
    return (kind for kind in kinds if kind not in parents)


def test_every_reason_is_explained_in_the_table_of_its_family() -> None:
    for heading, family in _REASON_TABLES.items():
        explained = [plain(row[0])[0] for row in REASONS.rows(heading) if plain(row[0])]
        kinds = [kind.__name__ for kind in _leaves() if issubclass(kind, family)]
        assert sorted(explained) == sorted(kinds), f"docs/troubleshooting.md, {heading}"


def test_the_tables_of_reasons_cover_both_families() -> None:
    families = (TemporaryError, *_REASON_TABLES.values())

    assert all(issubclass(kind, families) for kind in _leaves())
    assert issubclass(errors.TargetError, PermanentError)


def test_every_row_of_a_table_of_reasons_says_what_to_do() -> None:
    for heading in _REASON_TABLES:
        assert all(len(row) == 3 and all(row) for row in REASONS.rows(heading)), heading


# ── the custom resource ──────────────────────────────────────────────────────────────────────────────


def _schema() -> Any:
    crd = yaml.safe_load((ROOT / "config/crd/secretdefinitions.yaml").read_text(encoding="utf-8"))
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def test_every_field_of_the_spec_is_documented() -> None:
    spec = _schema()["spec"]["properties"]
    source = spec["keysMap"]["additionalProperties"]["properties"]

    documented = {plain(row[0])[0] for row in DEFINITIONS.rows("Fields") if plain(row[0])}

    fields = {f"spec.{name}" for name in spec}
    assert documented == {*fields, "spec.keysMap.<key>", *(f"spec.keysMap.<key>.{name}" for name in source)}


def test_every_field_of_the_status_is_documented() -> None:
    documented = {plain(row[0])[0] for row in DEFINITIONS.rows("Status") if plain(row[0])}

    assert documented == {f"status.{name}" for name in _schema()["status"]["properties"]}


def test_the_annotations_and_marks_are_those_of_the_program() -> None:
    annotations = {plain(row[0])[0] for row in DEFINITIONS.rows("Annotations") if plain(row[0])}
    marks = " ".join(row[0] for row in DEFINITIONS.rows("The Secret"))

    assert annotations == {ADOPT, RECREATE}
    assert all(f"`{mark}`" in marks for mark in (f"{MANAGED_BY_LABEL}: {MANAGED_BY}", LAST_UPDATE, COPIED))


def test_what_is_not_copied_is_listed_in_full() -> None:
    cells = [row[0] for row in DEFINITIONS.rows("The Secret")]
    listed = {name for cell in cells for name in plain(cell)} - {LAST_UPDATE, COPIED}
    listed.discard(f"{MANAGED_BY_LABEL}: {MANAGED_BY}")

    assert listed == {*NOT_COPIED_NAMES, *(f"{prefix}*" for prefix in NOT_COPIED_PREFIXES)}


def test_the_operations_are_those_of_the_plan() -> None:
    rows = page("docs/reconciliation.md").rows("One look")
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
