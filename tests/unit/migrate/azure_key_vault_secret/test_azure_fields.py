"""What becomes of each field of AzureKeyVaultSecret, in each version: one case for each row of the tables."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.azure_key_vault_secret.fields import azure_key_vault_secret
from secrets_manager.migrate.fields import META, Fate, Field
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from tests.unit.migrate.objects import azure_object, plan_of, put, report_of

VERSIONS = ("v1", "v2alpha1", "v2beta1")
ROWS = [
    pytest.param(version, row, id=f"{version} {row.path}")
    for version in VERSIONS
    for row in azure_key_vault_secret(version).fields
    if row not in META
]
# Values by which what is made differs, in surroundings in which they do.
CHANGED: dict[str, tuple[Any, Json]] = {
    "spec.vault.name": ("other-vault", {}),
    "spec.vault.object.name": ("other", {}),
    "spec.vault.object.type": ("key", {}),
    "spec.vault.object.version": ("1a", {}),
    "spec.vault.object.contentType": (
        "application/x-json",
        {"spec.vault.object.type": "multi-key-value-secret"},
    ),
    "spec.output.secret.name": ("other", {}),
    "spec.output.secret.type": ("kubernetes.io/dockercfg", {}),
    "spec.output.secret.dataKey": ("other", {}),
    "spec.output.transform[]": ("base64decode", {}),
}


def without(rows: list[Any], *fates: Fate) -> list[Any]:
    return [each for each in rows if each.values[1].fate not in fates]


def test_each_converted_field_has_a_case() -> None:
    rows = without(ROWS, Fate.NOTED, Fate.REFUSED, Fate.IDLE)

    # The chain of a definition always begins with the server, so the order of it changes nothing.
    assert {each.values[1].path for each in rows} == {*CHANGED, "spec.output.secret.chainOrder"}


@pytest.mark.parametrize("path", CHANGED)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_converted_field_changes_what_is_made(version: str, path: str) -> None:
    value, surroundings = CHANGED[path]
    before = azure_object(version=version)
    for other, text in surroundings.items():
        before = put(before, other, text)
    after = put(before, path, value)

    assert made(before) != made(after)
    assert report_of(plan_of(after), "password").verdict is Verdict.CONVERTED


def made(body: Json) -> object:
    found = plan_of(body)
    return [each.manifest for each in found.definitions], found.backends


@pytest.mark.parametrize(("version", "row"), without(ROWS, Fate.CONVERTED))
def test_a_field_that_is_not_converted_is_told_as_its_table_says(version: str, row: Field) -> None:
    value: Any = {"name": "other"} if row.path.endswith(".**") else "other"
    report = report_of(plan_of(put(azure_object(version=version), row.path, value)), "password")
    expected = {Fate.IDLE: [], Fate.NOTED: [(row.says, False)], Fate.REFUSED: [(row.says, True)]}

    assert [(remark.says, remark.refuses) for remark in report.remarks] == expected[row.fate]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_identity_or_config_map_is_not_told(version: str) -> None:
    body = azure_object(version=version)
    if version != "v1":
        body = put(body, "spec.output.configMap", {"name": "", "dataKey": ""})
    if version == "v2beta1":
        body = put(body, "spec.vault.azureIdentity", "")

    assert report_of(plan_of(body), "password").remarks == ()


@pytest.mark.parametrize(
    ("version", "path"), [("v1", "vault.azureIdentity"), ("v1", "output.configMap.name"), ("v2alpha1", "x")]
)
def test_a_field_of_another_version_is_none_that_is_known(version: str, path: str) -> None:
    report = report_of(plan_of(put(azure_object(version=version), f"spec.{path}", "a")), "password")

    assert "is no field that akv2k8s has there" in str(report.remarks[0])
    assert report.verdict is Verdict.REFUSED
