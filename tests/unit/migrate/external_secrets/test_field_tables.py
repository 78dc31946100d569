"""What becomes of each field of the kinds of External Secrets: one value for each row of their tables."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.external_secrets import fields, store_fields
from secrets_manager.migrate.fields import META, Fate, Field, Table
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import Plan
from secrets_manager.migrate.remarks import Verdict
from tests.unit.migrate.objects import external_secret, plan_of, put, report_of, vault_store

REF = {"name": "login", "key": "part", "namespace": "logins"}
LOGIN = "spec.provider.vault.auth"
AZURE: Json = {
    "vaultUrl": "https://shop.vault.azure.net",
    "tenantId": "tenant",
    "authSecretRef": {"clientId": dict(REF), "clientSecret": dict(REF)},
}
# A value for fields that do not take the text `other`.
VALUES: dict[str, Any] = {
    "spec.refreshInterval": "7m",
    "spec.refreshPolicy": "CreatedOnce",
    "spec.target.creationPolicy": "Orphan",
    "spec.target.deletionPolicy": "Delete",
    "spec.target.immutable": True,
    "spec.target.template.engineVersion": "v1",
    "spec.target.template.mergePolicy": "Merge",
    "spec.target.template.data.*": "{{ .PASSWORD }}!",
    "spec.target.template.engine": "v2",
    "spec.data[].remoteRef.decodingStrategy": "Base64",
    "spec.data[].remoteRef.nullBytePolicy": "Fail",
    "spec.dataFrom[].rewrite[].regexp.source": "^OLD_(.*)",
    "spec.dataFrom[].rewrite[].regexp.target": "NEW_$1",
    "spec.dataFrom[].rewrite[].transform.template": "{{ .value | upper }}",
    "spec.provider.vault.server": "https://other.example.test",
    "spec.provider.vault.version": "v1",
    "spec.provider.vault.readYourWrites": True,
    "spec.provider.vault.forwardInconsistent": True,
    "spec.provider.azurekv.vaultUrl": "https://other.vault.azure.net",
    "spec.provider.azurekv.authType": "ManagedIdentity",
    "spec.provider.azurekv.environmentType": "ChinaCloud",
}


def test_it_is_a_list_of_cases_that_some_row_has() -> None:
    rows = {row.path for table in TABLES.values() for row in table.fields}

    assert set(VALUES) <= rows


TABLES: dict[str, Table] = {
    "ExternalSecret": fields.external_secret("v1"),
    "ExternalSecret v1alpha1": fields.external_secret("v1alpha1"),
    "ClusterExternalSecret": fields.cluster_external_secret("v1"),
    "ClusterSecretStore": store_fields.store("v1"),
}
_ROWS = [
    pytest.param(kind, row, id=f"{kind} {row.path}")
    for kind, table in TABLES.items()
    for row in table.fields
    if row not in META and row.fate in {Fate.NOTED, Fate.REFUSED, Fate.IDLE}
]


def object_of(kind: str) -> Json:
    if kind == "ClusterSecretStore":
        return vault_store()
    body = external_secret(
        version="v1alpha1" if kind.endswith("v1alpha1") else "v1", dataFrom=[{"extract": {"key": "all"}}]
    )
    if kind != "ClusterExternalSecret":
        return body
    spec = {"namespaces": ["shop"], "externalSecretSpec": body["spec"]}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": {"name": "db"},
        "spec": spec,
    }


def planned(kind: str, body: Json) -> Plan:
    return plan_of(body, external_secret()) if kind == "ClusterSecretStore" else plan_of(vault_store(), body)


def with_field(kind: str, row: Field, value: Any) -> Json:
    """The object with the field, in surroundings in which it may stand."""
    body = object_of(kind)
    path = row.path.replace("externalSecretSpec.", "")
    if path.startswith("spec.data[]"):
        at = row.path.partition(".data[]")[0]
        for name, text in (
            ("secretKey", "KEY"),
            ("remoteRef.key", "shop/db"),
            ("remoteRef.property", "part"),
        ):
            body = put(body, f"{at}.data[].{name}", text)
    if path.startswith(f"{LOGIN}."):
        name = path.removeprefix(f"{LOGIN}.").partition(".")[0]
        if name != "kubernetes":
            body = vault_store(auth={name: {"vaultRole" if name == "iam" else "role": "reader"}})
    if path.startswith("spec.provider.azurekv"):
        body["spec"] = {"provider": {"azurekv": AZURE}}
    return put(body, row.path, value)


def value_of(row: Field) -> Any:
    path = row.path.replace("spec.externalSecretSpec", "spec")
    return {"other": "thing"} if row.path.endswith(".**") else VALUES.get(path, "other")


@pytest.mark.parametrize(("kind", "row"), _ROWS)
def test_a_field_that_is_not_converted_is_told_as_its_table_says(kind: str, row: Field) -> None:
    body = with_field(kind, row, value_of(row))
    made = planned(kind, body)
    remarks = [
        remark for remark in report_of(made, body["metadata"]["name"]).remarks if remark.says == row.says
    ]
    told = {Fate.IDLE: [], Fate.NOTED: [False], Fate.REFUSED: [True]}[row.fate]

    assert [remark.refuses for remark in remarks] == told
    assert (
        report_of(made, body["metadata"]["name"]).verdict
        is {
            Fate.IDLE: Verdict.CONVERTED,
            Fate.NOTED: Verdict.NOTED,
            Fate.REFUSED: Verdict.REFUSED,
        }[row.fate]
    )


@pytest.mark.parametrize(("kind", "row"), _ROWS)
def test_a_value_that_says_what_holds_anyway_is_not_told(kind: str, row: Field) -> None:
    for value in row.unless:
        body = with_field(kind, row, value)
        assert report_of(planned(kind, body), body["metadata"]["name"]).remarks == ()
