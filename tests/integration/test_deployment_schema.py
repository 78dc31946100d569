"""The CRD on a real API server: it accepts good definitions, refuses bad ones with a reason, has a status."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.commands.schema.validation import schema_faults
from tests.integration.deployment_support import (
    CONDITION,
    SAMPLES,
    STATUS,
    definition,
    from_keys,
    from_source,
    from_whole,
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
        pytest.param({"suspend": True}, id="suspend"),
        pytest.param({"checks": {}}, id="no-checks"),
        pytest.param(
            {**from_keys("a", "b", "c"), "checks": {"a": "pem", "b": "json", "c": "nonEmpty"}}, id="checks"
        ),
        pytest.param({"onDelete": "Delete"}, id="delete"),
        pytest.param({"onDelete": "Retain"}, id="retain"),
        pytest.param({"onShrink": "Refuse"}, id="on-shrink"),
        pytest.param({"onSourceGone": "Delete"}, id="on-source-gone"),
        pytest.param({"refreshPeriod": "1s"}, id="shortest-refresh"),
        pytest.param({"refreshPeriod": "+167h59m59.9s"}, id="odd-refresh"),
        pytest.param({"refreshPeriod": "168h"}, id="longest-refresh"),
        pytest.param(from_keys("a", ".env", "A_b-c.9", "a..b", "k" * 253), id="keys"),
        pytest.param(from_keys(*(f"k{number}" for number in range(1000))), id="thousand-keys"),
        pytest.param({"backend": ""}, id="no-backend"),
        pytest.param({"backend": "eu-1", **from_source(backend="default")}, id="two-backends"),
        pytest.param(from_whole(backend="x" * 63), id="longest-backend"),
        pytest.param({"inputs": {"a": {"path": "p", "backend": "eu"}}}, id="backend-of-an-input"),
        pytest.param(from_source(encoding=""), id="encoding-empty"),
        pytest.param(from_source(encoding="text"), id="encoding-text"),
        pytest.param(from_source(encoding="base64"), id="encoding-base64"),
        pytest.param(from_source(key=""), id="empty-key"),
        pytest.param(from_source(optional=True), id="optional"),
        pytest.param(from_source(default=""), id="default"),
        pytest.param(from_source(default="eu", optional=False), id="default-and-not-optional"),
        pytest.param({"keysMap": None, "dataFrom": [{"path": "secret/data/app"}]}, id="whole-path"),
        pytest.param(from_whole(include=["DB_*"], exclude=["*_OLD"], optional=True), id="some-keys"),
        pytest.param(
            from_whole(rename={"stripPrefix": "a", "addPrefix": "", "case": "lower", "invalid": ""}),
            id="renamed-keys",
        ),
        pytest.param({"dataFrom": [{"path": f"p{number}"} for number in range(64)]}, id="64-whole-paths"),
        pytest.param(
            {"type": "kubernetes.io/tls", "keysMap": None, "dataFrom": [{"path": "tls"}]}, id="whole-tls"
        ),
        pytest.param({**from_whole(), "checks": {"any": "json"}}, id="check-of-a-key-of-a-whole-path"),
        pytest.param({"keysMap": None, "template": {"a": ""}}, id="only-templates"),
        pytest.param({"template": {"a": "x" * 65536}, "checks": {"a": "json"}}, id="long-template"),
        pytest.param(
            {"type": "kubernetes.io/basic-auth", "keysMap": None, "template": {"username": "{{ a }}"}},
            id="rendered-basic-auth",
        ),
        pytest.param(
            {"type": "kubernetes.io/tls", **from_keys("tls.crt"), "template": {"tls.key": "{{ a }}"}},
            id="half-rendered-tls",
        ),
        pytest.param({"inputs": {f"i{number}": {"path": "p"} for number in range(256)}}, id="256-inputs"),
        pytest.param(
            {
                "inputs": {
                    "a": {"path": "p", "key": "", "default": ""},
                    "b-c": {"path": "p", "optional": True},
                }
            },
            id="inputs",
        ),
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

    assert schema_faults(definition(**spec)) == [], "secrets-manager check says something else"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param({"name": ""}, "is not a valid Secret name", id="empty-name"),
        pytest.param({"name": "."}, "is not a valid Secret name", id="dot-name"),
        pytest.param({"name": "a/b"}, "is not a valid Secret name", id="slash-name"),
        pytest.param({"name": "App"}, "is not a valid Secret name", id="upper-case-name"),
        pytest.param({"name": "app\n"}, "is not a valid Secret name", id="name-with-line-break"),
        pytest.param({"name": "a" * 254}, "more than 253", id="long-name"),
        pytest.param({"name": None}, "spec.name: Required value", id="no-name"),
        pytest.param({"keysMap": None}, "needs keysMap, dataFrom or template", id="no-keysmap"),
        pytest.param({"suspend": "true"}, "must be of type boolean", id="suspend-text"),
        pytest.param({"checks": {"password": "xml"}}, "Unsupported value", id="check"),
        pytest.param({"checks": {"other": "json"}}, "neither keysMap nor template has", id="check-of-no-key"),
        pytest.param({"onDelete": "retain"}, "Unsupported value", id="on-delete"),
        pytest.param({"onShrink": "refuse"}, "Unsupported value", id="on-shrink"),
        pytest.param({"onSourceGone": "Retain"}, "Unsupported value", id="on-source-gone"),
        pytest.param({"refreshPeriod": "0.9s"}, "not a duration from 1s to 168h", id="short-refresh"),
        pytest.param({"refreshPeriod": "168h1s"}, "not a duration from 1s to 168h", id="long-refresh"),
        pytest.param({"refreshPeriod": "7d"}, "spec.refreshPeriod", id="refresh-in-days"),
        pytest.param({"refreshPeriod": ""}, "spec.refreshPeriod", id="empty-refresh"),
        pytest.param({"refreshPeriod": "9" * 39 + "h"}, "spec.refreshPeriod", id="endless-refresh"),
        pytest.param({"refreshPeriod": 60}, "must be of type string", id="refresh-number"),
        pytest.param({"backend": "EU"}, "spec.backend", id="backend-in-capitals"),
        pytest.param({"backend": "x" * 64}, "spec.backend", id="long-backend"),
        pytest.param({"backend": ["eu"]}, "must be of type string", id="list-of-backends"),
        pytest.param(from_source(backend="eu_1"), "backend: Invalid value", id="backend-of-a-key"),
        pytest.param(from_whole(backend="-eu"), "backend: Invalid value", id="backend-of-a-whole-path"),
        pytest.param(
            {"inputs": {"a": {"path": "p", "backend": "eu."}}},
            "backend: Invalid value",
            id="backend-of-input",
        ),
        pytest.param({"keysMap": []}, "must be of type object", id="list-keysmap"),
        pytest.param(from_keys("a/b"), "a key that is not a valid data key", id="slash-key"),
        pytest.param(from_keys("."), "a key that is not a valid data key", id="dot-key"),
        pytest.param(from_keys(".."), "a key that is not a valid data key", id="dots-key"),
        pytest.param(from_keys("..data"), "a key that is not a valid data key", id="leading-dots-key"),
        pytest.param(from_keys(""), "a key that is not a valid data key", id="empty-key"),
        pytest.param(from_keys("k" * 254), "a key that is not a valid data key", id="long-key"),
        pytest.param(from_source(encoding="Base64"), "Unsupported value", id="encoding"),
        pytest.param(from_source(optional="true"), "must be of type boolean", id="optional-text"),
        pytest.param(from_source(default=5432), "must be of type string", id="default-number"),
        pytest.param(from_source(optional=True, default=""), "both optional and default", id="contradiction"),
        pytest.param(from_whole(path=None), "path: Required value", id="whole-path-without-path"),
        pytest.param(from_whole(path="secret/data/../x"), "'..' segment", id="whole-path-with-dots"),
        pytest.param(from_whole(path="a\nb"), "control character", id="whole-path-with-line-break"),
        pytest.param(from_whole(include="*"), "must be of type array", id="one-pattern"),
        pytest.param(from_whole(include=["*"] * 65), "at most 64", id="many-patterns"),
        pytest.param(from_whole(rename={"case": "title"}), "Unsupported value", id="case"),
        pytest.param({"dataFrom": [{"path": "p"}] * 65}, "at most 64", id="many-whole-paths"),
        pytest.param({"dataFrom": {"path": "p"}}, "must be of type array", id="one-whole-path"),
        pytest.param({"inputs": {"a": {}}}, "path: Required value", id="input-without-path"),
        pytest.param({"inputs": {"a": {"path": "a/../b"}}}, "'..' segment", id="input-with-dots"),
        pytest.param({"inputs": {"a": {"path": "p", "default": ""}}}, "no key", id="default-of-a-map"),
        pytest.param({"inputs": {"data": {"path": "p"}}}, "the name data", id="input-data"),
        pytest.param({"inputs": {"password": {"path": "p"}}}, "a key of keysMap", id="input-as-key"),
        pytest.param({"inputs": {f"i{n}": {"path": "p"} for n in range(257)}}, "at most 256", id="inputs"),
        pytest.param({"template": {"a/b": ""}}, "a key that is not a valid data key", id="template-key"),
        pytest.param({"template": {"a": 3}}, "must be of type string", id="number-for-template"),
        pytest.param({"template": {"a": "x" * 65537}}, "more than 65536", id="too-long-template"),
        pytest.param(from_source(path=""), "at least 1 chars long", id="empty-path"),
        pytest.param(from_source(path="secret/data/../sys"), "'..' segment", id="dots-path"),
        pytest.param(from_source(path=".."), "'..' segment", id="only-dots-path"),
        pytest.param(from_source(path="secret/./data"), "'.' or '..' segment", id="dot-path"),
        pytest.param(from_source(path="secret/data/a\nb"), "control character", id="line-break-path"),
        pytest.param(from_source(path="secret/data/a\u0085b"), "control character", id="next-line-path"),
        pytest.param({"type": "kubernetes.io/service-account-token"}, "grants access", id="token-type"),
        pytest.param({"type": "bootstrap.kubernetes.io/token"}, "grants access", id="bootstrap-type"),
        pytest.param(
            {"type": "helm.sh/release.v1"}, "reserved for Secrets of Kubernetes or Helm", id="helm-type"
        ),
        pytest.param(
            {"type": "kubernetes.io/other"}, "reserved for Secrets of Kubernetes or Helm", id="reserved-type"
        ),
        pytest.param(
            {"type": "auth.k8s.io/other"},
            "reserved for Secrets of Kubernetes or Helm",
            id="reserved-subdomain",
        ),
        pytest.param({"type": "t" * 1025}, "more than 1024", id="long-type"),
        pytest.param({"name": "sh.helm.release.v1.app.v1"}, "reserved for releases of Helm", id="helm-name"),
        pytest.param(from_source(key="k" * 4097), "more than 4096", id="long-source-key"),
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
    assert schema_faults(definition(**spec)), "secrets-manager check lets it pass"


def test_every_sample_is_accepted(deployed: TestCluster, namespace: str) -> None:
    for folder in (SAMPLES, SAMPLES / "kv1"):
        said = deployed.kubectl("apply", "-k", str(folder), "-n", namespace, "--dry-run=server")
        assert "created (server dry run)" in said


def test_kubectl_shows_the_secret_and_its_state(deployed: TestCluster, namespace: str) -> None:
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
    assert created["status"] == {"observedGeneration": -1}

    changed = {**created, "spec": {**created["spec"], "name": "other"}, "status": STATUS}
    stored = deployed.api.put(f"{definitions(namespace, 'app')}/status", changed)

    assert stored["status"] == STATUS
    assert stored["spec"]["name"] == "app"
    assert stored["metadata"]["generation"] == 1


def test_the_status_may_list_one_path_of_two_backends(deployed: TestCluster, namespace: str) -> None:
    created = deployed.api.post(definitions(namespace), definition())
    sources = [{"path": "p", "version": "1"}, {"path": "p", "version": "2", "backend": "eu"}]
    body = {**created, "status": {**STATUS, "sources": sources}}

    stored = deployed.api.put(f"{definitions(namespace, 'app')}/status", body)

    assert stored["status"]["sources"] == sources


def test_a_condition_without_a_reason_is_refused(deployed: TestCluster, namespace: str) -> None:
    created = deployed.api.post(definitions(namespace), definition())
    bad = {**created, "status": {"conditions": [{**CONDITION, "reason": ""}]}}

    with pytest.raises(ApiError) as refused:
        deployed.api.put(f"{definitions(namespace, 'app')}/status", bad)

    assert refused.value.status == 422
