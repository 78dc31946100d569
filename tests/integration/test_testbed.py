"""The test bed itself: its servers are the real ones and behave like them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, KubeApi, namespaces, secrets
from tests.testbed.kubectl import KubectlError
from tests.testbed.openbao import BaoError, OpenBao
from tests.testbed.pki import Authority
from tests.testbed.quotas import no_more_secrets
from tests.testbed.waiting import wait_until

READ_SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}


def a_secret(name: str, **data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


class TestTheCluster:
    def test_the_cluster_has_the_version_that_was_asked_for(self, cluster: TestCluster) -> None:
        assert cluster.api.get("/version")["gitVersion"] == "v1.36.3"

    def test_an_object_comes_back_as_it_was_stored(self, cluster: TestCluster, namespace: str) -> None:
        cluster.api.post(secrets(namespace), a_secret("stored", key="value"))

        assert cluster.api.secret_data(namespace, "stored") == {"key": b"value"}

    def test_a_replace_with_an_old_resource_version_is_refused(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        first = cluster.api.post(secrets(namespace), a_secret("fought-over", key="1"))
        cluster.api.put(secrets(namespace, "fought-over"), {**first, "data": {}})

        with pytest.raises(ApiError) as refused:
            cluster.api.put(secrets(namespace, "fought-over"), first)

        assert (refused.value.status, refused.value.reason) == (409, "Conflict")

    def test_a_service_account_may_do_what_its_rules_say_and_nothing_else(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        account = cluster.service_account(namespace, "reader", rules=[READ_SECRETS])
        client = cluster.client(account.token)

        assert client.list(secrets(namespace)) == []
        with pytest.raises(ApiError) as refused:
            client.post(secrets(namespace), a_secret("unwanted"))
        assert refused.value.status == 403

    def test_a_token_passes_the_token_review(self, cluster: TestCluster, namespace: str) -> None:
        account = cluster.service_account(namespace, "reviewed")
        review = {"spec": {"token": account.token}}

        answer = cluster.api.post("/apis/authentication.k8s.io/v1/tokenreviews", review)

        assert answer["status"]["user"]["username"] == f"system:serviceaccount:{namespace}:reviewed"

    def test_the_garbage_collector_deletes_what_an_owner_leaves_behind(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        owner = cluster.api.post(secrets(namespace), a_secret("owner"))
        owned = a_secret("owned")
        reference = {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": owner["metadata"]["uid"]}
        owned["metadata"]["ownerReferences"] = [reference]
        cluster.api.post(secrets(namespace), owned)

        cluster.api.delete(secrets(namespace, "owner"))

        wait_until(lambda: cluster.api.find(secrets(namespace, "owned")) is None, 30, "the owned Secret gone")

    def test_a_deleted_namespace_takes_its_objects_along(self, cluster: TestCluster) -> None:
        name = cluster.create_namespace()
        cluster.api.post(secrets(name), a_secret("inside"))

        cluster.delete_namespace(name, wait=True)

        assert cluster.api.find(namespaces(name)) is None
        assert cluster.api.find(secrets(name, "inside")) is None

    def test_a_quota_is_enforced(self, cluster: TestCluster, namespace: str) -> None:
        no_more_secrets(cluster.api, namespace, "full")

        with pytest.raises(ApiError, match="exceeded quota: full"):
            cluster.api.post(secrets(namespace), a_secret("one-too-many"))

    def test_a_watch_reports_a_change(self, cluster: TestCluster, namespace: str) -> None:
        version = cluster.api.get(secrets(namespace))["metadata"]["resourceVersion"]

        with cluster.api.watch(secrets(namespace), resourceVersion=version) as events:
            cluster.api.post(secrets(namespace), a_secret("watched"))
            event = next(events)

        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "watched")

    def test_kubectl_applies_objects_and_says_why_it_failed(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        applied = a_secret("applied", key="value")
        applied["metadata"]["namespace"] = namespace
        cluster.apply([applied])

        assert cluster.kubectl("get", "secret", "-n", namespace, "-o", "name") == "secret/applied\n"
        with pytest.raises(KubectlError, match="not found"):
            cluster.kubectl("get", "secret", "absent", "-n", namespace)

    def test_the_audit_log_counts_calls_by_verb_and_resource(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        account = cluster.service_account(namespace, "counted", rules=[READ_SECRETS])
        user = f"system:serviceaccount:{namespace}:counted"
        client = cluster.client(account.token)
        for _ in range(3):
            client.list(secrets(namespace))
        client.find(secrets(namespace, "absent"))

        def counted() -> bool:
            counts = cluster.audit_counts(user)
            return counts["list", "secrets"] == 3 and counts["get", "secrets"] == 1

        wait_until(counted, what="the calls in the audit log")

    def test_the_cluster_keeps_its_objects_over_a_restart_of_the_api_server(
        self, cluster: TestCluster, namespace: str
    ) -> None:
        cluster.api.post(secrets(namespace), a_secret("kept", key="value"))

        cluster.stop_apiserver()
        with pytest.raises(urllib3.exceptions.HTTPError):
            cluster.api.get("/version")
        cluster.start_apiserver()

        assert cluster.api.secret_data(namespace, "kept") == {"key": b"value"}

    def test_a_frozen_api_server_answers_nothing_until_it_is_thawed(self, cluster: TestCluster) -> None:
        cluster.pause_apiserver()
        try:
            with (
                urllib3.PoolManager(ca_certs=str(cluster.ca_file), retries=False, timeout=0.2) as http,
                pytest.raises(urllib3.exceptions.TimeoutError),
            ):
                http.request("GET", cluster.url)
        finally:
            cluster.resume_apiserver()

        assert cluster.api.get("/version")


class TestOpenBao:
    def test_an_approle_reads_what_its_policy_allows(self, openbao: OpenBao, kv_prefix: str) -> None:
        openbao.write_kv2(f"{kv_prefix}/app", {"password": "p"})
        policy = openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")
        role = openbao.approle(kv_prefix, [policy])

        login = {"role_id": role.role_id, "secret_id": role.secret_id}
        token = openbao.request("POST", "auth/approle/login", login, token="")["auth"]["client_token"]

        answer = openbao.request("GET", f"secret/data/{kv_prefix}/app", token=token)
        assert answer["data"]["data"] == {"password": "p"}
        with pytest.raises(BaoError) as refused:
            openbao.request("GET", "secret/data/elsewhere", token=token)
        assert refused.value.status == 403

    def test_a_secret_id_can_be_of_a_single_use(self, openbao: OpenBao, kv_prefix: str) -> None:
        role = openbao.approle(kv_prefix, [])
        login = {"role_id": role.role_id, "secret_id": openbao.secret_id(kv_prefix, num_uses=1)}
        openbao.request("POST", "auth/approle/login", login, token="")

        with pytest.raises(BaoError) as refused:
            openbao.request("POST", "auth/approle/login", login, token="")

        assert refused.value.status == 400

    def test_a_service_account_logs_in_by_the_clusters_token_review(
        self, openbao: OpenBao, cluster: TestCluster, namespace: str, kv_prefix: str
    ) -> None:
        openbao.configure_kubernetes_auth(cluster)
        account = cluster.service_account(namespace, "app")
        policy = openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")
        openbao.kubernetes_role(kv_prefix, service_account="app", namespace=namespace, policies=[policy])

        login = {"role": kv_prefix, "jwt": account.token}
        auth = openbao.request("POST", "auth/kubernetes/login", login, token="")["auth"]

        assert policy in auth["policies"]

    def test_versions_are_deleted_and_destroyed_apart(self, openbao: OpenBao, kv_prefix: str) -> None:
        first = openbao.write_kv2(kv_prefix, {"v": "1"})
        assert openbao.write_kv2(kv_prefix, {"v": "2"}) == first + 1

        openbao.delete_kv2(kv_prefix)
        with pytest.raises(BaoError) as deleted:
            openbao.request("GET", f"secret/data/{kv_prefix}")
        openbao.destroy_kv2(kv_prefix, [first])
        with pytest.raises(BaoError) as destroyed:
            openbao.request("GET", f"secret/data/{kv_prefix}?version=1")
        openbao.purge_kv2(kv_prefix)
        with pytest.raises(BaoError) as purged:
            openbao.request("GET", f"secret/metadata/{kv_prefix}")

        assert [each.value.status for each in (deleted, destroyed, purged)] == [404, 404, 404]

    def test_values_as_large_as_tests_have_are_stored(self, openbao: OpenBao, kv_prefix: str) -> None:
        large = {"text": "x" * 1_100_000, "list": [0] * 20_000}

        openbao.write_kv2(kv_prefix, large)

        assert openbao.request("GET", f"secret/data/{kv_prefix}")["data"]["data"] == large

    def test_the_old_engine_stores_values_as_they_are(self, openbao: OpenBao, kv_prefix: str) -> None:
        openbao.write_kv1(kv_prefix, {"number": 1, "text": "t"})

        assert openbao.request("GET", f"kv1/{kv_prefix}")["data"] == {"number": 1, "text": "t"}
        openbao.delete_kv1(kv_prefix)
        with pytest.raises(BaoError):
            openbao.request("GET", f"kv1/{kv_prefix}")

    def test_a_revoked_token_is_dead(self, openbao: OpenBao) -> None:
        token = openbao.create_token(["default"], ttl="1h")
        assert openbao.lookup(token)["ttl"] > 3500

        openbao.revoke(token)

        with pytest.raises(BaoError):
            openbao.lookup(token)

    @pytest.mark.usefixtures("vault_namespaces")
    def test_namespaces_keep_their_values_apart(self, openbao: OpenBao, kv_prefix: str) -> None:
        openbao.create_namespace(kv_prefix)
        mount = {"type": "kv", "options": {"version": "2"}}
        openbao.request("POST", "sys/mounts/secret", mount, namespace=kv_prefix)
        openbao.write_kv2("only-there", {"v": "1"}, namespace=kv_prefix)

        with pytest.raises(BaoError):
            openbao.request("GET", "secret/data/only-there")

    def test_the_audit_log_of_openbao_counts_reads(self, openbao: OpenBao, kv_prefix: str) -> None:
        openbao.write_kv2(kv_prefix, {"v": "1"})
        for _ in range(3):
            openbao.request("GET", f"secret/data/{kv_prefix}")

        assert openbao.reads(f"secret/data/{kv_prefix}") == 3

    def test_openbao_answers_503_while_sealed_and_keeps_values_over_a_restart(
        self, openbao_server: Callable[..., OpenBao]
    ) -> None:
        server = openbao_server()
        server.write_kv2("kept", {"v": "1"})

        server.seal()
        assert server.is_sealed()
        with pytest.raises(BaoError) as sealed:
            server.request("GET", "secret/data/kept")
        server.stop()
        with pytest.raises(urllib3.exceptions.HTTPError):
            server.is_sealed()
        server.start()
        assert server.is_sealed()
        server.unseal()

        assert sealed.value.status == 503
        assert server.request("GET", "secret/data/kept")["data"]["data"] == {"v": "1"}

    def test_a_frozen_openbao_answers_nothing_until_it_is_thawed(
        self, openbao_server: Callable[..., OpenBao]
    ) -> None:
        server = openbao_server()

        server.pause()
        with pytest.raises(urllib3.exceptions.TimeoutError):
            urllib3.request("GET", f"{server.url}/v1/sys/health", timeout=0.2, retries=False)
        server.resume()

        assert not server.is_sealed()

    def test_openbao_serves_tls_with_a_certificate_of_our_authority(
        self, openbao_server: Callable[..., OpenBao], authority: Authority
    ) -> None:
        server = openbao_server(tls=authority.issue("127.0.0.1"), ca_file=authority.ca_file)

        assert server.url.startswith("https://")
        assert not server.is_sealed()
        with (
            urllib3.PoolManager(retries=False) as distrustful,
            pytest.raises(urllib3.exceptions.SSLError),
        ):
            distrustful.request("GET", f"{server.url}/v1/sys/health")


def test_a_client_without_trust_in_the_authority_is_turned_away(
    cluster: TestCluster, authority: Authority
) -> None:
    stranger = KubeApi(cluster.url, authority.ca_file, cluster.admin_token)

    with pytest.raises(urllib3.exceptions.SSLError):
        stranger.get("/version")
