"""The schema of the values names what is wrong: a misspelt key in any table, a wrong type in any place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from secrets_manager.settings import BACKENDS
from tests.integration.chart_support import chart, chart_or_refusal
from tests.integration.schema_walk import MISSPELT
from tests.integration.test_chart_values import DEFAULTS, WALK
from tests.testbed.helm_cli import Helm, HelmError

BACKEND = "/settings/backends/chosen"

# Where any key may stand: a map of texts, an object of Kubernetes, a plug-in's own settings.
OPEN = {
    *("/global", "/extraObjects/0", "/extraObjects/0/metadata", "/extraVolumes/0", BACKEND),
    *(f"/affinity/{kind}" for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity")),
    *("/nodeSelector", "/podLabels", "/podAnnotations", "/commonLabels"),
    *("/serviceAccount/annotations", "/service/annotations"),
    *("/serviceMonitor/labels", "/prometheusRule/labels", "/dashboard/labels", "/dashboard/annotations"),
}


def _refusal(helm: Helm, values: dict[str, Any]) -> str:
    with pytest.raises(HelmError) as refused:
        chart(helm, values)
    return refused.value.stderr


def test_a_misspelt_key_is_refused_by_name_in_every_table(helm: Helm) -> None:
    values, closed, opened = WALK.misspelt()
    told = _refusal(helm, values)

    for place in closed:
        assert f"at '{place}': additional properties '{MISSPELT}' not allowed" in told, place
    assert {place for place in opened if not place.endswith("/matchLabels")} == OPEN


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_misspelt_key_of_a_backend_with_a_name_is_refused_by_name(helm: Helm, kind: str) -> None:
    told = _refusal(helm, {"settings": {"backends": {"eu": {"kind": kind, MISSPELT: "x"}}}})

    assert f"at '/settings/backends/eu': additional properties '{MISSPELT}' not allowed" in told


def test_a_value_of_another_type_is_refused_by_its_place(helm: Helm) -> None:
    values, places = WALK.mistyped()
    told = _refusal(helm, values)

    assert [place for place in places if f"at '{place}': " not in told] == []
    assert len(places) > 150


def test_a_text_in_the_place_of_a_table_or_a_list_is_refused_by_its_place(helm: Helm) -> None:
    tables = [
        name for name, schema in WALK.root["properties"].items() if schema.get("type") in {"object", "array"}
    ]
    told = _refusal(helm, dict.fromkeys(tables, "text") | {"settings": "text"})

    for name in (*tables, "settings"):
        assert f"at '/{name}': got string, want" in told, name


@pytest.mark.parametrize("name", [value.name for value in DEFAULTS])
def test_null_is_refused_by_name_or_means_nothing(helm: Helm, name: str) -> None:
    *tables, key = name.split(".")
    values: Any = {key: None}
    for table in reversed(tables):
        values = {table: values}
    objects, told = chart_or_refusal(helm, values)

    assert objects or re.search(rf"missing propert\w+ .*'{key}'", told), told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"replicas": "2"}, "at '/replicas': got string, want integer"),
        ({"namespaces": ["Team_A"]}, "at '/namespaces/0': 'Team_A' does not match pattern"),
        ({"namespaces": "team-a"}, "at '/namespaces': got string, want array"),
        ({"settings": {"vault": {"engine": "kv3"}}}, "at '/settings/vault/engine': value must be one of"),
        (
            {"settings": {"reconcile-period": "5"}},
            "at '/settings/reconcile-period': '5' does not match pattern",
        ),
        (
            {"settings": {"reconcile-period": 5}},
            "at '/settings/reconcile-period': got number, want null or string",
        ),
        (
            {"settings": {"vault": {"max-token-ttl": "300"}}},
            "/max-token-ttl': got string, want null or integer",
        ),
        ({"settings": {"once": True}}, "additional properties 'once' not allowed"),
        ({"settings": {"metrics-addr": ":9"}}, "additional properties 'metrics-addr' not allowed"),
        ({"settings": {"watch-namespaces": ["a"]}}, "additional properties 'watch-namespaces' not allowed"),
        ({"settings": {"vault": {"skip_verify": True}}}, "additional properties 'skip_verify' not allowed"),
        ({"settings": {"backends": {"a--b": {"kind": "vault"}}}}, "additional properties 'a--b' not allowed"),
        ({"image": {"tag": "v1 "}}, "at '/image/tag': 'v1 ' does not match pattern"),
        ({"image": {"repository": "a.test/b:1.0"}}, "at '/image/repository': 'a.test/b:1.0' does not match"),
        ({"image": {"repository": "a.test/B"}}, "at '/image/repository': 'a.test/B' does not match pattern"),
        ({"commonLabels": {"team": "a b"}}, "at '/commonLabels/team': 'a b' does not match pattern"),
        ({"podLabels": {"team": "a" * 64}}, "at '/podLabels/team': maxLength: got 64, want 63"),
        ({"nodeSelector": {"Ex.test/a": "b"}}, "at '/nodeSelector': additional properties 'Ex.test/a' not"),
        ({"podAnnotations": {"a b": "c"}}, "at '/podAnnotations': additional properties 'a b' not"),
        (
            {"resources": {"limits": {"memory": "512MB"}}},
            "at '/resources/limits/memory': '512MB' does not match",
        ),
        (
            {"topologySpread": {"topologyKey": "a b"}},
            "at '/topologySpread/topologyKey': 'a b' does not match",
        ),
        ({"serviceMonitor": {"interval": "30s1m"}}, "at '/serviceMonitor/interval': '30s1m' does not match"),
        (
            {"mountedSecrets": {"eu": {"secretName": "a", "keys": ["..a"]}}},
            "at '/mountedSecrets/eu/keys/0': '..a' does not match pattern",
        ),
        ({"extraPodSpec": {"hostNetwork": True}}, "additional properties 'hostNetwork' not allowed"),
        ({"mountedSecrets": {"vault-ca": {"secretName": "a"}}}, "at '/mountedSecrets/vault-ca'"),
        ({"extraEnv": [{"name": "A"}]}, "at '/extraEnv/0'"),
        ({"extraObjects": [{"kind": "ConfigMap"}]}, "missing properties 'apiVersion', 'metadata'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_with_its_place(helm: Helm, values: dict[str, Any], told: str) -> None:
    assert told in _refusal(helm, values)


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────

CANARY = "canary-4711"
# Tables of a plug-in with a credential in them.
PLUGGED: list[dict[str, Any]] = [
    *({key: CANARY} for key in ("password", "token", "api-key", "secret-access-key", "bot_token")),
    {"login": {"PASSWORD": CANARY}},
    {"address": f"amqp://user:{CANARY}@queue"},
    {"hosts": ["a", f"https://{CANARY}@b"]},
]


@pytest.mark.parametrize(
    "values",
    [
        *({"settings": {"vault": {key: CANARY}}} for key in ("role-id", "secret-id", "password")),
        {"settings": {"vault": {"aws-secret-access-key": CANARY}}},
        {"settings": {"azure-kv": {"client-secret": CANARY}}},
        {"settings": {"backends": {"eu": {"kind": "vault", "secret-id": CANARY}}}},
        {"settings": {"vault": {"https-proxy": f"http://user:{CANARY}@proxy.example.test"}}},
        {"settings": {"backends": {"eu": {"kind": "vault", "http-proxy": f"http://user:{CANARY}@proxy"}}}},
        {"settings": {"vault": {"url": f"https://user:{CANARY}@vault.example.test:8200"}}},
        {"settings": {"vault": {"http-proxy": f"user:{CANARY}@proxy:3128"}}},
        {"settings": {"backends": {"eu": {"kind": "azure-kv", "url": f"https://{CANARY}@a.example.test"}}}},
        *(
            {"plugins": ["other"], "settings": {"backends": {"eu": {"kind": "other", **table}}}}
            for table in PLUGGED
        ),
        *(
            {"extraEnv": [{"name": name, "value": CANARY}]}
            for name in (
                "VAULT_SECRET_ID",
                "AWS_SECRET_ACCESS_KEY",
                "SECRETS_MANAGER_AZURE_KV__CLIENT_SECRET",
                "VAULT_TOKEN",
                "AZURE_PASSWORD",
                "SECRETS_MANAGER_BACKENDS__EU__SECRET_ACCESS_KEY",
            )
        ),
        {"extraEnv": [{"name": "SECRETS_MANAGER_BACKENDS__TEAM_A__PASSWORD", "value": CANARY}]},
        {"extraEnv": [{"name": "https_proxy", "value": f"http://user:{CANARY}@proxy"}]},
        {"extraEnv": [{"name": "VAULT_ADDR", "value": f"https://user:{CANARY}@vault"}]},
    ],
    ids=str,
)
def test_a_credential_in_the_values_is_refused_and_not_shown(helm: Helm, values: dict[str, Any]) -> None:
    told = _refusal(helm, values)

    assert CANARY not in told
    assert re.search(r"not allowed|holds a (credential|password|user or password)", told)


def test_what_only_looks_like_a_credential_is_taken(helm: Helm) -> None:
    proxy = "http://proxy.example.test:3128"
    plugged = {"kind": "other", "token-file": "/a", "secret-name": "a", "token": "", "at": "https://a/b@c"}
    settings = {"vault": {"https-proxy": proxy, "username": "a@b"}, "backends": {"eu": plugged}}
    of_secret = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    environment = [
        {"name": "HTTPS_PROXY", "value": proxy},
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/a"},
        *({"name": name, **of_secret} for name in ("VAULT_SECRET_ID", "SECRETS_MANAGER_VAULT__HTTPS_PROXY")),
    ]

    chart(helm, {"plugins": ["other"], "settings": settings, "extraEnv": environment})


# ── what contradicts another value, or would stop the API server midway ──────────────────────────────

ACCOUNT_LOGIN = {"vault": {"kubernetesAuth": {"enabled": True}}}
DECIDED = ("ENABLE_LEADER_ELECTION", "WATCH_NAMESPACES", "ELECTION__LEASE_NAME", "METRICS_ADDR", "CONFIG")


def _env(*names: str) -> dict[str, Any]:
    return {"extraEnv": [{"name": name, "value": "x"} for name in names]}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        *(
            (
                {**ACCOUNT_LOGIN, "settings": {"vault": {key: word}}},
                f"settings.vault.{key}: vault.kubernetesAuth says this, too",
            )
            for key, word in (
                ("auth-method", "jwt"),
                ("kubernetes-role", "a"),
                ("kubernetes-token-file", "a"),
            )
        ),
        (
            {"vault": {"caConfigMap": "ca"}, "settings": {"vault": {"ca-cert": "/ca.crt"}}},
            "settings.vault.ca-cert: vault.caConfigMap says this, too",
        ),
        (
            {"statusPage": {"enabled": True}, "settings": {"status-addr": ":9000"}},
            "settings.status-addr: statusPage says this, too",
        ),
        (
            {**ACCOUNT_LOGIN, **_env("SECRETS_MANAGER_VAULT__AUTH_METHOD")},
            "extraEnv: SECRETS_MANAGER_VAULT__AUTH_METHOD is there twice, or another value",
        ),
        (
            {"serviceAccount": {"create": False, "name": "robot", "annotations": {"a": "b"}}},
            "serviceAccount.annotations: the account is not made here; annotate it where it is",
        ),
        (_env("A", "B", "A"), "extraEnv: A is there twice"),
        *(
            (_env(f"SECRETS_MANAGER_{name}"), f"extraEnv: SECRETS_MANAGER_{name} may not be there")
            for name in DECIDED
        ),
        (
            {"extraVolumes": [{"name": "settings", "emptyDir": {}}]},
            "two volumes have the name settings: mountedSecrets makes FOLDER",
        ),
        (
            {
                "mountedSecrets": {"eu-token": {"secretName": "a"}},
                "serviceAccountTokens": {"eu": {"audience": "a"}},
            },
            "two volumes have the name eu-token: mountedSecrets makes FOLDER, serviceAccountTokens NAME",
        ),
        (
            {"extraVolumeMounts": [{"name": "settngs", "mountPath": "/a"}]},
            "extraVolumeMounts: there is no volume settngs; make it in extraVolumes",
        ),
        (
            {"extraVolumeMounts": [{"name": "settings", "mountPath": "/etc/secrets-manager/credentials/"}]},
            "extraVolumeMounts: something is mounted at /etc/secrets-manager/credentials/ already",
        ),
    ],
    ids=str,
)
def test_what_cannot_stand_together_is_refused_with_its_names(
    helm: Helm, values: dict[str, Any], told: str
) -> None:
    assert told in _refusal(helm, values)
