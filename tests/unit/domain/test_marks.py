"""Labels, annotations and owners: ours are kept right, those of others stay."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain import marks
from secrets_manager.domain.secret import COPIED, LAST_UPDATE, MANAGED_BY_LABEL, ObservedSecret, Owner
from tests.builders import (
    OURS,
    TARGET,
    UPDATED,
    desired,
    foreign,
    foreign_owner,
    observed,
    owner,
)

NOT_COPIED = [
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/instance",
    "argocd.argoproj.io/tracking-id",
    "helm.sh/chart",
    "helm.toolkit.fluxcd.io/name",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "kustomize.toolkit.fluxcd.io/name",
    "lastUpdatedAt",
    "managedBy",
    "meta.helm.sh/release-name",
    "secrets-manager.tuenti.io/adopt",
    "secrets-manager.tuenti.io/copied",
    "secrets-manager.tuenti.io/lastUpdateTime",
]


def record(**names: list[str]) -> dict[str, str]:
    return {COPIED: json.dumps(names, separators=(",", ":"))}


def after_write(secret: ObservedSecret, merged: marks.Metadata) -> ObservedSecret:
    return replace(secret, labels=merged.labels, annotations=merged.annotations, owners=merged.owners)


# ── what is copied ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NOT_COPIED)
def test_marks_of_other_controllers_and_our_own_are_not_copied(name: str) -> None:
    assert marks.select_copied({name: "x", "team": "b"}) == {"team": "b"}


@pytest.mark.parametrize(
    "name", ["app.kubernetes.io/name", "helm.shx", "example.org/helm.sh/chart", "managedby", "team"]
)
def test_every_other_label_or_annotation_is_copied(name: str) -> None:
    assert marks.select_copied({name: "x"}) == {name: "x"}


# ── a Secret that does not exist yet ─────────────────────────────────────────────────────────────────


def test_a_new_secret_carries_our_marks_and_the_copied_ones() -> None:
    wanted = desired(labels={"team": "b"}, annotations={"note": "n"})

    assert marks.merge_metadata(wanted, None) == marks.Metadata(
        labels={"team": "b", **OURS},
        annotations={"note": "n", **record(annotations=["note"], labels=["team"])},
        owners=(owner(),),
    )


def test_where_nothing_was_copied_no_record_is_kept() -> None:
    assert marks.merge_metadata(desired(), None).annotations == {}


# ── a Secret that is there ───────────────────────────────────────────────────────────────────────────


def test_a_secret_with_the_right_metadata_stays_as_it_is() -> None:
    secret = observed()
    merged = marks.merge_metadata(desired(), secret)

    assert after_write(secret, merged) == secret


def test_metadata_that_others_put_on_the_secret_stays() -> None:
    secret = observed(
        labels={**OURS, "their": "label"},
        annotations={**UPDATED, "their": "annotation"},
        owners=(foreign_owner(), owner()),
    )
    merged = marks.merge_metadata(desired(), secret)

    assert after_write(secret, merged) == secret


def test_a_copied_entry_that_leaves_the_definition_leaves_the_secret() -> None:
    secret = observed(
        labels={**OURS, "old": "1", "their": "2"},
        annotations={"old-note": "1", "their": "2", **record(annotations=["old-note"], labels=["old"])},
    )
    merged = marks.merge_metadata(desired(), secret)

    assert merged.labels == {**OURS, "their": "2"}
    assert merged.annotations == {"their": "2"}


def test_a_copied_entry_wins_over_what_stands_there() -> None:
    secret = observed(labels={**OURS, "team": "other"}, annotations={"note": "other"})
    merged = marks.merge_metadata(desired(labels={"team": "b"}, annotations={"note": "n"}), secret)

    assert merged.labels["team"] == "b"
    assert merged.annotations["note"] == "n"


@pytest.mark.parametrize("name", ["applyset.kubernetes.io/part-of", "kapp.k14s.io/app", "olm.owner"])
def test_a_mark_of_others_that_an_earlier_release_copied_leaves_the_secret(name: str) -> None:
    secret = observed(
        labels={**OURS, name: "theirs", "team": "b"},
        annotations={**UPDATED, name: "theirs", **record(annotations=[name], labels=[name, "team"])},
    )
    wish = desired(
        labels=marks.select_copied({name: "theirs", "team": "b"}),
        annotations=marks.select_copied({name: "x"}),
    )
    merged = marks.merge_metadata(wish, secret)

    assert merged.labels == {**OURS, "team": "b"}
    assert merged.annotations == {**UPDATED, **record(labels=["team"])}
    assert marks.merge_metadata(wish, after_write(secret, merged)) == merged


def test_a_wish_that_an_earlier_release_kept_back_reaches_a_secret_that_is_there() -> None:
    wish = desired(labels=marks.select_copied({"argocd.argoproj.io/secret-type": "cluster"}))

    assert marks.merge_metadata(wish, observed()).labels == {
        **OURS,
        "argocd.argoproj.io/secret-type": "cluster",
    }


@pytest.mark.parametrize(
    "written",
    [
        "",
        "not json",
        "null",
        "[]",
        "3",
        '{"labels": null}',
        '{"labels": "their"}',
        '{"labels": [3, null, {}]}',
        "[" * 200_000,
    ],
)
def test_a_damaged_record_of_copied_names_removes_nothing_and_is_written_again(written: str) -> None:
    secret = observed(labels={**OURS, "their": "1"}, annotations={"note": "1", COPIED: written})
    merged = marks.merge_metadata(desired(), secret)

    assert merged.labels == {**OURS, "their": "1"}
    assert merged.annotations == {"note": "1"}


@pytest.mark.parametrize("name", [*OURS, "helm.sh/chart"])
def test_a_forged_record_cannot_have_marks_removed_that_we_never_copy(name: str) -> None:
    secret = observed(labels={name: "x", **OURS}, annotations={**UPDATED, **record(labels=[name])})

    assert name in marks.merge_metadata(desired(), secret).labels


def test_a_forged_record_cannot_have_the_time_of_the_last_update_removed() -> None:
    secret = observed(annotations={**UPDATED, **record(annotations=[LAST_UPDATE])})

    assert marks.merge_metadata(desired(), secret).annotations == UPDATED


def test_helms_managed_by_label_gives_way_to_ours() -> None:
    secret = foreign(labels={MANAGED_BY_LABEL: "Helm"}, annotations=UPDATED)

    assert marks.merge_metadata(desired(), secret).labels == OURS


def test_the_labels_of_release_1_become_the_marks_of_release_2() -> None:
    secret = foreign(
        labels={"managedBy": "secrets-manager", "lastUpdatedAt": "2020-01-02T03.04.05Z", "a": "b"}
    )
    merged = marks.merge_metadata(desired(), secret)

    assert merged.labels == {"a": "b", **OURS}
    assert merged.annotations == {LAST_UPDATE: "2020-01-02T03.04.05Z"}


def test_an_update_time_of_release_2_wins_over_that_of_release_1() -> None:
    secret = foreign(labels={"lastUpdatedAt": "2020-01-02T03.04.05Z"}, annotations=UPDATED)

    assert marks.merge_metadata(desired(), secret).annotations == UPDATED


# ── owners ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("owners", "after"),
    [
        ((), (owner(),)),
        ((foreign_owner(),), (foreign_owner(), owner())),
        ((owner("gone"),), (owner(),)),
        ((owner("gone"), owner()), (owner(),)),
        ((owner(), foreign_owner()), (owner(), foreign_owner())),
        ((replace(owner(), block_owner_deletion=True),), (owner(),)),
    ],
)
def test_exactly_one_definition_owns_the_secret(owners: tuple[Owner, ...], after: tuple[Owner, ...]) -> None:
    assert marks.merge_metadata(desired(), observed(owners=owners)).owners == after


# ── whatever was there ───────────────────────────────────────────────────────────────────────────────

names = st.sampled_from(["team", "note", "their", *NOT_COPIED])
entries = st.dictionaries(names, st.sampled_from(["a", "b", "{}", '{"labels":["team","their"]}']), max_size=5)
owner_marks = st.lists(st.sampled_from([owner(), owner("gone"), foreign_owner()]), max_size=3, unique=True)


@given(labels=entries, annotations=entries, wanted=entries, noted=entries, owners=owner_marks)
def test_merging_twice_is_merging_once(
    labels: dict[str, str],
    annotations: dict[str, str],
    wanted: dict[str, str],
    noted: dict[str, str],
    owners: list[Owner],
) -> None:
    wish = desired(labels=marks.select_copied(wanted), annotations=marks.select_copied(noted))
    secret = observed(labels=labels, annotations=annotations, owners=tuple(owners))
    once = marks.merge_metadata(wish, secret)

    assert marks.merge_metadata(wish, after_write(secret, once)) == once


@given(wanted=entries, noted=entries)
def test_a_new_secret_needs_no_second_write(wanted: dict[str, str], noted: dict[str, str]) -> None:
    wish = desired(labels=marks.select_copied(wanted), annotations=marks.select_copied(noted))
    once = marks.merge_metadata(wish, None)
    written = after_write(ObservedSecret(ref=TARGET, uid="u", resource_version="1"), once)

    assert marks.merge_metadata(wish, written) == once
