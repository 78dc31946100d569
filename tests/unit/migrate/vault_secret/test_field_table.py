"""What becomes of each field of VaultSecret: a case for each row of its table."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.fields import META, Fate, Field
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.surroundings import Options
from secrets_manager.migrate.vault_secret import fields
from tests.unit.migrate.objects import plan_of, put, report_of
from tests.unit.migrate.vault_objects import flat, vault_secret

TABLE = fields.vault_secret("v1alpha1")
TOLD = Options(kv2_mounts=frozenset({"secret"}))
D = "shop/db.spec"
RESTART = vault_secret(restartOnChange={"kind": "Deployment", "name": "app"})
# A value, the object that it is put into, and what it changes in the plan.
CASES: dict[str, tuple[Any, Json, dict[str, Any]]] = {
    "spec.vaultRole": (
        "shop",
        vault_secret(),
        {f"{D}.backend": "vault-role-shop", "vault-role-shop:kubernetes-role": "shop"},
    ),
    "spec.vaultNamespace": (
        "team",
        vault_secret(),
        {f"{D}.backend": "vault-namespace-team", "vault-namespace-team:namespace": "team"},
    ),
    "spec.reconcileStrategy": ("Replace", vault_secret(), {}),
    "spec.keys[]": ("a*", vault_secret(), {f"{D}.dataFrom[0].include[0]": "a[*]"}),
    "spec.templates.*": (
        "x {% .Namespace %} {% .Vault.Path %}",
        vault_secret(),
        {f"{D}.template.any": "x shop secret/shop/db", f"{D}.dataFrom[0].path": None},
    ),
    "spec.path": ("secret/a", vault_secret(), {f"{D}.dataFrom[0].path": "secret/data/a"}),
    "spec.paths[]": (
        "secret/a",
        vault_secret(),
        {f"{D}.dataFrom[0].path": "secret/data/a", f"{D}.dataFrom[1].path": "secret/data/shop/db"},
    ),
    "spec.secretEngine": ("kv", vault_secret(), {}),
    "spec.type": ("kubernetes.io/tls", vault_secret(), {f"{D}.type": "kubernetes.io/tls"}),
    "spec.version": (3, vault_secret(), {f"{D}.dataFrom[0].version": "3"}),
    "spec.isBinary": (
        True,
        vault_secret(keys=["a"]),
        {f"{D}.keysMap.a.encoding": "base64", f"{D}.dataFrom[0].path": None},
    ),
    "spec.restartOnChange.kind": (
        "StatefulSet",
        RESTART,
        {f"{D}.restart.workloads[0].kind": "StatefulSet"},
    ),
    "spec.restartOnChange.name": ("other", RESTART, {f"{D}.restart.workloads[0].name": "other"}),
}
_ROWS = [pytest.param(row, id=row.path) for row in TABLE.fields if row not in META]


def test_each_row_that_is_converted_has_a_case_and_each_case_a_row() -> None:
    rows = {row.path for row in TABLE.fields if row not in META and row.fate is Fate.CONVERTED}

    assert rows == set(CASES)


@pytest.mark.parametrize("path", CASES)
def test_a_field_that_is_converted_changes_what_it_says_in_the_plan(path: str) -> None:
    value, into, changes = CASES[path]
    before = flat(plan_of(into, options=TOLD))

    made = plan_of(put(into, path, value), options=TOLD)

    assert report_of(made, "db").verdict is not Verdict.REFUSED, report_of(made, "db").remarks
    after = flat(made)
    assert {at: after.get(at) for at in changes} == changes
    assert {at: before.get(at) for at in changes} != changes or not changes
    assert changes or before == after


@pytest.mark.parametrize("row", [each for each in _ROWS if each.values[0].fate is not Fate.CONVERTED])  # type: ignore[union-attr]
def test_a_field_that_is_not_converted_is_told_as_its_table_says(row: Field) -> None:
    value = {"type": "keystore"} if row.path.endswith(".**") else "other"
    report = report_of(plan_of(put(vault_secret(), row.path, value), options=TOLD), "db")

    told = {Fate.IDLE: [], Fate.NOTED: [False], Fate.REFUSED: [True]}[row.fate]
    assert [remark.refuses for remark in report.remarks if remark.says == row.says] == told
    assert (report.verdict is Verdict.REFUSED) == (row.fate is Fate.REFUSED)
