"""The fields that two writers fight over, and the name of the other writer."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.manifests import field_managers
from secrets_manager.domain.clash import (
    WHOLE,
    FieldManager,
    describe_field,
    differing_fields,
    is_content,
    writers,
)
from secrets_manager.domain.marks import merge_metadata
from tests.builders import desired, observed

LABEL = ("metadata", "labels", "tier")
DATA = ("data", "user")


def as_written(**changes: Any) -> Any:
    """The Secret as it is after a write of ours, with changes."""
    wanted = merge_metadata(desired(), None)
    fields = {"labels": wanted.labels, "annotations": wanted.annotations, "owners": wanted.owners, **changes}
    return observed({"user": b"alice"}, **fields)


def test_no_field_differs_in_a_secret_that_is_in_step_whatever_others_added() -> None:
    labels = {**merge_metadata(desired(), None).labels, "theirs": "x"}

    assert differing_fields(desired(), as_written()) == frozenset()
    assert differing_fields(desired(), as_written(labels=labels)) == frozenset()


def test_each_field_that_is_not_as_it_should_be_is_named() -> None:
    assert differing_fields(desired(), None) == {WHOLE}
    assert differing_fields(desired(), as_written(type="example.org/x")) == {("type",)}
    assert differing_fields(desired(), as_written(owners=())) == {("metadata", "ownerReferences")}
    mark = ("metadata", "labels", "app.kubernetes.io/managed-by")
    assert differing_fields(desired(), as_written(labels={})) == {mark}
    other = observed({"extra": b"x"}, labels=as_written().labels, owners=as_written().owners)
    assert differing_fields(desired(), other) >= {DATA, ("data", "extra")}


@pytest.mark.parametrize(
    ("one", "content", "text"),
    [
        (WHOLE, True, "the Secret as a whole"),
        (DATA, True, "data key 'user'"),
        (("type",), True, "type"),
        (LABEL, False, "label 'tier'"),
        (("metadata", "annotations", "a/b"), False, "annotation 'a/b'"),
        (("metadata", "ownerReferences"), False, "ownerReferences"),
    ],
)
def test_parts_of_the_content_and_their_names(one: tuple[str, ...], content: bool, text: str) -> None:  # noqa: FBT001
    assert is_content(one) is content
    assert describe_field(one) == text


def manager(name: str, *path: str, time: str = "") -> FieldManager:
    fields: dict[str, object] = {}
    place = fields
    for part in path:
        inner: dict[str, object] = {}
        place[f"f:{part}"] = inner
        place = inner
    return FieldManager(name=name, time=time, fields=fields)


def test_the_writers_are_the_other_owners_of_a_field() -> None:
    found = [
        manager("secrets-manager", *LABEL),
        manager("b", *LABEL),
        manager("a", *DATA),
        manager("bystander", "metadata", "labels", "other", time="2026-01-09T00:00:00Z"),
    ]

    assert writers([LABEL, DATA], found) == ["a", "b"]
    assert writers([LABEL], found) == ["b"]


def test_the_last_writer_is_named_for_a_field_that_is_missing() -> None:
    found = [
        manager("early", "type", time="2026-01-01T00:00:00Z"),
        manager("late", "type", time="2026-01-02T00:00:00Z"),
        manager("secrets-manager", "type", time="2026-01-03T00:00:00Z"),
    ]

    assert writers([LABEL], found) == ["late"]
    assert writers([LABEL], found[2:]) == []


def test_the_name_of_a_foreign_writer_is_shown_short_and_harmless() -> None:
    hostile = "\x1b[31m<script>\n" + "x" * 500

    (shown,) = writers([LABEL], [manager(hostile, *LABEL)])
    assert len(shown) == 64
    assert shown.startswith("??31m?script??xx")


ODD = [None, 3, "text", [], [None], {}, {"f:metadata": None}, {"f:metadata": {"f:labels": ["f:tier"]}}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_managed_fields_of_any_shape_are_read_or_left_out(odd: object) -> None:
    for entries in (odd, [odd], [{"manager": odd, "time": odd, "fieldsV1": odd}]):
        found = field_managers({"metadata": {"managedFields": entries}})
        assert isinstance(writers([LABEL, WHOLE], found), list)
    assert field_managers({"metadata": odd}) == []
    assert field_managers({}) == []


def test_managed_fields_are_read_as_the_api_server_keeps_them() -> None:
    entry = {
        "manager": "kubectl-edit",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:tier": {}}}},
    }

    assert writers([LABEL], field_managers({"metadata": {"managedFields": [entry]}})) == ["kubectl-edit"]
