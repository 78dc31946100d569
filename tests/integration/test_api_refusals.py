"""What a real API server says when it refuses: we distinguish the cases and do not repeat its words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    AdmissionDenied,
    ClusterUnavailable,
    Forbidden,
    NamespaceTerminating,
    QuotaExceeded,
    RejectedByCluster,
    SecretsManagerError,
)
from secrets_manager.runtime.deadline import Watchdog
from tests.integration.api_client_support import inline
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import namespaces, secrets
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request, refused_port

CANARY = "canary-7d1f0c"
VALUE = "Y2FuYXJ5LTdkMWYwYw=="
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture
def open_api() -> Iterator[Callable[[Any], HttpKubernetesApi]]:
    opened: list[HttpKubernetesApi] = []

    def make(path: Any) -> HttpKubernetesApi:
        api = HttpKubernetesApi(Credentials(str(path)), Watchdog(), SilentCluster(), timeout=20)
        opened.append(api)
        return api

    yield make
    for api in opened:
        api.close()


@pytest.fixture
def api(cluster: TestCluster, open_api: Callable[[Any], HttpKubernetesApi]) -> HttpKubernetesApi:
    return open_api(cluster.kubeconfig)


def body(name: str = "app", **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": VALUE}, **more}


def refusal(call: Callable[[], object]) -> SecretsManagerError:
    """The error that the call ends in; it shows nothing of the object."""
    with pytest.raises(SecretsManagerError) as caught:
        call()
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__dict__}"
    assert CANARY not in shown
    assert VALUE not in shown
    return caught.value


def eventually(call: Callable[[], object], kind: type[SecretsManagerError]) -> SecretsManagerError:
    """The refusal of that kind, once the policy or webhook is in effect."""

    def refused() -> SecretsManagerError | None:
        try:
            call()
        except SecretsManagerError as error:
            return error if isinstance(error, kind) else None
        return None

    wait_until(refused, 30, kind.__name__, poll=0.2)
    error = refusal(call)
    assert type(error) is kind
    return error


def test_a_missing_right_names_the_rule_that_is_missing(
    cluster: TestCluster, namespace: str, open_api: Callable[[Any], HttpKubernetesApi]
) -> None:
    nobody = open_api(cluster.service_account(namespace, "nobody").kubeconfig)
    error = refusal(lambda: nobody.create(SECRETS, namespace, body()))

    assert type(error) is Forbidden
    assert (
        error.message
        == f"RBAC does not grant the daemon verb 'create' on 'secrets' in namespace '{namespace}'"
    )


def test_a_full_quota_is_recognised_and_named(
    cluster: TestCluster, namespace: str, api: HttpKubernetesApi
) -> None:
    cluster.api.post(
        f"{namespaces(namespace)}/resourcequotas",
        {"metadata": {"name": "none.left"}, "spec": {"hard": {"count/secrets": "0"}}},
    )
    error = eventually(lambda: api.create(SECRETS, namespace, body()), QuotaExceeded)

    assert "'none.left'" in error.message


def test_a_namespace_that_is_being_deleted_is_recognised(
    cluster: TestCluster, api: HttpKubernetesApi
) -> None:
    going = cluster.create_namespace()
    keep = {"metadata": {"name": "keep", "finalizers": ["contract.test/keep"]}}
    made = cluster.api.post(secrets(going), keep)
    cluster.delete_namespace(going)
    eventually(lambda: api.create(SECRETS, going, body()), NamespaceTerminating)
    newest = cluster.api.get(secrets(going, "keep"))
    cluster.api.put(secrets(going, "keep"), {**newest, "metadata": {**newest["metadata"], "finalizers": []}})

    assert made["metadata"]["name"] == "keep"


@pytest.mark.parametrize("reason", ["Invalid", "Forbidden", "RequestEntityTooLarge"])
def test_a_policy_that_quotes_the_value_is_named_and_not_quoted(
    reason: str, cluster: TestCluster, namespace: str, api: HttpKubernetesApi
) -> None:
    name = f"no-{reason.lower()}-{namespace}"
    only_here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    quoting = {
        "expression": "!has(object.data)",
        "messageExpression": "'saw ' + string(object.data['a'])",
        "reason": reason,
    }
    cluster.api.post(
        f"{ADMISSION}/validatingadmissionpolicies",
        {
            "metadata": {"name": name},
            "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [quoting]},
        },
    )
    cluster.api.post(
        f"{ADMISSION}/validatingadmissionpolicybindings",
        {
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": only_here},
            },
        },
    )
    numbers = iter(range(1000))
    error = eventually(lambda: api.create(SECRETS, namespace, body(f"app-{next(numbers)}")), AdmissionDenied)
    cluster.api.delete(f"{ADMISSION}/validatingadmissionpolicybindings/{name}")
    cluster.api.delete(f"{ADMISSION}/validatingadmissionpolicies/{name}")

    assert f"'{name}'" in error.message


class Webhook:
    """A validating webhook of one namespace."""

    def __init__(self, cluster: TestCluster, namespace: str, url: str, authority: Authority) -> None:
        self._cluster = cluster
        self._path = f"{ADMISSION}/validatingwebhookconfigurations"
        self.name = f"scan.{namespace}.test"
        hook = {
            "name": self.name,
            "clientConfig": {"url": url, "caBundle": inline(authority.ca_file)},
            "rules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        }
        cluster.api.post(self._path, {"metadata": {"name": self.name}, "webhooks": [hook]})

    def remove(self) -> None:
        self._cluster.api.delete(f"{self._path}/{self.name}")


@pytest.mark.parametrize("code", [None, 403, 409, 422, 500])
def test_a_webhook_that_echoes_the_object_is_named_and_not_echoed(
    code: int | None, cluster: TestCluster, namespace: str, api: HttpKubernetesApi, authority: Authority
) -> None:
    def deny(connection: Connection, received: Received) -> None:
        review = json.loads(received.body)
        status = {"message": f"{CANARY} {json.dumps(review)}", **({"code": code} if code else {})}
        answer = {"uid": review["request"]["uid"], "allowed": False, "status": status}
        connection.reply_json(
            200, {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        )

    with Loopback(each_request(deny), tls=authority.issue("127.0.0.1")) as server:
        hook = Webhook(cluster, namespace, server.url, authority)
        numbers = iter(range(1000))
        error = eventually(
            lambda: api.create(SECRETS, namespace, body(f"app-{next(numbers)}")), AdmissionDenied
        )
        hook.remove()

    assert f"'{hook.name}'" in error.message


def test_a_webhook_that_is_down_is_a_temporary_error(
    cluster: TestCluster, namespace: str, api: HttpKubernetesApi, authority: Authority
) -> None:
    hook = Webhook(cluster, namespace, f"https://127.0.0.1:{refused_port()}", authority)
    numbers = iter(range(1000))
    error = eventually(
        lambda: api.create(SECRETS, namespace, body(f"app-{next(numbers)}")), ClusterUnavailable
    )
    hook.remove()

    assert "answered 500" in error.message


def test_the_error_for_an_invalid_object_names_only_the_fields(
    namespace: str, api: HttpKubernetesApi
) -> None:
    broken = body(data={"tls.crt": VALUE, f"no {CANARY}": VALUE}, type="kubernetes.io/tls")
    error = refusal(lambda: api.create(SECRETS, namespace, broken))

    assert type(error) is RejectedByCluster
    assert "data[tls.key]" in error.message


def test_a_definition_that_the_schema_refuses_is_rejected(
    definitions_api: TestCluster, namespace: str, api: HttpKubernetesApi
) -> None:
    wanting = {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": "app"},
        "spec": {"name": CANARY, "keysMap": 3},
    }
    error = refusal(lambda: api.create(DEFINITIONS, namespace, wanting))

    assert type(error) is RejectedByCluster
    assert "spec.keysMap" in error.message


def test_a_refused_object_is_not_written(
    cluster: TestCluster, namespace: str, api: HttpKubernetesApi
) -> None:
    refusal(lambda: api.replace(SECRETS, Ref(namespace, "app"), body()))

    assert cluster.api.list(secrets(namespace)) == []
