"""What ``check`` says of a manifest is what kubectl and the API server say of it."""

from __future__ import annotations

import copy
import json
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.tree import Node
from secrets_manager.commands.schema.crd import schema
from secrets_manager.commands.schema.validation import schema_faults
from tests.testbed.binaries import program
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, definitions

HEAD = "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata:\n  name: x\nspec:\n"


def refusal(cluster: TestCluster, namespace: str, body: dict[str, Any]) -> str:
    """What the API server says to kubectl, "" where it takes the object."""
    try:
        cluster.api.post(f"{definitions(namespace)}?dryRun=All&fieldValidation=Strict", body)
    except ApiError as error:
        if error.status not in {400, 422}:
            raise
        return error.message
    return ""


def disagreement(cluster: TestCluster, namespace: str, body: dict[str, Any]) -> str:
    """What the two say where one of them takes it and the other does not, otherwise ""."""
    theirs, ours = refusal(cluster, namespace, body), "; ".join(map(str, schema_faults(body)))
    return f"{body}: API server {theirs!r}, check {ours!r}" if bool(theirs) != bool(ours) else ""


def definition(spec: Any = None, **metadata: Any) -> dict[str, Any]:
    good = {"name": "app", "keysMap": {"A": {"path": "p", "key": "k"}}}
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": "app", **metadata},
        "spec": good if spec is None else spec,
    }


OWNER = {"apiVersion": "v1", "kind": "X", "name": "a", "uid": "u"}
METADATA: Mapping[str, dict[str, Any]] = {
    "unknown field": {"foo": 1},
    "label": {"labels": {"a b": "x"}},
    "label of a domain": {"labels": {"A.b/c": "x", "a.b/c": ""}},
    "value of a label": {"labels": {"a": "x y"}},
    "number": {"labels": {"a": 1}},
    "null": {"labels": {"a": None}, "annotations": None},
    "nameless null": {"annotations": {"": None}},
    "annotation": {"annotations": {"a b": "x"}},
    "annotation in capitals": {"annotations": {"A/B": "x"}},
    "annotations of the most bytes": {"annotations": {"a": "x" * 262143}},
    "too many bytes": {"annotations": {"a": "x" * 262144}},
    "finalizer": {"finalizers": ["x"]},
    "bad finalizer": {"finalizers": ["a b/c"]},
    "capitals": {"name": "A"},
    "long": {"name": "a" * 254},
    "longest": {"name": "a" * 253},
    "beginning": {"name": None, "generateName": "x-"},
    "bad beginning": {"name": None, "generateName": "X-"},
    "none": {"name": None},
    "of a server": {"creationTimestamp": None, "resourceVersion": "", "uid": "x", "generation": 3},
    "owner": {"ownerReferences": [OWNER]},
    "owner without uid": {"ownerReferences": [{**OWNER, "uid": ""}]},
    "owner with more": {"ownerReferences": [{**OWNER, "foo": 1}]},
    "two controllers": {
        "ownerReferences": [{**OWNER, "controller": True}, {**OWNER, "controller": True, "uid": "v"}]
    },
    "time": {"creationTimestamp": "2026-01-02T03:04:05Z"},
    "bad time": {"creationTimestamp": "x"},
}


@pytest.mark.parametrize("case", METADATA)
def test_metadata_is_refused_where_the_api_server_refuses_it(
    definitions_api: TestCluster, namespace: str, case: str
) -> None:
    assert disagreement(definitions_api, namespace, definition(**METADATA[case])) == ""


WHOLE: Mapping[str, dict[str, Any]] = {
    "unknown field": {**definition(), "foo": 1},
    "unknown field of a status": {**definition(), "status": {"foo": 1}},
    "status of another type": {**definition(), "status": {"observedGeneration": "x"}},
    "null": {**definition(), "metadata": None},
    "no map": {**definition(), "metadata": "x"},
    "no spec": {**definition(), "spec": "x"},
    "null in a map": definition({"name": "app", "keysMap": {"A": None}, "type": None}),
    "null in a list": definition({"name": "app", "dataFrom": [None]}),
    "null instead of all": definition({"name": "app", "keysMap": None}),
    "letters of two bytes": definition({"name": "app", "keysMap": {"A": {"path": "p", "key": "ü" * 4096}}}),
    "letters of four bytes": definition({"name": "app", "type": "\U0001f600" * 1024, "keysMap": {}}),
    "one letter more": definition({"name": "app", "type": "\U0001f600" * 1025, "keysMap": {}}),
}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_objects_are_refused_where_the_api_server_refuses_them(
    definitions_api: TestCluster, namespace: str, case: str
) -> None:
    assert disagreement(definitions_api, namespace, WHOLE[case]) == ""


def test_an_object_that_is_too_large_to_be_stored_is_refused(
    definitions_api: TestCluster, namespace: str
) -> None:
    keys = {f"k{n}": {"path": "p" * 1024, "key": "k" * 500} for n in range(1024)}
    body = definition({"name": "app", "keysMap": keys})

    assert schema_faults(body)
    with pytest.raises(ApiError):
        definitions_api.api.post(definitions(namespace), body)


# ── objects that nobody thought of ───────────────────────────────────────────────────────────────────

TEXTS = (
    *("", "a", "A", "a\n", "x" * 64, "x" * 254, "ü" * 200, "data", "tls.crt", "username", ".", "..", "..a"),
    *(
        "a/../b",
        "a/b",
        "a\tb",
        "\x85",
        "\u2028",
        "1s",
        "168h",
        "169h",
        "1h30m",
        "90",
        "-1s",
        "1µs",
        "1.5h",
        "٣s",
    ),
    *("kubernetes.io/tls", "kubernetes.io/other", "helm.sh/x", "x.k8s.io/y", "kubernetes.io/basic-auth"),
    *("Opaque", "bootstrap.kubernetes.io/token", "Retain", "pem", "json", "base64", "eu", "EU", "eu-"),
    *("managedBy", "secrets-manager.tuenti.io/x", "owner", "helm", "sh.helm.release.v1", "Deployment"),
    *("k" * 4097, "p" * 1025, "é/..", "\u212a"),
)
OTHERS: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, [], {}, ["a"], [None], {"a": "b"}, {"a": None}, {"path": "p"}),
    *({"path": "p", "key": "k"}, [{"path": "p"}]),
)
NAMES = (
    *("a", "A", "data", "tls.crt", "tls.key", "username", "", ".", "..x", "a b", "a/b", "x" * 253, "x" * 254),
    *(
        "managedBy",
        "owner",
        "tfstate",
        "tfstatesecretsuffix",
        "secrets-manager.tuenti.io/x",
        "a.b/c",
        "foo",
        "ü",
    ),
    *("kubernetes.io/service-account.name", ".dockerconfigjson", "ssh-privatekey", "password"),
)


def invented(below: Mapping[str, Any], chance: random.Random, odd: float) -> Any:
    """A value that mostly fits the schema; ``odd`` is how often it does not."""
    if chance.random() < odd:
        return copy.deepcopy(chance.choice((*TEXTS, *OTHERS)))
    match below.get("type"):
        case "object":
            made = {
                name: invented(each, chance, odd)
                for name, each in below.get("properties", {}).items()
                if chance.random() < (0.97 if name in below.get("required", ()) else 0.25)
            }
            if "additionalProperties" in below:
                for _ in range(chance.randrange(3)):
                    made[chance.choice(NAMES)] = invented(below["additionalProperties"], chance, odd)
            return made
        case "array":
            return [invented(below["items"], chance, odd) for _ in range(chance.randrange(3))]
        case "boolean":
            return chance.random() < 0.5
    if "enum" in below:
        return chance.choice(below["enum"])
    return chance.choice(TEXTS if chance.random() < 4 * odd else ("a", "b-1", "p/q", "1m"))


@pytest.mark.parametrize("odd", [0.003, 0.02])
def test_no_invented_object_divides_them(definitions_api: TestCluster, namespace: str, odd: float) -> None:
    taken = 0
    for number in range(300):
        chance = random.Random(f"{odd} {number}")  # noqa: S311 - the same objects each time
        spec = invented(schema()["properties"]["spec"], chance, odd)
        if isinstance(spec, dict) and chance.random() < 0.8:
            spec["name"] = "app"
        labels = {chance.choice(NAMES): chance.choice(TEXTS) for _ in range(chance.randrange(2))}
        body = definition(spec, annotations=labels, labels=dict(labels) if chance.random() < 0.3 else {})
        assert disagreement(definitions_api, namespace, body) == ""
        taken += not schema_faults(body)
    assert 10 < taken < 290, "a mixture of both kinds shows something"


# ── the YAML before it ───────────────────────────────────────────────────────────────────────────────

SCALARS = (
    *(
        "y",
        "Y",
        "n",
        "NO",
        "yes",
        "on",
        "off",
        "true",
        "True",
        "~",
        "null",
        "",
        "1",
        "+1",
        "-1",
        "0",
        "00",
        "08",
    ),
    *(
        "09.5",
        "017",
        "0o17",
        "0O17",
        "0x1F",
        "0XFF",
        "0b11",
        "-0b11",
        "1_000",
        "_1",
        "1_",
        "1e3",
        "1E3",
        "1.",
    ),
    *("1.5", ".5", "+.5", "-.5", ".5e3", "._5", "12:30", "12:30:45", "2001-01-01", "2001-01-01T00:00:00Z"),
    *("1e400", "99999999999999999999", "18446744073709551615", "-9223372036854775809", "0x", "1__0", "1e"),
    *(
        "+",
        "..",
        "+0x1F",
        "-017",
        "0x1p4",
        "1.5_0",
        "0.1e-3",
        "123abc",
        "0b",
        "0b2",
        "=",
        "inf",
        "nan",
        "tRUE",
    ),
    *(
        "!x y",
        "!!str 1",
        "!!int '3'",
        "!!float 3",
        "!!bool 'yes'",
        "'1'",
        '"yes"',
        "!!binary aGVsbG8=",
        "! 12",
    ),
    *("{y: 1, 1: a, 0x10: b, 1e3: c, off: d, '': e}", "[yes, 1e3, {<<: {a: 1}, b: 2}]", "|\n    yes\n    1"),
)


def kubectl(cluster: TestCluster, text: str) -> dict[str, Any] | None:
    """The object as kubectl reads it, None where it does not."""
    done = subprocess.run(
        [
            *(program("kubectl"), "--kubeconfig", str(cluster.kubeconfig), "create", "--dry-run=client"),
            *("--validate=false", "-o", "json", "-f", "-"),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def test_every_scalar_is_read_as_kubectl_reads_it(definitions_api: TestCluster) -> None:
    text = HEAD + "".join(f"  k{number}: {scalar}\n" for number, scalar in enumerate(SCALARS))
    (ours,) = documents(text)
    assert isinstance(ours, Node)

    theirs = kubectl(definitions_api, text)

    assert theirs is not None
    for number, scalar in enumerate(SCALARS):
        found = ours.plain()["spec"][f"k{number}"]
        expected = theirs["spec"].get(f"k{number}")
        assert isinstance(found, bool) == isinstance(expected, bool), scalar
        is_number = isinstance(found, (int, float)) and isinstance(expected, (int, float))
        assert found == pytest.approx(expected) if is_number else found == expected, scalar


@pytest.mark.parametrize(
    "text", ["a: .inf", "~: 1", "[a]: 1", "a: *x", "a: &a [*a]", "a:\n\t b: 1", "a: [", "a: \x07", "<<: 1"]
)
def test_what_kubectl_cannot_read_is_refused(definitions_api: TestCluster, text: str) -> None:
    whole = HEAD + "".join(f"  {line}\n" for line in text.split("\n"))

    assert kubectl(definitions_api, whole) is None
    assert not any(isinstance(each, Node) for each in documents(whole))


def test_the_samples_pass_both(definitions_api: TestCluster, namespace: str) -> None:
    for file in (Path(__file__).parents[2] / "samples").rglob("*.yaml"):
        for document in documents(file.read_text(encoding="utf-8")):
            assert isinstance(document, Node)
            if document.plain().get("kind") == "SecretDefinition":
                assert refusal(definitions_api, namespace, document.plain()) == ""
                assert schema_faults(document.plain()) == []
