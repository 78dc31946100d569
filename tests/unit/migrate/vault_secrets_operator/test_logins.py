"""Which VaultAuth and VaultConnection a VaultStaticSecret reads with, and who may read with them then."""

from __future__ import annotations

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.rules import Rule
from secrets_manager.migrate.surroundings import NOTHING_SAID, Options
from tests.unit.migrate.objects import plan_of, put, report_of
from tests.unit.migrate.vault_objects import auth, connection, static_secret

OPERATOR = Options(operator_namespace="vso")


def refusal_of(*bodies: Json, options: Options = NOTHING_SAID) -> str:
    made = plan_of(*bodies, options=options)
    assert report_of(made, "db").verdict is Verdict.REFUSED
    assert (made.definitions, made.backends, made.rules) == ((), {}, ())
    return str(report_of(made, "db").remarks[-1])


def without(body: Json, name: str) -> Json:
    return {**body, "spec": {key: value for key, value in body["spec"].items() if key != name}}


def test_the_default_of_the_operator_is_asked_for_where_its_namespace_is_not_known() -> None:
    said = refusal_of(connection(), auth("default"), without(static_secret(), "vaultAuthRef"))

    assert said.startswith(
        "spec.vaultAuthRef is absent, so the operator takes the VaultAuth default of its own"
    )
    assert "--operator-namespace" in said


def test_the_defaults_of_the_operator_are_found_in_its_namespace() -> None:
    login = without(auth("default"), "vaultConnectionRef")
    secret = without(static_secret(), "vaultAuthRef")
    made = plan_of(connection("default"), login, secret, options=OPERATOR)

    assert set(made.backends) == {"vso-default"}
    assert "VaultAuth vso/default, which is not among the files" in refusal_of(secret, options=OPERATOR)


def test_a_name_without_a_namespace_is_one_of_the_own_namespace() -> None:
    own = auth("login", "shop", vaultConnectionRef="vso/vault")
    made = plan_of(connection(), auth(), own, static_secret(vaultAuthRef="login"))

    assert set(made.backends) == {"shop-login"}


@pytest.mark.parametrize("ref", ["a/b/c", "/a", "a/"])
def test_a_reference_that_is_no_name_is_refused(ref: str) -> None:
    assert "spec.vaultAuthRef is no name of an object" in refusal_of(static_secret(vaultAuthRef=ref))


def test_a_namespace_that_is_not_allowed_is_refused() -> None:
    said = refusal_of(connection(), auth(allowedNamespaces=["other"]), static_secret())

    assert said == "spec.vaultAuthRef names VaultAuth vso/login, whose allowedNamespaces do not have shop"


@pytest.mark.parametrize(
    ("allowed", "namespaces"),
    [
        (["*"], ("*",)),
        (["shop", "web"], ("shop", "vso", "web")),
        (["shop", "*"], ("shop", "vso")),
        (["shop", "team-*"], ("shop", "vso")),
    ],
)
def test_the_rule_names_the_namespaces_that_were_allowed(
    allowed: list[str], namespaces: tuple[str, ...]
) -> None:
    made = plan_of(connection(), auth(allowedNamespaces=allowed), static_secret())

    assert made.rules == (Rule(("vso-login",), namespaces, ("*",)),)


def test_each_namespace_with_a_secret_of_its_own_has_a_backend_of_its_own() -> None:
    login = auth(method="appRole", mount="approle", appRole={"roleId": "id", "secretRef": "login"})
    made = plan_of(connection(), login, static_secret(), static_secret("b", "web"), static_secret("c", "vso"))

    assert {rule.backends[0]: rule.namespaces for rule in made.rules} == {
        "vso-login": ("vso",),
        "vso-login-of-shop": ("shop",),
        "vso-login-of-web": ("web",),
    }


def test_another_namespace_of_vault_than_that_of_the_login_is_refused() -> None:
    said = refusal_of(
        connection(), put(auth(), "spec.namespace", "one"), put(static_secret(), "spec.namespace", "two")
    )

    assert said.startswith("spec.namespace is another one than that of VaultAuth vso/login")


@pytest.mark.parametrize(
    ("login", "says"),
    [
        (auth(method="saml"), "spec.method is none that is known here"),
        (auth(method="jwt"), "spec.jwt is missing, and spec.method names it"),
        (without(auth(), "mount"), "spec.mount is missing"),
        (auth(kubernetes={"serviceAccount": "a"}), "spec.kubernetes.role is missing"),
        (
            auth(vaultConnectionRef="none"),
            "spec.vaultConnectionRef names VaultConnection vso/none, which is not",
        ),
        (without(auth(), "vaultConnectionRef"), "spec.vaultConnectionRef is absent"),
    ],
)
def test_a_login_that_is_refused_refuses_who_reads_with_it(login: Json, says: str) -> None:
    made = plan_of(connection(), login, static_secret())

    assert str(report_of(made, "login").remarks[0]).startswith(says)
    assert "names VaultAuth vso/login, which is refused itself" in refusal_of(
        connection(), login, static_secret()
    )


def test_a_connection_that_is_refused_refuses_its_logins() -> None:
    made = plan_of(connection(headers={"a": "b"}), auth(), static_secret())

    assert str(report_of(made, "login").remarks[0]).endswith("vso/vault, which is refused itself")
    assert report_of(made, "db").verdict is Verdict.REFUSED


def test_a_login_that_the_method_does_not_name_is_noted() -> None:
    made = plan_of(connection(), put(auth(), "spec.aws.role", "other"), static_secret())

    (said,) = report_of(made, "login").remarks
    assert str(said) == "spec.aws is not what spec.method names, so it is without effect"


@pytest.mark.parametrize(
    "kind",
    [
        "CSISecrets",
        "HCPAuth",
        "HCPVaultSecretsApp",
        "VaultAuthGlobal",
        "VaultDynamicSecret",
        "VaultPKISecret",
    ],
)
@pytest.mark.parametrize("spec", [{}, {"any": "thing"}])
def test_kinds_that_nothing_can_be_made_of_are_refused_with_the_reason(kind: str, spec: Json) -> None:
    (report,) = plan_of({**static_secret(), "kind": kind, "spec": spec}).reports

    assert report.verdict is Verdict.REFUSED
    assert ("secrets-manager" in str(report.remarks[-1])) or ("VaultAuth" in str(report.remarks[-1]))


def test_an_address_with_a_password_is_refused_and_the_password_is_nowhere() -> None:
    made = plan_of(connection(address="https://user:p4ss@vault.test"), auth(), static_secret())

    assert not made.backends
    assert not made.definitions
    assert "p4ss" not in str(made.reports)
    assert "must not contain a user or password" in str(made.reports)
