"""spec.metadata: what it may name, and what becomes of it on the Secret."""

from __future__ import annotations

import json

import pytest

from secrets_manager.domain import marks, wished_marks
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.secret import (
    COPIED,
    LAST_UPDATE,
    LEGACY_LABEL,
    LEGACY_LAST_UPDATE,
    MANAGED_BY_LABEL,
    PREFIX,
    DesiredSecret,
    ObservedSecret,
)
from secrets_manager.domain.wished_marks import MAX_ANNOTATIONS, MAX_ENTRIES, OUR_SHARE, WishedMarks
from tests.builders import OURS, UPDATED, desired, observed

INSTANCE = "app.kubernetes.io/instance"
TRACKING = "argocd.argoproj.io/tracking-id"


# ── what may be named ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "argocd.argoproj.io/secret-type",
        INSTANCE,
        TRACKING,
        "helm.sh/resource-policy",
        "owner",
        "a",
        "A.b_c-9",
        "x" * 63,
        f"{'d' * 253}/{'x' * 63}",
        "kubernetes.io/service-accounts",
        "managed-by",
    ],
)
def test_a_name_that_a_secret_can_carry_may_be_wished_for(name: str) -> None:
    assert WishedMarks(labels={name: "x"}, annotations={name: "any text\nü"}).labels == {name: "x"}


REFUSED = [
    MANAGED_BY_LABEL,
    LEGACY_LABEL,
    LEGACY_LAST_UPDATE,
    LAST_UPDATE,
    COPIED,
    f"{PREFIX}adopt",
    f"{PREFIX}anything",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "tfstate",
    "tfstateSecretSuffix",
    "tfstateWorkspace",
]


@pytest.mark.parametrize("name", REFUSED)
def test_marks_of_ours_of_tokens_and_of_the_state_of_tools_are_refused(name: str) -> None:
    for kind in ("labels", "annotations"):
        with pytest.raises(InvalidSpec, match="is refused") as refused:
            WishedMarks(**{kind: {"team": "b", name: "x"}})

        assert f"spec.metadata.{kind}[{name}]" in refused.value.message


@pytest.mark.parametrize("name", ["Secrets-Manager.tuenti.io/adopt", "KUBERNETES.io/service-account.name"])
def test_a_refused_annotation_is_refused_in_capitals_too(name: str) -> None:
    with pytest.raises(InvalidSpec, match="is refused"):
        WishedMarks(annotations={name: "x"})


@pytest.mark.parametrize("name", ["owner", "OWNER"])
@pytest.mark.parametrize("value", ["helm", "tiller", "TILLER"])
def test_a_label_by_which_helm_finds_its_releases_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSpec, match="its own state"):
        WishedMarks(labels={name: value})

    assert WishedMarks(labels={name: "team-b"}).labels


@pytest.mark.parametrize(
    "name",
    ["", "/", "/x", "a/", "a/b/c", "-a", "a-", ".a", "a b", "ä", "x" * 64, f"{'d' * 254}/x", "D_d/x", "a\n"],
)
def test_a_name_that_no_secret_can_carry_is_refused(name: str) -> None:
    for kind in ("labels", "annotations"):
        with pytest.raises(InvalidSpec, match=f"spec.metadata.{kind} has the name"):
            WishedMarks(**{kind: {name: "x"}})


def test_the_domain_of_an_annotation_may_be_in_capitals_and_that_of_a_label_not() -> None:
    assert WishedMarks(annotations={"Example.com/A": ""}).annotations
    with pytest.raises(InvalidSpec, match="has the name"):
        WishedMarks(labels={"Example.com/A": ""})


@pytest.mark.parametrize("value", ["-a", "a-", "a b", "ä", "a/b", "x" * 64, "a\n"])
def test_a_value_that_no_label_can_have_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        WishedMarks(labels={"team": value})

    assert refused.value.message.startswith("spec.metadata.labels[team] has a value that no label may have")
    assert repr(value) not in refused.value.message


def test_a_label_may_be_empty() -> None:
    assert WishedMarks(labels={"team": ""}).labels == {"team": ""}


def test_as_much_as_a_secret_can_carry_beside_our_own_marks_is_taken_and_no_byte_more() -> None:
    # The name stands there twice: in front of its value, and in the record.
    most = MAX_ANNOTATIONS - OUR_SHARE - 2 * len("note") - 3
    assert WishedMarks(annotations={"note": "ü" * (most // 2) + "x" * (most % 2)}).annotations

    with pytest.raises(InvalidSpec, match=f"of {MAX_ANNOTATIONS + 1} bytes"):
        WishedMarks(annotations={"note": "x" * (most + 1)})
    with pytest.raises(InvalidSpec, match="more than"):
        WishedMarks(labels={"team": ""}, annotations={"note": "x" * most})


def test_so_many_entries_are_taken_and_no_more() -> None:
    most = {f"n{number}": "" for number in range(MAX_ENTRIES)}
    assert WishedMarks(labels=most, annotations=most).labels == most

    for kind in ("labels", "annotations"):
        with pytest.raises(InvalidSpec, match="has 257 entries, more than 256"):
            WishedMarks(**{kind: {**most, "one-more": ""}})


def test_a_message_is_short_however_long_a_name_is() -> None:
    with pytest.raises(InvalidSpec) as refused:
        WishedMarks(labels={"x" * 100_000: ""})

    assert len(refused.value.message) < 700


def test_the_marks_that_are_ours_are_those_of_the_program() -> None:
    assert {MANAGED_BY_LABEL, LEGACY_LABEL, LEGACY_LAST_UPDATE} == wished_marks.OURS
    assert PREFIX in wished_marks.REFUSED_PREFIXES


# ── on the Secret ────────────────────────────────────────────────────────────────────────────────────


def wish(copied: dict[str, str] | None = None, **wished: dict[str, str]) -> DesiredSecret:
    """A Secret with these labels copied from its definition, and these wishes."""
    asked = WishedMarks(**wished)
    return desired(
        labels={**(copied or {}), **asked.labels}, annotations=dict(asked.annotations), wished=asked
    )


def written(wanted: DesiredSecret, before: ObservedSecret | None = None) -> ObservedSecret:
    """The Secret after a write."""
    merged = marks.merge_metadata(wanted, before)
    return observed(
        labels=dict(merged.labels),
        annotations={**UPDATED, **merged.annotations},
        owners=merged.owners,
    )


def test_a_wish_is_on_the_secret_and_recorded_apart_from_what_was_copied() -> None:
    made = written(wish({"team": "b"}, labels={INSTANCE: "shop"}, annotations={"note": "n"}))

    assert made.labels == {**OURS, "team": "b", INSTANCE: "shop"}
    assert made.annotations["note"] == "n"
    assert json.loads(made.annotations[COPIED]) == {
        "labels": ["team"],
        "wished": {"annotations": ["note"], "labels": [INSTANCE]},
    }


def test_a_second_write_changes_nothing() -> None:
    wanted = wish({"team": "b"}, labels={INSTANCE: "shop", "team": "c"}, annotations={"note": "n"})
    made = written(wanted)

    assert written(wanted, made) == made


def test_without_wishes_the_record_is_as_it_was() -> None:
    assert json.loads(written(wish({"team": "b"})).annotations[COPIED]) == {"labels": ["team"]}


@pytest.mark.parametrize("name", [INSTANCE, TRACKING, "team", "owner", "kubectl.kubernetes.io/x"])
def test_what_leaves_the_wishes_leaves_the_secret_whatever_tool_it_belongs_to(name: str) -> None:
    made = written(wish(labels={name: "x"}, annotations={name: "x"}))

    after = written(wish(), made)

    assert after.labels == OURS
    assert after.annotations == UPDATED


def test_a_wish_that_leaves_gives_way_to_what_is_copied() -> None:
    made = written(wish({"team": "b"}, labels={"team": "c"}))
    assert made.labels["team"] == "c"

    assert written(wish({"team": "b"}), made).labels["team"] == "b"


def test_a_wish_wins_over_what_others_put_on_the_secret_and_nothing_else_of_theirs_goes() -> None:
    theirs = observed(labels={**OURS, INSTANCE: "theirs", "more": "1"}, annotations={TRACKING: "theirs"})

    after = written(wish(labels={INSTANCE: "shop"}), theirs)

    assert after.labels == {**OURS, INSTANCE: "shop", "more": "1"}
    assert after.annotations[TRACKING] == "theirs"


GUARDED = [*REFUSED[:9]]


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("of_wishes", [False, True], ids=["copied", "wished"])
def test_an_edited_record_has_no_mark_of_ours_or_of_a_token_removed(name: str, *, of_wishes: bool) -> None:
    listed = {"labels": [name], "annotations": [name]}
    record = json.dumps({"wished": listed} if of_wishes else listed)
    # Those of 1.x leave as labels, whatever the record says.
    labels = {} if name in (LEGACY_LABEL, LEGACY_LAST_UPDATE) else {name: OURS.get(name, "x")}
    secret = observed(labels={**OURS, **labels}, annotations={name: "x", COPIED: record})

    merged = marks.merge_metadata(desired(), secret)

    assert merged.labels == {**OURS, **labels}
    assert (name in merged.annotations) == (name != COPIED)


@pytest.mark.parametrize(
    "record",
    [
        '{"wished":null}',
        '{"wished":[]}',
        '{"wished":{"labels":"their"}}',
        '{"wished":{"labels":[1,null,{}]}}',
        '{"wished":{"labels":{"their":1}}}',
    ],
)
def test_a_damaged_record_of_wishes_removes_nothing(record: str) -> None:
    secret = observed(labels={**OURS, "their": "1"}, annotations={**UPDATED, COPIED: record})

    assert written(wish(), secret).labels == {**OURS, "their": "1"}
