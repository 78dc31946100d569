"""AzureKeyVaultSecrets that make one Secret become one definition, and each has its report."""

from __future__ import annotations

import itertools

import pytest

from secrets_manager.domain.definition import Ref
from secrets_manager.migrate.plan import plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.rules import Rule
from tests.unit.migrate.objects import (
    azure_object,
    external_secret,
    made_of,
    original,
    plan_of,
    put,
    report_of,
    vault_store,
)

OTHER_VAULT = {"vault__name": "other-vault"}
MEMBERS = {
    "vault__object__type": "multi-key-value-secret",
    "vault__object__contentType": "application/x-json",
}


def test_objects_of_one_secret_are_one_definition_that_is_called_as_the_secret() -> None:
    made = plan_of(
        azure_object("user"),
        azure_object("password", **OTHER_VAULT, output__transform=["trim"]),
        azure_object("more", **MEMBERS),
    )

    assert made_of(made)["metadata"] == {"namespace": "shop", "name": "db"}
    assert made_of(made)["spec"] == {
        "name": "db",
        "backend": "shop-vault",
        "keysMap": {"user": {"path": "user", "key": ""}},
        "dataFrom": [{"path": "more"}],
        "inputs": {"password": {"path": "password", "key": "", "backend": "other-vault"}},
        "template": {"password": "{{ password | trim }}"},
    }
    assert [report.made for report in made.reports] == [(Ref("shop", "db"),)] * 3
    assert str(report_of(made, "more").remarks[0]).startswith("spec.vault.object.type gives keys")


def test_the_order_of_the_objects_changes_nothing() -> None:
    objects = [
        azure_object("a", **OTHER_VAULT),
        put(azure_object("b"), "metadata.labels.team", "b"),
        put(azure_object("c"), "metadata.labels.team", "c"),
        azure_object("d", output__secret__name="own"),
    ]
    plans = {repr(plan(map(original, order))) for order in itertools.permutations(objects)}

    assert len(plans) == 1


def test_the_same_name_in_another_namespace_is_another_secret() -> None:
    elsewhere = put(azure_object("user"), "metadata.namespace", "store")
    made = plan_of(azure_object("password"), elsewhere)

    assert [each.ref for each in made.definitions] == [Ref("shop", "password"), Ref("store", "user")]


def test_marks_of_all_objects_are_on_the_definition_and_the_first_by_name_wins() -> None:
    first, second = (put(azure_object(name), "metadata.labels.team", name) for name in ("a", "b"))
    second = put(second, "metadata.annotations", {"note": "n", "akv2k8s.io/own": "x"})
    made = plan_of(second, first)

    metadata = made_of(made)["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"team": "a"}, {"note": "n"})
    assert report_of(made, "a").remarks == ()
    (remark,) = report_of(made, "b").remarks
    assert str(remark).startswith("metadata.labels.team has another value on an object of the same Secret")


def test_a_refused_object_refuses_those_of_its_secret_too() -> None:
    made = plan_of(
        azure_object("bad", vault__object__type="blob"), azure_object("good"), azure_object("fine")
    )

    assert made.definitions == ()
    assert str(report_of(made, "bad").remarks[0]).startswith("spec.vault.object.type is none of")
    for name in ("good", "fine"):
        (remark,) = report_of(made, name).remarks
        assert str(remark).startswith(
            "spec.output.secret.name is that of AzureKeyVaultSecret shop/bad too, which is refused"
        )


def test_two_objects_cannot_give_one_key() -> None:
    made = plan_of(
        azure_object("a", output__secret__dataKey="same"), azure_object("b", output__secret__dataKey="same")
    )

    assert made.definitions == ()
    assert str(report_of(made, "b").remarks[0]) == (
        "spec.output.secret.dataKey gives the key 'same', as AzureKeyVaultSecret shop/a does; remove one"
    )
    assert report_of(made, "a").verdict is Verdict.REFUSED


def test_a_secret_of_another_type_is_of_one_object_only() -> None:
    type_ = {"output__secret__type": "kubernetes.io/ssh-auth"}
    made = plan_of(azure_object("a", **type_), azure_object("b"))

    assert made.definitions == ()
    assert "of one object only" in str(report_of(made, "a").remarks[0])
    assert report_of(made, "b").verdict is Verdict.REFUSED


def test_a_definition_that_cannot_be_is_refused_for_all_its_objects() -> None:
    made = plan_of(azure_object("a", output__secret__dataKey="no key"), azure_object("b"))

    for name in ("a", "b"):
        assert "would become a definition that cannot be" in str(report_of(made, name).remarks[-1])
        assert report_of(made, name).made == ()


def test_a_secret_that_another_operator_makes_too_is_refused_for_all_objects() -> None:
    made = plan_of(vault_store(), azure_object("a"), azure_object("b"), external_secret("db"))
    verdicts = {report.original.key.name: report.verdict for report in made.reports}

    assert verdicts == {
        "a": Verdict.CONVERTED,
        "b": Verdict.CONVERTED,
        "db": Verdict.REFUSED,
        "vault": Verdict.CONVERTED,
    }


def test_each_namespace_may_read_the_very_objects_that_it_names() -> None:
    elsewhere = put(azure_object("c", vault__object__type="key"), "metadata.namespace", "store")
    made = plan_of(azure_object("a"), azure_object("b", **OTHER_VAULT), elsewhere)

    assert made.rules == (
        Rule(("other-vault",), ("shop",), ("b",)),
        Rule(("shop-vault",), ("shop",), ("a",)),
        Rule(("shop-vault",), ("store",), ("keys/c",)),
    )


def test_a_key_vault_is_one_backend_however_it_is_spelled_and_has_what_is_to_do() -> None:
    made = plan_of(azure_object("a", vault__name="SHOP-vault"), azure_object("b", output__secret__name="own"))

    assert {name: dict(table.settings) for name, table in made.backends.items()} == {
        "shop-vault": {"name": "shop-vault"}
    }
    assert [key.name for key in made.origins["shop-vault"]] == ["shop-vault"]
    assert any("set the login" in todo for todo in made.backends["shop-vault"].todo)
    assert {report.original.key.kind for report in made.reports} == {"AzureKeyVaultSecret"}


@pytest.mark.parametrize("kind", ["external", "azure"])
def test_a_placeholder_of_the_plug_in_of_argo_cd_has_to_be_filled_in_first(kind: str) -> None:
    text = "<path:secret/data/a#key>"
    body = (
        azure_object(vault__object__name=text)
        if kind == "azure"
        else external_secret("password", refreshInterval=text)
    )
    report = report_of(plan_of(vault_store(), body), "password")

    assert report.verdict is Verdict.REFUSED
    assert "has a placeholder of argocd-vault-plugin; fill it in first" in str(report.remarks[0])
