"""The CRD on a real API server: good definitions go in, bad ones are told why, status has its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.deployment_support import (
    CONDITION,
    SAMPLES,
    STATUS,
    definition,
    from_keys,
    from_source,
    install,
    try_to_create,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, definitions


@pytest.fixture(scope="module")
def deployed(cluster: TestCluster) -> TestCluster:
    install(cluster)
    return cluster


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="plain"),
        pytest.param({"type": "Opaque"}, id="opaque"),
        pytest.param({"type": "example.test/own"}, id="own-type"),
        pytest.param({"name": "a.b-c.9"}, id="dotted-name"),
        pytest.param({"name": "a" * 253}, id="longest-name"),
        pytest.param({"keysMap": {}}, id="no-keys"),
        pytest.param(from_keys("a", ".env", "A_b-c.9", "a..b", "k" * 253), id="keys"),
        pytest.param(from_keys(*(f"k{number}" for number in range(1000))), id="thousand-keys"),
        pytest.param(from_source(encoding=""), id="encoding-empty"),
        pytest.param(from_source(encoding="text"), id="encoding-text"),
        pytest.param(from_source(encoding="base64"), id="encoding-base64"),
        pytest.param(from_source(key=""), id="empty-key"),
        pytest.param(from_source(path="/secret/data/app"), id="leading-slash"),
        pytest.param(from_source(path="secret/data/a b+c@d/ü?x#y/..z/a..b/.c"), id="odd-path"),
        pytest.param(from_source(path="p" * 1024), id="longest-path"),
        pytest.param({"type": "kubernetes.io/tls", **from_keys("tls.crt", "tls.key", "ca.crt")}, id="tls"),
        pytest.param({"type": "kubernetes.io/basic-auth", **from_keys("username")}, id="basic-auth"),
        pytest.param({"type": "kubernetes.io/ssh-auth", **from_keys("ssh-privatekey")}, id="ssh-auth"),
        pytest.param(
            {"type": "kubernetes.io/dockerconfigjson", **from_keys(".dockerconfigjson")}, id="docker"
        ),
    ],
)
def test_a_good_definition_is_accepted(deployed: TestCluster, namespace: str, spec: dict[str, Any]) -> None:
    try_to_create(deployed.api, namespace, definition(**spec))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param({"name": ""}, "is no name for a Secret", id="empty-name"),
        pytest.param({"name": "."}, "is no name for a Secret", id="dot-name"),
        pytest.param({"name": "a/b"}, "is no name for a Secret", id="slash-name"),
        pytest.param({"name": "App"}, "is no name for a Secret", id="upper-case-name"),
        pytest.param({"name": "app\n"}, "is no name for a Secret", id="name-with-line-break"),
        pytest.param({"name": "a" * 254}, "more than 253", id="long-name"),
        pytest.param({"name": None}, "spec.name: Required value", id="no-name"),
        pytest.param({"keysMap": None}, "spec.keysMap: Required value", id="no-keysmap"),
        pytest.param({"keysMap": []}, "must be of type object", id="list-keysmap"),
        pytest.param(from_keys("a/b"), "a key that a Secret cannot have", id="slash-key"),
        pytest.param(from_keys("."), "a key that a Secret cannot have", id="dot-key"),
        pytest.param(from_keys(".."), "a key that a Secret cannot have", id="dots-key"),
        pytest.param(from_keys("..data"), "a key that a Secret cannot have", id="leading-dots-key"),
        pytest.param(from_keys(""), "a key that a Secret cannot have", id="empty-key"),
        pytest.param(from_keys("k" * 254), "a key that a Secret cannot have", id="long-key"),
        pytest.param(from_source(encoding="Base64"), "Unsupported value", id="encoding"),
        pytest.param(from_source(path=""), "at least 1 chars long", id="empty-path"),
        pytest.param(from_source(path="secret/data/../sys"), "'..' segment", id="dots-path"),
        pytest.param(from_source(path=".."), "'..' segment", id="only-dots-path"),
        pytest.param(from_source(path="secret/./data"), "'.' or '..' segment", id="dot-path"),
        pytest.param(from_source(path="secret/data/a\nb"), "control character", id="line-break-path"),
        pytest.param(from_source(path="secret/data/a\u0085b"), "control character", id="next-line-path"),
        pytest.param({"type": "kubernetes.io/service-account-token"}, "grants access", id="token-type"),
        pytest.param({"type": "bootstrap.kubernetes.io/token"}, "grants access", id="bootstrap-type"),
        pytest.param({"type": "kubernetes.io/tls", **from_keys("tls.crt")}, "tls.crt and tls.key", id="tls"),
        pytest.param(
            {"type": "kubernetes.io/basic-auth"} | from_keys("a"), "username or password", id="basic"
        ),
        pytest.param({"type": "kubernetes.io/ssh-auth"} | from_keys("a"), "ssh-privatekey", id="ssh"),
        pytest.param({"type": "kubernetes.io/dockerconfigjson"}, ".dockerconfigjson", id="docker"),
        pytest.param({"type": "kubernetes.io/dockercfg"}, ".dockercfg", id="old-docker"),
    ],
)
def test_a_definition_that_could_never_become_a_secret_is_refused_with_the_reason(
    deployed: TestCluster, namespace: str, spec: dict[str, Any], told: str
) -> None:
    with pytest.raises(ApiError) as refused:
        try_to_create(deployed.api, namespace, definition(**spec))

    assert refused.value.status == 422
    assert told in refused.value.message


def test_every_sample_is_accepted(deployed: TestCluster, namespace: str) -> None:
    for folder in (SAMPLES, SAMPLES / "kv1"):
        said = deployed.kubectl("apply", "-k", str(folder), "-n", namespace, "--dry-run=server")
        assert "created (server dry run)" in said


def test_kubectl_shows_the_secret_and_how_it_is(deployed: TestCluster, namespace: str) -> None:
    deployed.api.post(definitions(namespace), definition())
    stored = deployed.api.get(definitions(namespace, "app"))
    deployed.api.put(f"{definitions(namespace, 'app')}/status", {**stored, "status": STATUS})

    header, row = deployed.kubectl("get", "sd", "-n", namespace).splitlines()
    wide = deployed.kubectl("get", "secretdefinitions", "-n", namespace, "-o", "wide")

    assert header.split() == ["NAME", "SECRET", "READY", "REASON", "AGE"]
    assert row.split()[:-1] == ["app", "app", "False", "KeyNotFound"]
    assert CONDITION["message"] in wide


def test_status_and_spec_cannot_be_written_through_each_other(deployed: TestCluster, namespace: str) -> None:
    created = deployed.api.post(definitions(namespace), {**definition(), "status": STATUS})
    assert "status" not in created

    changed = {**created, "spec": {**created["spec"], "name": "other"}, "status": STATUS}
    stored = deployed.api.put(f"{definitions(namespace, 'app')}/status", changed)

    assert stored["status"] == STATUS
    assert stored["spec"]["name"] == "app"
    assert stored["metadata"]["generation"] == 1


def test_a_condition_without_a_reason_is_no_condition(deployed: TestCluster, namespace: str) -> None:
    created = deployed.api.post(definitions(namespace), definition())
    bad = {**created, "status": {"conditions": [{**CONDITION, "reason": ""}]}}

    with pytest.raises(ApiError) as refused:
        deployed.api.put(f"{definitions(namespace, 'app')}/status", bad)

    assert refused.value.status == 422
