"""What the API server would refuse is told by field; tests/integration/test_check_schema.py compares."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.commands.schema.faults import field
from secrets_manager.commands.schema.validation import schema_faults
from tests.unit.backends.tables import rows

SPEC: dict[str, Any] = {"name": "app", "keysMap": {"A": {"path": "p", "key": "k"}}}


def definition(spec: Any = SPEC, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": "app", **metadata},
        "spec": spec,
    }


def told(body: dict[str, Any]) -> list[str]:
    return [str(fault) for fault in schema_faults(body)]


def test_a_good_definition_has_no_fault() -> None:
    assert told(definition(labels={"a.test/b": ""}, annotations={"A.test/b": "x"}, finalizers=["a/b"])) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    rows(
        {
            "an unknown field": (
                {**SPEC, "sufpend": True},
                "spec.sufpend is no field that there is; did you mean suspend?",
            ),
            "an unknown field far below": (
                {"name": "a", "dataFrom": [{"path": "p", "zzz": 1}]},
                "spec.dataFrom[0].zzz is no field that there is",
            ),
            "no name": ({"keysMap": {}}, "spec.name is missing, and is required"),
            "null for a name": ({"name": None, "keysMap": {}}, "spec.name is missing, and is required"),
            "a number": ({**SPEC, "name": 1}, "spec.name is a number, and must be a string"),
            "a text for a bool": (
                {**SPEC, "suspend": "yes"},
                "spec.suspend is a string, and must be a boolean",
            ),
            "a list for a map": ({**SPEC, "keysMap": []}, "spec.keysMap is an array, and must be an object"),
            "a map for a list": (
                {**SPEC, "dataFrom": {}},
                "spec.dataFrom is an object, and must be an array",
            ),
            "a bool in a list": (
                {**SPEC, "dataFrom": [{"path": "p", "include": [True]}]},
                "spec.dataFrom[0].include[0] is a boolean, and must be a string",
            ),
            "null in a list": (
                {**SPEC, "dataFrom": [None]},
                "spec.dataFrom[0] is null, and must be an object",
            ),
            "no spec at all": ("x", "spec is a string, and must be an object"),
            "a word": ({**SPEC, "onDelete": "retain"}, "spec.onDelete is not one of 'Delete', 'Retain'"),
            "a long text": ({**SPEC, "type": "t" * 1025}, "spec.type has 1025 characters, more than 1024"),
            "an empty path": (
                {"name": "a", "keysMap": {"A": {"path": "", "key": ""}}},
                "spec.keysMap[A].path has 0 characters, fewer than 1",
            ),
            "many entries": (
                {**SPEC, "dataFrom": [{"path": "p"}] * 65},
                "spec.dataFrom has 65 entries, more than 64",
            ),
            "many keys": (
                {**SPEC, "inputs": {f"i{n}": {"path": "p"} for n in range(257)}},
                "spec.inputs has 257 entries, more than 256",
            ),
            "a pattern": (
                {**SPEC, "backend": "eu\n"},
                "spec.backend does not match ^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$",
            ),
            "a rule": (
                {**SPEC, "refreshPeriod": "7d"},
                "spec.refreshPeriod is not a duration from 1s to 168h, such as 90s, 15m or 1h30m",
            ),
            "a rule of the whole": ({"name": "a"}, "spec needs keysMap, dataFrom or template"),
            "a rule of a type": (
                {**SPEC, "type": "kubernetes.io/tls"},
                "spec type kubernetes.io/tls needs the keys tls.crt and tls.key in keysMap or template",
            ),
        }
    ),
)
def test_a_fault_is_told_with_its_field(spec: Any, said: str) -> None:
    assert told(definition(spec)) == [said]


@pytest.mark.parametrize(
    ("metadata", "said"),
    rows(
        {
            "no name": ({"name": None}, "metadata.name is missing, and is required"),
            "a name in capitals": ({"name": "A"}, "metadata.name is no name of an object: use lower case"),
            "a beginning in capitals": (
                {"name": "", "generateName": "A-"},
                "metadata.generateName is no beginning of a name: use lower case",
            ),
            "a namespace with a dot": ({"namespace": "a.b"}, "metadata.namespace is no name of a namespace"),
            "a label": (
                {"labels": {"a b": ""}},
                "metadata.labels[a b] is no name of a label: use at most 63",
            ),
            "a label's value": (
                {"labels": {"a": "b c"}},
                "metadata.labels[a] has a value that no label may have",
            ),
            "a label of a number": (
                {"labels": {"a": 1}},
                "metadata.labels[a] is a number, and must be a string",
            ),
            "an annotation": (
                {"annotations": {"a/b/c": ""}},
                "metadata.annotations[a/b/c] is no name of an annotation",
            ),
            "large annotations": (
                {"annotations": {"a": "x" * 262144}},
                "metadata.annotations has 262145 bytes, more than",
            ),
            "a finalizer": ({"finalizers": ["A/b"]}, "metadata.finalizers[0] is no name of a finalizer"),
            "an owner without uid": (
                {"ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a"}]},
                "metadata.ownerReferences[0].uid is missing, and is required",
            ),
            "two controllers": (
                {
                    "ownerReferences": [
                        {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "controller": True}
                    ]
                    * 2
                },
                "metadata.ownerReferences has more than one controller",
            ),
            "a time": (
                {"creationTimestamp": "today"},
                "metadata.creationTimestamp is no time as RFC 3339 writes it",
            ),
            "an unknown field": (
                {"lables": {}},
                "metadata.lables is no field that there is; did you mean labels?",
            ),
        }
    ),
)
def test_metadata_is_validated_too(metadata: dict[str, Any], said: str) -> None:
    (found,) = told(definition(**metadata))

    assert found.startswith(said)


def test_null_stands_for_nothing_as_in_go() -> None:
    body = definition({**SPEC, "type": None, "template": {"a": None}}, labels={"a": None}, annotations=None)

    assert told(body) == []


@pytest.mark.parametrize("metadata", [None, {}, "x", [1]])
def test_metadata_that_is_none_is_told(metadata: Any) -> None:
    assert len(told({**definition(), "metadata": metadata})) == 1


def test_a_status_is_not_taken_and_its_unknown_fields_are_told() -> None:
    assert told({**definition(), "status": {"observedGeneration": "x", "zzz": 1}}) == [
        "status.zzz is no field that there is"
    ]
    assert told({**definition(), "status": None}) == []


def test_an_object_that_no_cluster_can_store_is_told() -> None:
    keys = {f"k{n}": {"path": "p" * 1024, "key": "k" * 1000} for n in range(1024)}

    (found,) = told(definition({"name": "app", "keysMap": keys}))

    assert found.startswith("the object has ")
    assert found.endswith("more than 1500000 that a cluster stores")


def test_fields_are_named_as_the_daemon_names_them() -> None:
    assert field(("spec", "keysMap", "a.b", "path")) == "spec.keysMap[a.b].path"
    assert field(("spec", "dataFrom", 3, "rename", "case")) == "spec.dataFrom[3].rename.case"
    assert field(("spec", "metadata", "labels", "x/y")) == "spec.metadata.labels[x/y]"
    assert field(("status", "conditions")) == "status.conditions"
