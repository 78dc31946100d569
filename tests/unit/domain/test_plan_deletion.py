"""Whether the Secret of a definition that is gone is ours to delete."""

from __future__ import annotations

import pytest

from secrets_manager.domain.plan import Operation, Plan, plan_deletion
from secrets_manager.domain.secret import ObservedSecret
from tests.builders import OURS, UPDATED, foreign, foreign_owner, observed, owner
from tests.unit.backends.tables import rows

DELETED = Plan(operation=Operation.DELETED, reason="DefinitionGone")
HELM = {"app.kubernetes.io/managed-by": "Helm"}


def left(reason: str) -> Plan:
    return Plan(operation=Operation.UNCHANGED, reason=reason)


@pytest.mark.parametrize(
    ("found", "decision"),
    rows(
        {
            "a Secret that is gone": (None, left("AlreadyGone")),
            "a Secret with this definition's owner mark": (observed(), DELETED),
            "one that has lost our label": (observed(labels={}, annotations={}), DELETED),
            "one owned by others too": (observed(owners=(foreign_owner(), owner())), DELETED),
            "one of a release without owner marks": (observed(owners=()), DELETED),
            "one of release 1": (foreign(labels={"managedBy": "secrets-manager"}), DELETED),
            "one of the original that Helm labelled": (foreign(labels=HELM, annotations=UPDATED), DELETED),
            "one that another definition owns": (observed(owners=(owner("other"),)), left("OwnedByAnother")),
            "a foreign Secret": (foreign(), left("NotOwned")),
            "a token of a service account with our marks": (
                observed(type="kubernetes.io/service-account-token"),
                left("NotOwned"),
            ),
            "a foreign Secret of somebody's controller": (
                foreign(owners=(foreign_owner(),)),
                left("NotOwned"),
            ),
        }
    ),
)
def test_only_what_is_provably_ours_is_deleted(found: ObservedSecret | None, decision: Plan) -> None:
    assert plan_deletion("uid-1", found, wanted=False) == decision


@pytest.mark.parametrize("found", [observed(), observed(owners=()), foreign()])
def test_a_secret_that_another_definition_wants_is_left_to_it(found: ObservedSecret) -> None:
    assert plan_deletion("uid-1", found, wanted=True) == left("StillWanted")


def test_where_belonging_is_hearsay_only_the_owner_mark_counts() -> None:
    unmarked = observed(labels=OURS, owners=())

    assert plan_deletion("uid-1", unmarked, wanted=False, only_by_owner=True) == left("NotOwned")
    assert plan_deletion("uid-1", observed(), wanted=False, only_by_owner=True) == DELETED
