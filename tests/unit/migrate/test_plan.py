"""A plan has a verdict on each object, and does not depend on the order in which they were found."""

from __future__ import annotations

import itertools

import pytest

from secrets_manager.commands.migrate.writing import settings_of
from secrets_manager.domain.definition import Ref
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.rules import Rule
from secrets_manager.settings.policy_rules import MOST_RULES
from tests.unit.migrate.objects import (
    azure_object,
    external_secret,
    filled_secret,
    made_of,
    original,
    plan_of,
    report_of,
    vault_store,
)
from tests.unit.migrate.vault_objects import auth, connection, static_secret, transformation, vault_secret


def test_the_order_of_the_objects_changes_nothing() -> None:
    objects = [
        vault_store(),
        vault_store("own", "shop", path="other"),
        external_secret(),
        external_secret("b", "store", secretStoreRef={"name": "own"}),
        external_secret("c", dataFrom=[{"extract": {"key": "all"}}]),
    ]
    plans = {repr(plan(map(original, order))) for order in itertools.permutations(objects)}

    assert len(plans) == 1


def test_the_order_of_objects_of_the_operators_of_vault_changes_nothing() -> None:
    refs = {"transformationRefs": [{"name": "shapes"}]}
    objects = [
        connection(),
        auth(),
        transformation(),
        static_secret(destination={"transformation": refs}),
        static_secret("old", "web", type="kv-v1"),
        vault_secret("a"),
        vault_secret("b", "web"),
    ]
    orders = itertools.islice(itertools.permutations(objects), 0, None, 97)
    plans = {repr(plan(map(original, order))) for order in orders}

    assert len(plans) == 1


def test_a_namespace_may_read_what_its_stores_could_and_no_more() -> None:
    made = plan_of(
        vault_store(),
        vault_store("own", "shop", path="team"),
        vault_store("unused", "other", path="hidden"),
        external_secret(),
        external_secret("b", secretStoreRef={"name": "own", "kind": "SecretStore"}),
    )

    assert made.rules == (
        Rule(("vault",), ("*",), ("secret/data/*",)),
        Rule(("vault",), ("shop",), ("team/data/*",)),
    )
    assert set(made.backends) == {"vault"}


def test_namespaces_that_could_read_the_same_share_a_rule() -> None:
    ref = {"name": "vault", "kind": "SecretStore"}
    places = {"a": "kv", "b": "kv", "c": "other"}
    stores = [vault_store(of=name, path=path) for name, path in places.items()]
    made = plan_of(*stores, *(external_secret(namespace=name, secretStoreRef=ref) for name in places))

    assert made.rules == (
        Rule(("a-vault",), ("a", "b"), ("kv/data/*",)),
        Rule(("a-vault",), ("c",), ("other/data/*",)),
    )


def test_a_plan_with_more_rules_than_the_daemon_takes_says_so() -> None:
    ref = {"name": "vault", "kind": "SecretStore"}
    names = [f"n{number}" for number in range(MOST_RULES + 1)]
    stores = [vault_store(of=name, path=name) for name in names]
    made = plan_of(*stores, *(external_secret(namespace=name, secretStoreRef=ref) for name in names))

    assert f"# TODO: make of the {MOST_RULES + 1} rules at most {MOST_RULES}" in settings_of(made)


def test_stores_with_another_login_are_backends_of_their_own() -> None:
    other = {"kubernetes": {"mountPath": "kubernetes", "role": "another"}}
    made = plan_of(
        vault_store(),
        vault_store("own", "shop", auth=other),
        external_secret(),
        external_secret("b", secretStoreRef={"name": "own"}),
    )

    assert set(made.backends) == {"vault", "shop-own"}
    assert {str(one.ref): one.manifest["spec"]["backend"] for one in made.definitions} == {
        "shop/b": "shop-own",
        "shop/db": "vault",
    }


def test_a_store_that_nothing_uses_is_no_backend_and_allows_nothing() -> None:
    made = plan_of(vault_store())

    assert (made.backends, made.rules, made.definitions) == ({}, (), ())
    assert report_of(made, "vault").verdict is Verdict.CONVERTED


def test_a_store_that_is_not_among_the_files_is_asked_for() -> None:
    report = report_of(plan_of(external_secret()), "db")

    assert report.verdict is Verdict.REFUSED
    (remark,) = report.remarks
    assert str(remark).startswith("spec.secretStoreRef names ClusterSecretStore vault, which is not among")


def test_two_objects_that_make_one_secret_are_not_both_converted() -> None:
    made = plan_of(vault_store(), external_secret("a", target={"name": "same"}), external_secret("same"))

    assert [one.ref for one in made.definitions] == [Ref("shop", "a")]
    assert "ExternalSecret shop/a" in str(report_of(made, "same").remarks[0])


def test_an_object_that_is_there_twice_is_converted_once() -> None:
    made = plan(
        [original(vault_store()), original(external_secret()), original(external_secret(), "copy.yaml")]
    )
    verdicts = sorted(str(report.verdict) for report in made.reports)

    assert len(made.definitions) == 1
    assert verdicts == ["converted", "converted", "refused"]


def test_what_the_daemon_would_not_take_is_refused() -> None:
    report = report_of(plan_of(vault_store(), external_secret(target={"name": "Not A Name"})), "db")

    assert report.verdict is Verdict.REFUSED
    assert "would become a definition that cannot be: spec.name" in str(report.remarks[0])


@pytest.mark.parametrize("place", [{"name": "Not A Name"}, {"namespace": "a.b"}])
@pytest.mark.parametrize("body", [external_secret("db"), azure_object("db"), filled_secret()])
def test_a_name_that_the_api_server_does_not_take_is_refused(body: Json, place: dict[str, str]) -> None:
    metadata = body["metadata"] | place
    made = plan_of(vault_store(), {**body, "metadata": metadata})
    report = report_of(made, metadata["name"])

    assert (report.verdict, made.definitions) == (Verdict.REFUSED, ())
    assert "would become a definition" in str(report.remarks[-1])


@pytest.mark.parametrize("key", ["a/../b", "../other/data/b"])
def test_a_path_that_the_daemon_never_reads_is_refused(key: str) -> None:
    data = [{"secretKey": "A", "remoteRef": {"key": key, "property": "p"}}]
    made = plan_of(vault_store(), external_secret(data=data))

    assert made.definitions == ()
    (remark,) = report_of(made, "db").remarks
    assert "has an empty, '.' or '..' part" in remark.says


def test_a_path_below_the_mount_of_a_store_may_have_letters_of_patterns() -> None:
    data = [{"secretKey": "A", "remoteRef": {"key": "a*/{b}", "property": "p"}}]
    made = plan_of(vault_store(), external_secret(data=data))

    assert made_of(made)["spec"]["keysMap"]["A"]["path"] == "secret/data/a*/{b}"
    assert [rule.paths for rule in made.rules] == [("secret/data/*",)]


TOOLS_OF_LABELS = {"app.kubernetes.io/instance": "shop", "objectset.rio.cattle.io/hash": "a", "team": "web"}
TOOLS_OF_ANNOTATIONS = {"argocd.argoproj.io/tracking-id": "a", "meta.helm.sh/release-name": "b", "note": "c"}


def test_a_definition_never_has_the_marks_by_which_a_tool_would_delete_it() -> None:
    body = external_secret()
    body["metadata"] |= {"labels": TOOLS_OF_LABELS, "annotations": TOOLS_OF_ANNOTATIONS, "uid": "1-2-3"}

    metadata = made_of(plan_of(vault_store(), body))["metadata"]

    assert metadata == {
        "namespace": "shop",
        "name": "db",
        "labels": {"team": "web"},
        "annotations": {"note": "c"},
    }


def test_a_definition_that_adopts_still_does_so_without_the_marks_of_tools() -> None:
    body = static_secret()
    body["spec"]["destination"] |= {"create": False}
    body["metadata"] |= {"labels": TOOLS_OF_LABELS, "uid": "1-2-3"}

    metadata = made_of(plan_of(connection(), auth(), body))["metadata"]

    assert metadata["labels"] == {"team": "web"}
    assert metadata["annotations"] == {"secrets-manager.tuenti.io/adopt": "true"}


def test_the_marks_that_an_author_wrote_into_a_file_stay() -> None:
    body = external_secret()
    body["metadata"] |= {"labels": TOOLS_OF_LABELS, "annotations": {"argocd.argoproj.io/sync-wave": "1"}}

    metadata = made_of(plan_of(vault_store(), body))["metadata"]

    assert metadata["labels"] == TOOLS_OF_LABELS
    assert metadata["annotations"] == {"argocd.argoproj.io/sync-wave": "1"}


def test_an_unknown_version_or_a_missing_name_is_refused() -> None:
    unknown, nameless = external_secret("a", version="v9"), external_secret("")
    made = plan_of(vault_store(), unknown, nameless)

    assert [str(report.remarks[0]) for report in made.reports if report.remarks] == [
        "metadata.name is missing",
        "apiVersion is none that is known here; it may be v1, v1beta1, v1alpha1",
    ]


def test_a_secret_that_is_kept_when_its_object_goes_is_retained() -> None:
    made = plan_of(
        vault_store(), external_secret(target={"creationPolicy": "Orphan", "deletionPolicy": "Delete"})
    )

    assert made_of(made)["spec"]["onDelete"] == "Retain"
    assert made_of(made)["spec"]["onSourceGone"] == "Delete"
