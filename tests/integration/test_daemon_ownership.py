"""Ownership: a foreign Secret is refused, ours is kept, and none is deleted without cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.world import LAST_UPDATE, MARK, PATIENCE, World, raw_secret
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.quotas import lift_quota, no_more_secrets
from tests.testbed.waiting import wait_until

STORED = {"a": "1", "b": "2"}
pytestmark = pytest.mark.usefixtures("polling_daemon")

ADOPT = {f"{MARK}adopt": "true"}
RECREATE = {f"{MARK}recreate": "true"}


# ── Secrets of others ────────────────────────────────────────────────────────────────────────────────


def test_a_foreign_secret_is_refused_and_stays_as_it_is(world: World, namespace: str) -> None:
    theirs = world.cluster.api.post(secrets(namespace), raw_secret("app", {"x": "theirs"}))

    world.define(namespace, "app", world.keys("a"))

    condition = world.wait_reason(namespace, "app", "NotOwned")
    assert "secrets-manager.tuenti.io/adopt" in condition["message"]
    assert world.secret(namespace, "app") == theirs


def test_a_foreign_secret_outlives_the_definition_that_was_refused(world: World, namespace: str) -> None:
    theirs = world.cluster.api.post(secrets(namespace), raw_secret("app", {"x": "theirs"}))
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "NotOwned")

    world.cluster.api.delete(definitions(namespace, "app"))
    _handled(world, namespace)

    assert world.secret(namespace, "app") == theirs


def test_a_foreign_secret_is_adopted_on_request_and_what_others_put_on_it_stays(
    world: World, namespace: str
) -> None:
    theirs = raw_secret("app", {"x": "theirs"}, metadata={"labels": {"team": "blue"}})
    world.cluster.api.post(secrets(namespace), theirs)
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "NotOwned")

    world.change(namespace, "app", {"metadata": {"annotations": ADOPT}})

    world.wait_data(namespace, "app", {"a": "1"})
    world.wait_reason(namespace, "app", "Synced")
    metadata = world.secret(namespace, "app")["metadata"]
    assert metadata["labels"]["team"] == "blue"
    assert set(metadata["annotations"]) == {LAST_UPDATE}
    world.cluster.api.delete(definitions(namespace, "app"))
    world.wait_data(namespace, "app", None)


def test_a_foreign_secret_that_goes_makes_room_at_the_next_reconcile(world: World, namespace: str) -> None:
    world.cluster.api.post(secrets(namespace), raw_secret("app", {"x": "theirs"}))
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "NotOwned")

    world.cluster.api.delete(secrets(namespace, "app"))
    world.change(namespace, "app", {"metadata": {"labels": {"look": "again"}}})

    world.wait_data(namespace, "app", {"a": "1"})


# ── two definitions, one Secret ──────────────────────────────────────────────────────────────────────


def test_the_older_of_two_definitions_keeps_the_secret(world: World, namespace: str) -> None:
    _two_rivals(world, namespace)

    condition = world.wait_reason(namespace, "younger", "TargetConflict")

    assert "'older'" in condition["message"]
    assert world.condition(namespace, "older")["reason"] == "Synced"
    version = world.secret(namespace, "shared")["metadata"]["resourceVersion"]
    world.wait_polls("app", 3)
    assert world.secret(namespace, "shared")["metadata"]["resourceVersion"] == version
    assert world.data(namespace, "shared") == {"a": "1"}


def test_deleting_the_younger_leaves_the_secret_to_the_older(world: World, namespace: str) -> None:
    _two_rivals(world, namespace)
    world.wait_reason(namespace, "younger", "TargetConflict")
    before = world.secret(namespace, "shared")

    world.cluster.api.delete(definitions(namespace, "younger"))
    _handled(world, namespace)

    assert world.secret(namespace, "shared") == before


def test_the_younger_takes_over_when_the_older_goes(world: World, namespace: str) -> None:
    _two_rivals(world, namespace)
    world.wait_reason(namespace, "younger", "TargetConflict")
    younger = world.found(namespace, "younger")["metadata"]["uid"]

    world.cluster.api.delete(definitions(namespace, "older"))

    world.wait_data(namespace, "shared", {"b": "2"})
    world.wait_reason(namespace, "younger", "Synced")
    owners = world.secret(namespace, "shared")["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [younger]


def test_the_younger_takes_over_when_the_older_wants_another_secret(world: World, namespace: str) -> None:
    _two_rivals(world, namespace)
    world.wait_reason(namespace, "younger", "TargetConflict")

    world.change(namespace, "older", {"spec": {"name": "elsewhere"}})

    world.wait_data(namespace, "elsewhere", {"a": "1"})
    world.wait_data(namespace, "shared", {"b": "2"})


# ── another name ─────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_spec_name_makes_the_new_secret_and_removes_the_old_one(
    world: World, namespace: str
) -> None:
    world.define(namespace, "app", world.keys("a"), secret="before")
    world.wait_reason(namespace, "app", "Synced")

    world.change(namespace, "app", {"spec": {"name": "after"}})

    world.wait_data(namespace, "after", {"a": "1"})
    world.wait_data(namespace, "before", None)
    wait_until(
        lambda: world.found(namespace, "app")["status"]["secretName"] == "after", PATIENCE, "the new name"
    )


def test_a_changed_spec_name_that_cannot_be_taken_leaves_the_old_secret(world: World, namespace: str) -> None:
    world.cluster.api.post(secrets(namespace), raw_secret("taken", {"x": "theirs"}))
    world.define(namespace, "app", world.keys("a"), secret="before")
    world.wait_reason(namespace, "app", "Synced")

    world.change(namespace, "app", {"spec": {"name": "taken"}})

    world.wait_reason(namespace, "app", "NotOwned")
    assert world.data(namespace, "before") == {"a": "1"}
    assert world.data(namespace, "taken") == {"x": "theirs"}


# ── what cannot be changed ───────────────────────────────────────────────────────────────────────────


def test_an_immutable_secret_whose_data_differs_is_refused(world: World, namespace: str) -> None:
    before = _immutable(world, namespace)

    world.change(namespace, "app", {"spec": {"keysMap": world.keys("b")}})

    condition = world.wait_reason(namespace, "app", "ImmutableTarget")
    assert "secrets-manager.tuenti.io/recreate" in condition["message"]
    assert world.secret(namespace, "app") == before


def test_an_immutable_secret_that_is_in_step_is_accepted(world: World, namespace: str) -> None:
    _immutable(world, namespace)

    world.change(namespace, "app", {"metadata": {"labels": {"new": "label"}}})

    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"].get("new") == "label",
        PATIENCE,
        "the label",
    )
    assert world.secret(namespace, "app")["immutable"] is True
    assert world.condition(namespace, "app")["reason"] == "Synced"


def test_an_immutable_secret_is_recreated_on_request(world: World, namespace: str) -> None:
    before = _immutable(world, namespace)

    world.change(
        namespace, "app", {"metadata": {"annotations": RECREATE}, "spec": {"keysMap": world.keys("b")}}
    )

    world.wait_data(namespace, "app", {"a": "1", "b": "2"})
    assert world.secret(namespace, "app")["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_secret_of_another_type_is_refused(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "Synced")
    before = world.secret(namespace, "app")

    world.change(namespace, "app", {"spec": {"type": "example.com/other"}})

    condition = world.wait_reason(namespace, "app", "TypeConflict")
    assert "'Opaque'" in condition["message"]
    assert "'example.com/other'" in condition["message"]
    assert world.secret(namespace, "app") == before


def test_a_secret_of_another_type_is_recreated_on_request(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), annotations=RECREATE)
    world.wait_reason(namespace, "app", "Synced")

    world.change(namespace, "app", {"spec": {"type": "example.com/other"}})

    wait_until(
        lambda: (world.cluster.api.find(secrets(namespace, "app")) or {}).get("type") == "example.com/other",
        PATIENCE,
        "the new type",
    )
    assert world.data(namespace, "app") == {"a": "1"}


# ── what the cluster refuses ─────────────────────────────────────────────────────────────────────────


def test_a_full_quota_stops_new_secrets_and_no_change_of_old_ones(world: World, namespace: str) -> None:
    world.write("quota", a="1")
    world.define(namespace, "app", world.keys("a", of="quota"))
    world.wait_data(namespace, "app", {"a": "1"})
    no_more_secrets(world.cluster.api, namespace, "full")

    world.define(namespace, "late", world.keys("a", of="quota"))
    condition = world.wait_reason(namespace, "late", "QuotaExceeded")
    world.write("quota", a="2")

    world.wait_data(namespace, "app", {"a": "2"})
    assert "'full'" in condition["message"]
    assert world.data(namespace, "late") is None


def test_a_secret_is_not_deleted_if_the_quota_would_refuse_the_new_one(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), annotations=RECREATE)
    world.wait_reason(namespace, "app", "Synced")
    no_more_secrets(world.cluster.api, namespace, "full")
    before = world.secret(namespace, "app")

    world.change(namespace, "app", {"spec": {"type": "example.com/other"}})
    world.wait_reason(namespace, "app", "QuotaExceeded")
    assert world.secret(namespace, "app") == before

    lift_quota(world.cluster.api, namespace, "full")
    # A person acted: any change of the definition causes a reconcile.
    world.change(namespace, "app", {"metadata": {"labels": {"again": "yes"}}})
    wait_until(
        lambda: (world.cluster.api.find(secrets(namespace, "app")) or {}).get("type") == "example.com/other",
        PATIENCE,
        "the new type",
    )


def test_a_secret_whose_mark_was_lost_is_updated_under_a_full_quota(world: World, namespace: str) -> None:
    world.write("unmarked", a="1")
    world.define(namespace, "app", world.keys("a", of="unmarked"))
    world.wait_data(namespace, "app", {"a": "1"})
    no_more_secrets(world.cluster.api, namespace, "full")
    lost = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}

    world.cluster.api.patch(secrets(namespace, "app"), lost)

    wait_until(lambda: world.secret(namespace, "app")["metadata"].get("labels"), PATIENCE, "the mark is back")


def test_an_admission_policy_that_refuses_is_named_and_its_text_is_not_repeated(
    world: World, namespace: str
) -> None:
    text = "text-of-the-policy"
    _refuse_secrets(world, namespace, text)

    world.define(namespace, "app", world.keys("a"))

    condition = world.wait_reason(namespace, "app", "AdmissionDenied")
    assert f"no-secrets-{namespace}" in condition["message"]
    assert text not in condition["message"]


def _two_rivals(world: World, namespace: str) -> None:
    older = world.define(namespace, "older", world.keys("a"), secret="shared")
    world.wait_reason(namespace, "older", "Synced")
    # Ages have whole seconds; between two of the same second the uid decides.
    born = datetime.fromisoformat(older["metadata"]["creationTimestamp"])
    wait_until(lambda: datetime.now(UTC) >= born + timedelta(seconds=1), PATIENCE, "the second to pass")
    world.define(namespace, "younger", world.keys("b"), secret="shared")


def _immutable(world: World, namespace: str) -> dict[str, dict[str, str]]:
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "Synced")
    made: dict[str, dict[str, str]] = world.cluster.api.patch(secrets(namespace, "app"), {"immutable": True})
    return made


def _refuse_secrets(world: World, namespace: str, text: str) -> None:
    """A ValidatingAdmissionPolicy against every new Secret of the namespace, in effect on return."""
    name = f"no-secrets-{namespace}"
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": text}],
    }
    bound = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": here},
    }
    world.cluster.api.post(
        f"{group}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": policy}
    )
    world.cluster.api.post(
        f"{group}/validatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": bound}
    )
    wait_until(lambda: _is_refused(world, namespace), PATIENCE, "the policy in effect")


def _is_refused(world: World, namespace: str) -> bool:
    try:
        world.cluster.api.post(f"{secrets(namespace)}?dryRun=All", raw_secret("probe", {}))
    except Exception as error:  # noqa: BLE001 - the loop waits for ApiError with 422
        return getattr(error, "status", 0) == 422
    return False


def _handled(world: World, namespace: str) -> None:
    """Serve one more object to its end: by then everything requested before it is handled."""
    world.define(namespace, "after-all", world.keys("a"))
    world.wait_reason(namespace, "after-all", "Synced")
