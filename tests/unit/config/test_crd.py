"""The schema says the same as the domain, and asks for nothing that old objects lack."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secrets_manager.domain.backend_name import is_backend_name
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import MAX_SOURCE_KEY, MAX_TYPE
from secrets_manager.domain.restart_wish import MAX_WORKLOADS, WorkloadKind
from secrets_manager.domain.trusted import CONTENT_TYPES, IDENTITY_TYPES
from tests.unit.config.manifests import CONFIG, one


def _version() -> dict[str, Any]:
    (version,) = one("config/crd/secretdefinitions.yaml")["spec"]["versions"]
    assert isinstance(version, dict)
    return version


def _schema() -> dict[str, Any]:
    schema = _version()["schema"]["openAPIV3Schema"]
    assert isinstance(schema, dict)
    return schema


def _described(schema: dict[str, Any], name: str) -> list[str]:
    children = {
        **schema.get("properties", {}),
        "[]": schema.get("items"),
        "{}": schema.get("additionalProperties"),
    }
    found = [name] if "description" in schema else []
    return found + [
        each for key, child in children.items() if child for each in _described(child, f"{name}.{key}")
    ]


def _all(schema: dict[str, Any], name: str) -> list[str]:
    children = {
        **schema.get("properties", {}),
        "[]": schema.get("items"),
        "{}": schema.get("additionalProperties"),
    }
    return [
        name,
        *(each for key, child in children.items() if child for each in _all(child, f"{name}.{key}")),
    ]


def test_the_names_are_those_of_the_original() -> None:
    spec = one("config/crd/secretdefinitions.yaml")["spec"]

    assert (spec["group"], spec["scope"]) == ("secrets-manager.tuenti.io", "Namespaced")
    assert spec["names"] == {
        "kind": "SecretDefinition",
        "listKind": "SecretDefinitionList",
        "plural": "secretdefinitions",
        "singular": "secretdefinition",
        "shortNames": ["sd"],
    }
    assert _version()["name"] == "v1alpha1"


def test_no_field_is_required_that_the_original_did_not_require() -> None:
    spec = _schema()["properties"]["spec"]

    assert "required" not in _schema()
    # Without keysMap there has to be another origin of the data, which a rule demands.
    assert spec["required"] == ["name"]
    assert spec["properties"]["keysMap"]["additionalProperties"]["required"] == ["path", "key"]


def test_an_empty_keysmap_and_an_empty_key_are_allowed() -> None:
    keys_map = _schema()["properties"]["spec"]["properties"]["keysMap"]

    assert "minProperties" not in keys_map
    assert "minLength" not in keys_map["additionalProperties"]["properties"]["key"]


def test_the_encodings_are_those_of_the_domain() -> None:
    source = _schema()["properties"]["spec"]["properties"]["keysMap"]["additionalProperties"]

    assert source["properties"]["encoding"]["enum"] == [encoding.value for encoding in Encoding]


def test_the_refused_types_are_those_of_the_domain() -> None:
    (rule,) = _schema()["properties"]["spec"]["properties"]["type"]["x-kubernetes-validations"]

    assert {word.strip("'") for word in rule["rule"].split() if word.startswith("'")} == IDENTITY_TYPES


def test_the_types_below_reserved_domains_that_the_schema_takes_are_those_of_the_domain() -> None:
    rules = [each["rule"] for each in _schema()["properties"]["spec"]["x-kubernetes-validations"]]
    (rule,) = (each for each in rules if "helm[.]sh" in each)
    listed = rule.partition(" in [")[2].partition("]")[0]

    assert {word.strip("' ") for word in listed.split(",")} == {
        kind for kind in CONTENT_TYPES if kind.startswith("kubernetes.io/")
    }


def test_the_bounds_are_never_below_those_of_the_domain_where_the_original_had_none() -> None:
    spec = _schema()["properties"]["spec"]["properties"]
    source = spec["keysMap"]["additionalProperties"]["properties"]

    assert source["key"]["maxLength"] == MAX_SOURCE_KEY
    assert spec["type"]["maxLength"] == MAX_TYPE


@pytest.mark.parametrize(
    "name", ["eu", "0", "a-b", "a--b", "x" * 63, "x" * 64, "EU", "a_b", "a.b", "-a", "a-", " ", "é"]
)
def test_a_backend_may_have_the_names_of_the_domain_and_none_is_none(name: str) -> None:
    spec = _schema()["properties"]["spec"]["properties"]
    entries = (
        spec["keysMap"]["additionalProperties"],
        spec["dataFrom"]["items"],
        spec["inputs"]["additionalProperties"],
    )
    fields = [spec["backend"], *(entry["properties"]["backend"] for entry in entries)]

    for field in fields:
        assert bool(re.search(field["pattern"], name)) == is_backend_name(name)
        assert re.search(field["pattern"], "")


def test_the_status_can_list_one_path_of_two_backends() -> None:
    sources = _schema()["properties"]["status"]["properties"]["sources"]

    assert sources["x-kubernetes-list-type"] == "atomic"
    assert sources["items"]["required"] == ["path"]


def test_the_workloads_are_those_of_the_domain() -> None:
    workloads = _schema()["properties"]["spec"]["properties"]["restart"]["properties"]["workloads"]

    assert workloads["maxItems"] == MAX_WORKLOADS
    assert workloads["items"]["properties"]["kind"]["enum"] == list(WorkloadKind)


def test_status_is_written_apart_from_the_spec() -> None:
    assert _version()["subresources"] == {"status": {}}


def test_nothing_that_the_daemon_reports_is_bounded_beyond_the_common_form_of_a_condition() -> None:
    status = _schema()["properties"]["status"]

    assert set(status["properties"]) == {
        *("observedGeneration", "secretName", "conditions", "sources", "overridden"),
    }
    assert "required" not in status


def test_every_field_is_described() -> None:
    undescribed = set(_all(_schema(), "")) - set(_described(_schema(), ""))

    assert undescribed == {
        ".metadata",
        ".status.conditions.[]",
        ".status.sources.[]",
        ".status.overridden.[]",
        ".spec.dataFrom.[]",
        ".spec.dataFrom.[].include.[]",
        ".spec.dataFrom.[].exclude.[]",
    }


def test_the_schema_stays_small() -> None:
    # `kubectl apply` keeps the whole object in an annotation, and people read it.
    assert len((CONFIG / "crd/secretdefinitions.yaml").read_bytes()) < 30_000
