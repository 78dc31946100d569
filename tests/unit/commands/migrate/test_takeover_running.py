"""A Secret changes hands on a cluster in memory, whose daemon and other operator are a few lines."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, NotFound, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.commands.definitions import examine
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.manifests import Manifest
from secrets_manager.commands.files.tree import Node
from secrets_manager.commands.migrate.comparing import Comparison, Sameness
from secrets_manager.commands.migrate.reading import observed
from secrets_manager.commands.migrate.takeover.acting import Hand
from secrets_manager.commands.migrate.takeover.deciding import Decide, Do, adoption, finish, way_back
from secrets_manager.commands.migrate.takeover.gathering import Gatherer
from secrets_manager.commands.migrate.takeover.readiness import Readiness
from secrets_manager.commands.migrate.takeover.running import Result, Runner
from secrets_manager.commands.migrate.takeover.showing import as_data, lines_of, tally
from secrets_manager.commands.migrate.wished import Wish
from secrets_manager.commands.output import yaml_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, Conflict
from secrets_manager.domain.secret import Digester
from secrets_manager.settings import ControllerSettings, ElectionSettings, Settings

REF = Ref("shop", "app")
CANARY = base64.b64encode(b"canary-41d0").decode()
EXTERNAL = Resource("apis/external-secrets.io/v1", "externalsecrets")
VAULT = Resource("apis/secrets.hashicorp.com/v1beta1", "vaultstaticsecrets")
MANAGED_BY = "app.kubernetes.io/managed-by"
KEYS = {"A": {"path": "secret/data/app", "key": "a"}}


def wish() -> Wish:
    text = yaml_of(
        {
            "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
            "kind": "SecretDefinition",
            "metadata": {"name": "app", "namespace": "shop", "labels": {"team": "blue"}},
            "spec": {"name": "app", "keysMap": KEYS},
        }
    )
    (node,) = documents(text)
    assert isinstance(node, Node)
    examined = examine(Manifest("d.yaml", node), None)
    assert examined.spec is not None
    return Wish(examined=examined, spec=examined.spec)


@dataclass(eq=False)
class Estate:
    """A cluster; ``works`` says whether its daemon does."""

    api: MemoryCluster = field(default_factory=MemoryCluster)
    works: bool = True
    now: float = 0.0

    def runner(self, decide: Decide, *, yes: bool = True) -> Runner:
        return Runner(
            gatherer=Gatherer(api=self.api, observe=partial(observed, self.api, Digester(b"k" * 32))),
            hand=Hand(self.api),
            decide=decide,
            yes=yes,
            timeout=5.0,
            clock=lambda: self.now,
            pause=self.pause,
        )

    def run(self, decide: Decide, *, yes: bool = True) -> Result:
        compared = Comparison(definition=REF, secret="app", sameness=Sameness.EQUAL)
        return self.runner(decide, yes=yes).run(wish(), compared)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self.works and (made := self.api.snapshot(DEFINITIONS, REF)):
            self._reconcile(made)

    def _reconcile(self, made: Json) -> None:
        suspended = made["spec"].get("suspend") is True
        if not suspended:
            owner = {
                "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
                "kind": "SecretDefinition",
                "name": "app",
                "uid": made["metadata"]["uid"],
            }
            there = self.metadata()
            self.mark(
                labels={**there.get("labels", {}), MANAGED_BY: "secrets-manager"},
                annotations={"secrets-manager.tuenti.io/lastUpdateTime": "t"},
                ownerReferences=[
                    *(each for each in there.get("ownerReferences", []) if each["kind"] != owner["kind"]),
                    owner,
                ],
            )
        condition = {
            "type": "Ready",
            "status": "False" if suspended else "True",
            "reason": "Suspended" if suspended else "Synced",
            "message": "m",
            "observedGeneration": made["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        status = {"observedGeneration": made["metadata"]["generation"], "conditions": [condition]}
        self.api.replace(DEFINITIONS, REF, {**made, "status": status}, subresource="status")

    def mark(self, **metadata: Any) -> None:
        self.api.edit(SECRETS, REF, {"metadata": metadata})

    def metadata(self) -> Json:
        found = self.api.snapshot(SECRETS, REF)
        assert found is not None
        metadata: Json = found["metadata"]
        return metadata

    def kept_by(self, resource: Resource, kind: str, spec: Json, **labels: str) -> None:
        """An object of another operator, and the Secret that it owns."""
        api_version = resource.prefix.removeprefix("apis/")
        body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "app"}, "spec": spec}
        made = self.api.create(resource, "shop", body)
        owner = {"apiVersion": api_version, "kind": kind, "name": "app", "uid": made["metadata"]["uid"]}
        self.api.create(
            SECRETS,
            "shop",
            {
                "metadata": {"name": "app", "labels": labels, "ownerReferences": [owner]},
                "data": {"A": CANARY},
            },
        )


@pytest.fixture
def estate() -> Estate:
    made = Estate()
    made.kept_by(EXTERNAL, "ExternalSecret", {"target": {"deletionPolicy": "Delete"}})
    return made


def steps(result: Result) -> list[Do]:
    return [step.do for step in result.done]


def test_the_definition_of_the_file_is_created_with_its_marks(estate: Estate) -> None:
    result = estate.run(adoption)

    assert (steps(result), result.end.do, result.code) == ([Do.CREATE], Do.DONE, Exit.OK)
    made = estate.api.get(DEFINITIONS, REF)
    assert made["metadata"]["labels"] == {"team": "blue"}
    assert made["metadata"]["annotations"]["secrets-manager.tuenti.io/adopt"] == "true"
    assert made["spec"] == {"name": "app", "keysMap": KEYS}
    # Once it is done there is nothing to do.
    assert steps(estate.run(adoption)) == []


@pytest.mark.parametrize(
    ("decide", "first"), [(adoption, Do.CREATE), (finish, Do.RELEASE), (way_back, Do.SUSPEND)]
)
def test_a_dry_run_writes_nothing(estate: Estate, decide: Decide, first: Do) -> None:
    if first is not Do.CREATE:
        estate.run(adoption)
    before = dict(estate.api.calls)

    result = estate.run(decide, yes=False)

    writes = {"create", "patch", "delete", "update"}
    written = {
        call for call, count in estate.api.calls.items() if call[0] in writes and count != before.get(call, 0)
    }
    assert written == set()
    assert result.done == []
    assert (result.end.do, result.code) == (first, Exit.OK)


def test_the_mark_of_an_operator_that_we_replaced_comes_back(estate: Estate) -> None:
    estate = Estate()
    spec = {"destination": {"name": "app"}}
    estate.kept_by(VAULT, "VaultStaticSecret", spec, **{MANAGED_BY: "hashicorp-vso"})
    before = estate.metadata()
    assert estate.run(adoption).end.do is Do.DONE
    assert estate.metadata()["labels"][MANAGED_BY] == "secrets-manager"

    result = estate.run(way_back)

    assert steps(result) == [Do.SUSPEND, Do.UNMARK, Do.REMOVE]
    after = estate.metadata()
    assert after["labels"] == {MANAGED_BY: "hashicorp-vso"}
    assert after["ownerReferences"] == before["ownerReferences"]
    assert after["annotations"] == {}


def test_the_way_back_needs_no_daemon(estate: Estate) -> None:
    estate.run(adoption)
    estate.works = False

    result = estate.run(way_back)

    assert (steps(result), result.code) == ([Do.SUSPEND, Do.UNMARK, Do.REMOVE], Exit.OK)
    assert estate.api.snapshot(DEFINITIONS, REF) is None


def test_a_daemon_that_does_not_answer_ends_in_the_way_back(estate: Estate) -> None:
    estate.works = False
    before = estate.metadata()

    result = estate.run(adoption)

    assert steps(result) == [Do.CREATE, Do.SUSPEND, Do.REMOVE]
    assert (result.end.do, result.code) == (Do.DONE, Exit.NO)
    assert "not Ready in time" in result.went_back
    assert estate.api.snapshot(DEFINITIONS, REF) is None
    assert estate.metadata()["ownerReferences"] == before["ownerReferences"]


def test_the_object_goes_and_the_secret_stays(estate: Estate) -> None:
    estate.run(adoption)
    uid, labels = estate.metadata()["uid"], estate.metadata()["labels"]
    estate.mark(labels={**labels, "team": "blue", "reconcile.external-secrets.io/created-by": "x"})

    result = estate.run(finish)

    assert steps(result) == [Do.RELEASE, Do.TAKE_AWAY, Do.CLEAN, Do.DISARM]
    assert estate.metadata()["labels"] == {**labels, "team": "blue"}
    assert estate.api.snapshot(EXTERNAL, REF) is None
    assert estate.metadata()["uid"] == uid
    assert [each["kind"] for each in estate.metadata()["ownerReferences"]] == ["SecretDefinition"]
    assert steps(estate.run(finish)) == []
    assert "apply its manifest again" in estate.run(way_back).end.why


def test_a_right_that_is_missing_is_named_and_what_was_done_stays_known(estate: Estate) -> None:
    estate.run(adoption)
    estate.api.forbid("delete", "externalsecrets")

    result = estate.run(finish)

    assert (steps(result), result.code) == ([Do.RELEASE], Exit.UNREACHED)
    assert "does not grant you the verb 'delete' on 'externalsecrets'" in result.end.why


def test_a_write_that_somebody_was_faster_than_is_tried_again_on_what_is_there_now(estate: Estate) -> None:
    estate.run(adoption)
    estate.api.fail_next("patch", "externalsecrets", Conflict("somebody wrote"))

    assert estate.run(finish).end.do is Do.DONE


def test_somebody_who_undoes_each_step_is_told_of(estate: Estate) -> None:
    estate.run(adoption)
    undo: Callable[..., Json] = estate.api.patch

    def undone(resource: Resource, ref: Ref, body: Json) -> Json:
        return body if resource == EXTERNAL else undo(resource, ref, body)

    estate.api.patch = undone  # type: ignore[method-assign] # an admission check that undoes it

    result = estate.run(finish)

    assert (result.end.do, result.code) == (Do.LEAVE, Exit.NO)
    assert "somebody undoes the steps" in result.end.why


def test_a_login_that_is_refused_does_not_hide_what_was_done(estate: Estate) -> None:
    estate.run(adoption)
    estate.api.fail_next("delete", "externalsecrets", ClusterUnauthorized("who are you"))

    result = estate.run(finish)

    assert (steps(result), result.code) == ([Do.RELEASE], Exit.UNREACHED)
    assert "log in to the cluster again" in result.end.why


def test_an_object_that_somebody_else_took_away_is_gone_as_well(estate: Estate) -> None:
    estate.run(adoption)
    estate.api.fail_next("delete", "externalsecrets", NotFound("gone"))

    assert estate.run(finish).end.do is Do.DONE


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "[" * 5000, '{"ExternalSecret/app": 7}'])
def test_notes_that_somebody_spoilt_take_nothing_from_anybody(estate: Estate, text: str) -> None:
    estate.run(adoption)
    names = ("taken-over", "released")
    spoilt = {f"secrets-manager.tuenti.io/{name}": text for name in names}
    estate.api.patch(DEFINITIONS, REF, {"metadata": {"annotations": spoilt}})
    before = estate.api.snapshot(EXTERNAL, REF)

    result = estate.run(way_back)

    assert steps(result) == [Do.SUSPEND, Do.UNMARK, Do.REMOVE]
    assert estate.api.snapshot(EXTERNAL, REF) == before


def test_a_kind_that_is_not_served_in_a_group_that_is_has_no_objects(estate: Estate) -> None:
    estate.api.fail_next("list", "externalsecrets", NotFound("not found"))

    result = estate.run(adoption)

    assert result.state is not None
    assert (result.state.olds, result.state.dangling) == ((), ("ExternalSecret app",))


def test_an_owner_of_another_kind_is_named_and_the_secret_left_alone(estate: Estate) -> None:
    estate.run(adoption)
    owner = {"apiVersion": "spv.no/v1", "kind": "AzureKeyVaultSecret", "name": "kv", "uid": "k"}
    estate.mark(ownerReferences=[*estate.metadata()["ownerReferences"], owner])

    result = estate.run(finish)

    assert (steps(result), result.code) == ([], Exit.NO)
    assert "AzureKeyVaultSecret kv (spv.no/v1) owns the Secret" in result.end.why


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD applies ExternalSecret shop/app"),
        (
            {
                "ownerReferences": [
                    {"kind": "ClusterExternalSecret", "name": "all", "uid": "c", "controller": True}
                ]
            },
            "ClusterExternalSecret all makes ExternalSecret shop/app",
        ),
    ],
)
def test_an_object_that_others_would_make_again_is_left_alone(
    estate: Estate, metadata: Json, why: str
) -> None:
    estate.run(adoption)
    estate.api.edit(EXTERNAL, REF, {"metadata": metadata})

    result = estate.run(finish)

    assert (steps(result), result.code) == ([], Exit.NO)
    assert why in result.end.why


def test_a_report_has_what_was_done_and_what_is_left_and_no_value(estate: Estate) -> None:
    estate.mark(labels={"reconcile.external-secrets.io/managed": "true", "team": "blue"})
    result = estate.run(adoption)

    text = [line.plain for line in lines_of(result, "taken over")]
    data = as_data([result], "taken over")

    assert text == [
        "shop/app Secret app: taken over",
        "  created the definition",
        "  still there: ExternalSecret shop/app",
        "  still of others: owner ExternalSecret app",
        "  still of others: label reconcile.external-secrets.io/managed",
    ]
    assert tally([result], "taken over").plain == "1 taken over"
    assert data["definitions"][0]["ofOthers"] == {
        "objects": ["ExternalSecret shop/app"],
        "owners": ["ExternalSecret app"],
        "labels": ["reconcile.external-secrets.io/managed"],
        "annotations": [],
    }
    assert CANARY not in repr((result, text, data))


# ── whether anything can be handed over ──────────────────────────────────────────────────────────────


LEASES = Resource("apis/coordination.k8s.io/v1", "leases")
NOW = datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC)


class WithoutKinds(MemoryCluster):
    """A cluster in which no CRD is installed."""

    def versions_of(self, group: str) -> tuple[str, ...]:
        return ()


def ready(api: MemoryCluster, settings: Settings) -> Readiness:
    return Readiness(api=api, settings=settings, namespace="daemons", now=lambda: NOW)


@pytest.mark.parametrize(
    ("renewed", "why"), [("2026-05-04T12:00:25.000000Z", ""), ("2026-05-04T11:00:00.000000Z", "nobody leads")]
)
def test_a_daemon_has_to_lead(renewed: str, why: str) -> None:
    api = MemoryCluster()
    settings = Settings(election=ElectionSettings(enabled=True, lease_name="lease"))
    assert "there is no Lease daemons/lease, so no daemon leads" in ready(api, settings).why_not()
    spec = {"holderIdentity": "pod", "leaseDurationSeconds": 15, "renewTime": renewed}

    api.create(LEASES, "daemons", {"metadata": {"name": "lease"}, "spec": spec})

    found = ready(api, settings).why_not()
    assert why in found
    assert bool(found) is bool(why)


def test_a_daemon_has_to_work_in_the_namespace() -> None:
    settings = Settings(
        controller=ControllerSettings(watch_namespaces=("shop", "till"), exclude_namespaces=("till",))
    )
    there = ready(MemoryCluster(), settings)
    assert "install the CRD first" in ready(WithoutKinds(), settings).why_not()

    assert (there.why_not(), there.why_not_in("shop")) == ("", "")
    for other in ("till", "bank"):
        assert there.why_not_in(other) == f"the settings keep the daemon out of namespace {other}"
    assert ready(MemoryCluster(), Settings()).why_not_in("bank") == ""
