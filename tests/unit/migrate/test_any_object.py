"""Whatever an object holds, planning ends, no field is passed over, and the CRD takes what is made."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.commands.schema.validation import schema_faults
from secrets_manager.migrate.fields import Fate, Field
from secrets_manager.migrate.operators import KINDS, Kind
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from tests.unit.migrate.accounts import VALUES, WORDS, is_accounted, leaves
from tests.unit.migrate.objects import azure_object, external_secret, plan_of, put, vault_store
from tests.unit.migrate.vault_objects import auth, connection, static_secret, transformation, vault_secret

BASES: dict[str, Callable[[], Json]] = {
    "AzureKeyVaultSecret": azure_object,
    "SecretTransformation": transformation,
    "VaultAuth": auth,
    "VaultConnection": connection,
    "VaultSecret": vault_secret,
    "VaultStaticSecret": static_secret,
}
# What may be there besides an object.
BESIDE = {
    "AzureKeyVaultSecret": (azure_object("other"),),
    "VaultConnection": (auth(), transformation(), static_secret()),
    "VaultAuth": (connection(), transformation(), static_secret()),
    "SecretTransformation": (
        connection(),
        auth(),
        static_secret(destination={"transformation": {"transformationRefs": [{"name": "shapes"}]}}),
    ),
    "VaultStaticSecret": (connection(), auth(), transformation()),
    "VaultSecret": (),
}


def base_of(kind: Kind) -> Json:
    if kind.group == "secrets.hashicorp.com" and kind.kind not in BASES:
        return {**static_secret(), "kind": kind.kind}
    if kind.kind in BASES:
        return BASES[kind.kind]()
    if kind.kind == "ExternalSecret":
        return external_secret()
    if kind.kind == "ClusterExternalSecret":
        spec = {"namespaces": ["shop"], "externalSecretSpec": external_secret()["spec"]}
        return {**external_secret(), "kind": kind.kind, "metadata": {"name": "db"}, "spec": spec}
    return vault_store("vault", "" if kind.cluster_wide else "shop")


# Texts that mean something, for fields that take few.
T = "spec.destination.transformation"
MEANT = {
    "spec.vault.name": ["shop-vault", "Other-Vault"],
    "spec.vault.object.name": ["a", "a-b"],
    "spec.vault.object.type": ["secret", "certificate", "key", "multi-key-value-secret"],
    "spec.vault.object.version": ["", "0a"],
    "spec.vault.object.contentType": ["application/x-json", "application/x-yaml"],
    "spec.output.secret.name": ["db", "own"],
    "spec.output.secret.type": ["Opaque", "", "kubernetes.io/tls", "kubernetes.io/basic-auth"],
    "spec.output.secret.dataKey": ["a", "other", "a.b"],
    "spec.output.transform[]": ["trim", "base64encode", "base64decode"],
    "spec.vaultAuthRef": ["vso/login"],
    "spec.type": ["kv-v1", "kv-v2", "Opaque"],
    "spec.namespace": [""],
    "spec.refreshAfter": ["1h", "0s", "1m30s"],
    "spec.destination.name": ["a", "a-b"],
    "spec.destination.type": ["Opaque", "custom/x"],
    "spec.destination.labels.*": ["a"],
    "spec.rolloutRestartTargets[].kind": ["Deployment", "argo.Rollout"],
    "spec.rolloutRestartTargets[].name": ["app"],
    f"{T}.templates.*.text": ["a", "{{ .Secrets.a }}", "{{ range .Secrets }}{{ . }}{{ end }}"],
    f"{T}.transformationRefs[].name": ["shapes"],
    f"{T}.transformationRefs[].namespace": ["", "shop"],
    f"{T}.transformationRefs[].templateRefs[].name": ["url"],
    f"{T}.includes[]": ["^a.*$", "b|c"],
    f"{T}.excludes[]": ["^a.*$", ".*"],
    "spec.secretEngine": ["", "kv"],
    "spec.templates.*": ["a", "{% .Secrets.a %}", "{% range $k, $v := .Secrets %}{% $k %}{% end %}"],
    "spec.restartOnChange.kind": ["Deployment"],
    "spec.restartOnChange.name": ["app"],
}


def of_type(row: Field) -> st.SearchStrategy[Any]:
    """Values of the types that the field takes."""
    if row.path in MEANT:
        return st.sampled_from(MEANT[row.path])
    made = {str: WORDS, bool: st.booleans(), int: st.integers(0, 9), float: st.just(1.5)}
    return st.one_of([made[form] for form in row.forms])


@st.composite
def objects(draw: st.DrawFn, kind: Kind) -> Json:
    """An object of the kind with some fields of its table, and some of nobody's, with any values."""
    body = base_of(kind)
    rows = {row.path: row for row in kind.table(kind.versions[0]).fields if row.path.startswith("spec")}
    paths = st.sampled_from([*sorted(rows), "spec.unknown", "spec.data[].x"])
    kept = st.sampled_from(sorted(path for path, row in rows.items() if row.fate is not Fate.REFUSED) or [""])
    # Half of them have only fields and values that fit, so that more comes of them than refusals.
    fits = kind.kind in BASES and draw(st.booleans())
    for path in draw(st.lists(kept if fits else paths, max_size=8)):
        try:
            body = put(body, path, draw(of_type(rows[path]) if fits else VALUES))
        except (AttributeError, TypeError, KeyError, IndexError):
            continue  # A field below one that is no map now.
    return body


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
@given(data=st.data())
def test_every_object_has_a_verdict_and_every_field_of_it_is_accounted_for(
    kind: Kind, data: st.DataObject
) -> None:
    body = data.draw(objects(kind))
    before = copy.deepcopy(body)

    made = plan_of(body, *beside(kind))

    assert body == before
    report = next(report for report in made.reports if report.original.body is body)
    for path, value in leaves(body):
        assert is_accounted(kind, report, path, value), path
    for one in made.definitions:
        assert schema_faults(one.manifest) == []
    assert (report.verdict is Verdict.REFUSED) == any(remark.refuses for remark in report.remarks)


def beside(kind: Kind) -> Sequence[Json]:
    if kind.group != "external-secrets.io":
        return BESIDE.get(kind.kind, ())
    return [external_secret("other", "shop")] if kind.store else [vault_store()]
