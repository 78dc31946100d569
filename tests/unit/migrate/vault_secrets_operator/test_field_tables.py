"""What becomes of each field of the Vault Secrets Operator: a case for each row of its tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from secrets_manager.migrate.fields import META, Fate, Field, Table
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import Plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.vault_secrets_operator import fields, login_fields
from tests.unit.migrate.objects import plan_of, put, report_of
from tests.unit.migrate.vault_objects import auth, connection, flat, static_secret, transformation

TABLES: dict[str, Table] = {
    "VaultStaticSecret": fields.static_secret("v1beta1"),
    "SecretTransformation": fields.secret_transformation("v1beta1"),
    "VaultAuth": login_fields.vault_auth("v1beta1"),
    "VaultConnection": login_fields.vault_connection("v1beta1"),
}
NAMES = {
    "VaultStaticSecret": "db",
    "SecretTransformation": "shapes",
    "VaultAuth": "login",
    "VaultConnection": "vault",
}


@dataclass(frozen=True)
class Case:
    """A value of a field, what it changes in the plan, and the object that it is put into."""

    value: Any
    changes: dict[str, Any]
    into: Json = field(default_factory=dict)
    others: tuple[Json, ...] = ()


D = "shop/db.spec"
REF = {"transformationRefs": [{"name": "shapes"}], "excludeRaw": True}
FILTERED = static_secret(destination={"transformation": REF})
T = "spec.destination.transformation"
JWT = auth(method="jwt", mount="jwt", jwt={"role": "reader", "serviceAccount": "default"})
APP_ROLE = auth(method="appRole", mount="approle", appRole={"roleId": "id-1", "secretRef": "login"})
AWS = auth(method="aws", mount="aws", aws={"role": "reader"})
GCP = auth(method="gcp", mount="gcp", gcp={"role": "reader", "workloadIdentityServiceAccount": "app"})
AUDIENCE = "mount a token with the audience vault, and name it as"
BOUND = "vso-login todo: bind the role of Vault to the daemon's service account"

# A field that changes nothing by itself has no change here, and a test of its own in one of the other files.
CASES: dict[tuple[str, str], Case] = {
    ("VaultStaticSecret", "spec.vaultAuthRef"): Case(
        "vso/other",
        {f"{D}.backend": "vso-other", "vso-other:kubernetes-role": "another"},
        others=(auth("other", kubernetes={"role": "another", "serviceAccount": "default"}),),
    ),
    ("VaultStaticSecret", "spec.namespace"): Case(
        "team", {}, others=(put(auth(), "spec.namespace", "team"),)
    ),
    ("VaultStaticSecret", "spec.mount"): Case("kv", {f"{D}.dataFrom[0].path": "kv/data/shop/db"}),
    ("VaultStaticSecret", "spec.path"): Case("a/b", {f"{D}.dataFrom[0].path": "secret/data/a/b"}),
    ("VaultStaticSecret", "spec.type"): Case(
        "kv-v1", {f"{D}.dataFrom[0].path": "secret/shop/db", "vso-login-kv1:engine": "kv1"}
    ),
    ("VaultStaticSecret", "spec.version"): Case(4, {f"{D}.dataFrom[0].version": "4"}),
    ("VaultStaticSecret", "spec.refreshAfter"): Case("30s", {f"{D}.refreshPeriod": "30s"}),
    ("VaultStaticSecret", "spec.hmacSecretData"): Case(False, {f"{D}.refreshPeriod": None}),
    ("VaultStaticSecret", "spec.rolloutRestartTargets[].kind"): Case(
        "argo.Rollout",
        {f"{D}.restart.workloads[0].kind": "Rollout"},
        static_secret(rolloutRestartTargets=[{"kind": "Deployment", "name": "app"}]),
    ),
    ("VaultStaticSecret", "spec.rolloutRestartTargets[].name"): Case(
        "app",
        {f"{D}.restart.workloads[0].name": "app"},
        static_secret(rolloutRestartTargets=[{"kind": "DaemonSet"}]),
    ),
    ("VaultStaticSecret", "spec.destination.name"): Case("other", {f"{D}.name": "other"}),
    ("VaultStaticSecret", "spec.destination.create"): Case(
        False,
        {
            f"{D}.onDelete": "Retain",
            "shop/db.metadata.annotations.secrets-manager.tuenti.io/adopt": "true",
        },
    ),
    ("VaultStaticSecret", "spec.destination.overwrite"): Case(
        True, {"shop/db.metadata.annotations.secrets-manager.tuenti.io/adopt": "true"}
    ),
    ("VaultStaticSecret", "spec.destination.type"): Case(
        "kubernetes.io/tls", {f"{D}.type": "kubernetes.io/tls"}
    ),
    ("VaultStaticSecret", "spec.destination.labels.*"): Case("x", {f"{D}.metadata.labels.any": "x"}),
    ("VaultStaticSecret", "spec.destination.annotations.*"): Case(
        "x y", {f"{D}.metadata.annotations.any": "x y"}
    ),
    ("VaultStaticSecret", f"{T}.templates.*.name"): Case("a name", {f"{D}.template.any": ""}),
    ("VaultStaticSecret", f"{T}.templates.*.text"): Case(
        "plain {{ .Annotations.note }}",
        {f"{D}.template.any": "plain text"},
        put(static_secret(), "metadata.annotations", {"note": "text"}),
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].name"): Case(
        "shapes", {f"{D}.template.url": "https://{{ host }}", f"{D}.inputs.host.key": "host"}
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].namespace"): Case(
        "shared",
        {f"{D}.template.url": "{{ port }}", f"{D}.inputs.port.key": "port"},
        FILTERED,
        (transformation(namespace="shared", templates={"url": {"text": "{{ .Secrets.port }}"}}),),
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].templateRefs[].name"): Case(
        "url",
        {f"{D}.template.url": "a", f"{D}.template.other": None},
        FILTERED,
        (transformation(templates={"url": {"text": "a"}, "other": {"text": "b"}}),),
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].templateRefs[].keyOverride"): Case(
        "link",
        {f"{D}.template.link": "https://{{ host }}", f"{D}.template.url": None},
        put(FILTERED, f"{T}.transformationRefs[].templateRefs[].name", "url"),
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].ignoreIncludes"): Case(
        True, {f"{D}.dataFrom[0].include[0]": None}, FILTERED, (transformation(includes=["^a$"]),)
    ),
    ("VaultStaticSecret", f"{T}.transformationRefs[].ignoreExcludes"): Case(
        True, {f"{D}.dataFrom[0].exclude[0]": None}, FILTERED, (transformation(excludes=["^a$"]),)
    ),
    ("VaultStaticSecret", f"{T}.includes[]"): Case("^DB_", {f"{D}.dataFrom[0].include[0]": "DB_*"}),
    ("VaultStaticSecret", f"{T}.excludes[]"): Case("old$", {f"{D}.dataFrom[0].exclude[0]": "*old"}),
    ("VaultStaticSecret", f"{T}.excludeRaw"): Case(False, {}),
    ("SecretTransformation", "spec.templates.*.text"): Case("a", {f"{D}.template.any": "a"}),
    ("SecretTransformation", "spec.templates.*.name"): Case("a", {f"{D}.template.any": ""}),
    ("SecretTransformation", "spec.includes[]"): Case("x$", {f"{D}.dataFrom[0].include[0]": "*x"}),
    ("SecretTransformation", "spec.excludes[]"): Case("^x", {f"{D}.dataFrom[0].exclude[0]": "x*"}),
    ("VaultConnection", "spec.address"): Case(
        "https://b.example.test", {"vso-login:url": "https://b.example.test"}
    ),
    ("VaultConnection", "spec.tlsServerName"): Case("vault", {"vso-login:tls-server-name": "vault"}),
    ("VaultConnection", "spec.caCertSecretRef"): Case(
        "ca", {"vso-login:ca-cert": "key 'ca.crt' of Secret vso/ca"}
    ),
    ("VaultConnection", "spec.skipTLSVerify"): Case(True, {"vso-login:skip-verify": True}),
    ("VaultAuth", "spec.vaultConnectionRef"): Case(
        "infra/other",
        {"vso-login:url": "https://other.example.test"},
        others=(connection("other", "infra", address="https://other.example.test"),),
    ),
    ("VaultAuth", "spec.namespace"): Case("team", {"vso-login:namespace": "team"}),
    ("VaultAuth", "spec.allowedNamespaces[]"): Case("shop", {"rule vso-login": (("shop", "vso"), ("*",))}),
    ("VaultAuth", "spec.method"): Case(
        "aws",
        {"vso-login:auth-method": "aws", "vso-login:kubernetes-role": None},
        auth(mount="aws", aws={"role": "reader"}),
    ),
    ("VaultAuth", "spec.mount"): Case("eu", {"vso-login:kubernetes-path": "eu"}),
    ("VaultAuth", "spec.kubernetes.role"): Case("other", {"vso-login:kubernetes-role": "other"}),
    ("VaultAuth", "spec.kubernetes.serviceAccount"): Case(
        "app", {f"{BOUND}, in the place of app of each namespace": True}
    ),
    ("VaultAuth", "spec.kubernetes.audiences[]"): Case(
        "vault",
        {f"vso-login todo: {AUDIENCE} kubernetes-token-file": True},
    ),
    ("VaultAuth", "spec.jwt.role"): Case("other", {"vso-login:jwt-role": "other"}, JWT),
    ("VaultAuth", "spec.jwt.serviceAccount"): Case(
        "app", {f"{BOUND}, in the place of app of each namespace": True}, JWT
    ),
    ("VaultAuth", "spec.jwt.audiences[]"): Case(
        "vault",
        {f"vso-login todo: {AUDIENCE} jwt-file": True},
        JWT,
    ),
    ("VaultAuth", "spec.jwt.secretRef"): Case(
        "token", {"vso-login-of-shop:jwt-file": "key 'jwt' of Secret shop/token"}, JWT
    ),
    ("VaultAuth", "spec.appRole.roleId"): Case("id-2", {"vso-login-of-shop:role-id": "id-2"}, APP_ROLE),
    ("VaultAuth", "spec.appRole.secretRef"): Case(
        "other", {"vso-login-of-shop:secret-id-file": "key 'id' of Secret shop/other"}, APP_ROLE
    ),
    ("VaultAuth", "spec.aws.role"): Case("other", {"vso-login:aws-role": "other"}, AWS),
    ("VaultAuth", "spec.aws.region"): Case("eu-west-1", {"vso-login:aws-region": "eu-west-1"}, AWS),
    ("VaultAuth", "spec.aws.headerValue"): Case("vault", {"vso-login:aws-header-value": "vault"}, AWS),
    ("VaultAuth", "spec.aws.irsaServiceAccount"): Case("app", {}, AWS),
    ("VaultAuth", "spec.gcp.role"): Case("other", {"vso-login:gcp-role": "other"}, GCP),
    ("VaultAuth", "spec.gcp.workloadIdentityServiceAccount"): Case("other", {}, GCP),
}
_CONVERTED = [
    pytest.param(kind, row, id=f"{kind} {row.path}")
    for kind, table in TABLES.items()
    for row in table.fields
    if row not in META and row.fate is Fate.CONVERTED
]
_TOLD = [
    pytest.param(kind, row, id=f"{kind} {row.path}")
    for kind, table in TABLES.items()
    for row in table.fields
    if row not in META and row.fate is not Fate.CONVERTED
]
_BASES = {
    "VaultStaticSecret": static_secret(),
    "SecretTransformation": transformation(),
    "VaultAuth": auth(),
    "VaultConnection": connection(),
}


def planned(kind: str, body: Json, others: tuple[Json, ...] = ()) -> Plan:
    """The plan of the object, with what has to be there beside it."""
    user = FILTERED if kind == "SecretTransformation" else static_secret()
    objects: dict[tuple[str, str, str], Json] = {}
    for each in (connection(), auth(), transformation(), user, *others, body):
        metadata = each["metadata"]
        objects[each["kind"], metadata["namespace"], metadata["name"]] = each
    return plan_of(*objects.values())


def test_each_row_that_is_converted_has_a_case_and_each_case_a_row() -> None:
    rows = {
        (kind, row.path)
        for kind, table in TABLES.items()
        for row in table.fields
        if row not in META and row.fate is Fate.CONVERTED
    }

    assert rows == set(CASES)


@pytest.mark.parametrize(("kind", "row"), _CONVERTED)
def test_a_field_that_is_converted_changes_what_it_says_in_the_plan(kind: str, row: Field) -> None:
    case = CASES[kind, row.path]
    into = case.into or _BASES[kind]
    before = flat(planned(kind, into, case.others))

    after = planned(kind, put(into, row.path, case.value), case.others)

    assert report_of_kind(after, kind).verdict is not Verdict.REFUSED, report_of_kind(after, kind).remarks
    found = flat(after)
    assert {at: found.get(at) for at in case.changes} == case.changes
    assert not case.changes or {at: before.get(at) for at in case.changes} != case.changes


def report_of_kind(made: Plan, kind: str) -> Any:
    return next(report for report in made.reports if report.original.key.kind == kind)


VALUES: dict[str, Any] = {
    "spec.syncConfig.instantUpdates": True,
    f"{T}.resync": True,
    "spec.kubernetes.tokenExpirationSeconds": 900,
    "spec.jwt.tokenExpirationSeconds": 900,
}
BLOCKS = {"jwt": JWT, "aws": AWS, "gcp": GCP}


@pytest.mark.parametrize(("kind", "row"), _TOLD)
def test_a_field_that_is_not_converted_is_told_as_its_table_says(kind: str, row: Field) -> None:
    value = {"other": "thing"} if row.path.endswith(".**") else VALUES.get(row.path, "other")
    body = put(BLOCKS.get(row.path.split(".")[1], _BASES[kind]), row.path, value)
    made = planned(kind, body)
    report = report_of(made, NAMES[kind])

    told = {Fate.IDLE: [], Fate.NOTED: [False], Fate.REFUSED: [True]}[row.fate]
    assert [remark.refuses for remark in report.remarks if remark.says == row.says] == told
    if kind == "VaultStaticSecret" or row.fate is not Fate.REFUSED:
        return
    (user,) = (each for each in made.reports if each.original.key.kind == "VaultStaticSecret")
    assert user.verdict is Verdict.REFUSED


@pytest.mark.parametrize(("kind", "row"), _TOLD)
def test_a_value_that_says_what_holds_anyway_is_not_told(kind: str, row: Field) -> None:
    for value in row.unless:
        base = BLOCKS.get(row.path.split(".")[1], _BASES[kind])
        report = report_of(planned(kind, put(base, row.path, value)), NAMES[kind])
        assert report.remarks == ()
