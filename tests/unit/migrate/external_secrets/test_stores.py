"""What a store of External Secrets becomes: a backend, a mount, and who could use it."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.commands.migrate.writing import settings_of
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import Plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.results import Backend, Inline, Mounted
from tests.unit.migrate.objects import external_secret, plan_of, report_of, vault_store

REF = {"name": "login", "key": "part", "namespace": "logins"}
LOGIN = Mounted("Secret", "logins", "login", "part")


def planned(store: Json, *others: Json) -> Plan:
    namespace = store["metadata"].get("namespace", "")
    ref = {"name": store["metadata"]["name"], "kind": store["kind"]}
    data = [{"secretKey": "PASSWORD", "remoteRef": {"key": "db", "property": "password"}}]
    body = external_secret(namespace=namespace or "shop", secretStoreRef=ref, data=data)
    return plan_of(store, body, *others)


def backend_of(store: Json) -> Backend:
    made = planned(store)
    assert report_of(made, store["metadata"]["name"]).verdict is not Verdict.REFUSED, made.reports
    (found,) = made.backends.values()
    return found


def refusal_of(store: Json) -> str:
    made = planned(store)
    assert made.definitions == ()
    assert "which is refused itself" in str(report_of(made, "db").remarks[0])
    return str(report_of(made, store["metadata"]["name"]).remarks[-1])


@pytest.mark.parametrize(
    ("auth", "settings"),
    [
        ({"tokenSecretRef": REF}, {"auth-method": "token", "token-file": LOGIN}),
        (
            {"appRole": {"path": "approle", "roleId": "r", "secretRef": REF}},
            {"auth-method": "approle", "role-id": "r", "secret-id-file": LOGIN},
        ),
        (
            {"appRole": {"path": "other/", "roleRef": REF, "secretRef": REF}},
            {
                "auth-method": "approle",
                "approle-path": "other",
                "role-id-file": LOGIN,
                "secret-id-file": LOGIN,
            },
        ),
        (
            {"kubernetes": {"mountPath": "k8s", "role": "r", "serviceAccountRef": {"name": "a"}}},
            {"auth-method": "kubernetes", "kubernetes-role": "r", "kubernetes-path": "k8s"},
        ),
        (
            {"kubernetes": {"mountPath": "/eu/k8s/", "role": "r", "serviceAccountRef": {"name": "a"}}},
            {"auth-method": "kubernetes", "kubernetes-role": "r", "kubernetes-path": "eu/k8s"},
        ),
        (
            {
                "kubernetes": {
                    "mountPath": "kubernetes",
                    "role": "r",
                    "serviceAccountRef": {"name": "a"},
                    "secretRef": REF,
                }
            },
            {"auth-method": "kubernetes", "kubernetes-role": "r"},
        ),
        (
            {"kubernetes": {"mountPath": "kubernetes", "role": "r", "secretRef": REF}},
            {"auth-method": "kubernetes", "kubernetes-role": "r", "kubernetes-token-file": LOGIN},
        ),
        (
            {"jwt": {"path": "jwt", "role": "r", "secretRef": REF}},
            {"auth-method": "jwt", "jwt-role": "r", "jwt-file": LOGIN},
        ),
        ({"jwt": {"path": "oidc"}}, {"auth-method": "jwt", "jwt-path": "oidc"}),
        (
            {"userPass": {"path": "userpass", "username": "u", "secretRef": REF}},
            {"auth-method": "userpass", "username": "u", "password-file": LOGIN},
        ),
        (
            {"ldap": {"path": "ad", "username": "u", "secretRef": REF}},
            {"auth-method": "ldap", "ldap-path": "ad", "username": "u", "password-file": LOGIN},
        ),
        (
            {"cert": {"clientCert": REF, "secretRef": {**REF, "key": "k"}}},
            {
                "auth-method": "cert",
                "client-cert": LOGIN,
                "client-key": Mounted("Secret", "logins", "login", "k"),
            },
        ),
        (
            {"iam": {"vaultRole": "r", "region": "eu-west-1", "vaultAwsIamServerID": "h"}},
            {"auth-method": "aws", "aws-role": "r", "aws-region": "eu-west-1", "aws-header-value": "h"},
        ),
        ({"gcp": {"role": "r", "path": "gcp"}}, {"auth-method": "gcp", "gcp-role": "r"}),
    ],
)
def test_each_login_becomes_that_of_a_backend(auth: Json, settings: Json) -> None:
    assert backend_of(vault_store(auth=auth)).settings == {
        "url": "https://vault.example.test:8200",
        **settings,
    }


@pytest.mark.parametrize(
    ("vault", "settings"),
    [
        ({"version": "v1"}, {"engine": "kv1"}),
        ({"namespace": "team"}, {"namespace": "team"}),
        (
            {"caProvider": {"type": "ConfigMap", "name": "ca", "key": "c", "namespace": "n"}},
            {"ca-cert": Mounted("ConfigMap", "n", "ca", "c")},
        ),
        ({"caBundle": "TUlJ"}, {"ca-cert": Inline.of("TUlJ")}),
        ({"tls": {"certSecretRef": REF, "keySecretRef": REF}}, {"client-cert": LOGIN, "client-key": LOGIN}),
    ],
)
def test_where_and_whom_it_trusts_stays(vault: Json, settings: Json) -> None:
    found = backend_of(vault_store(**vault)).settings

    assert {name: found[name] for name in settings} == settings


@pytest.mark.parametrize(
    ("vault", "why"),
    [
        ({"server": ""}, "spec.provider.vault.server is missing"),
        ({"server": "https://u:p4ss@vault.test"}, "spec.provider.vault.server is no address that the daemon"),
        ({"server": "http://169.254.169.254"}, "spec.provider.vault.server is no address that the daemon"),
        ({"server": "vault.test:8200"}, "spec.provider.vault.server is no address that the daemon takes: it"),
        ({"auth": {}}, "spec.provider.vault.auth names no login"),
        ({"auth": {"gcp": {"role": "r"}, "jwt": {"role": "r"}}}, "spec.provider.vault.auth names 2 logins"),
        (
            {"auth": {"namespace": "x", "gcp": {"role": "r"}}},
            "spec.provider.vault.auth.namespace is another one",
        ),
        (
            {"auth": {"appRole": {"roleId": "r", "secretRef": {"name": "a", "namespace": "b"}}}},
            "spec.provider.vault.auth.appRole.secretRef names no key",
        ),
        ({"headers": {"X": "y"}}, "spec.provider.vault.headers adds headers"),
    ],
)
def test_what_a_backend_cannot_be_is_refused_and_what_reads_it_too(vault: Json, why: str) -> None:
    assert refusal_of(vault_store(**vault)).startswith(why)


def test_a_login_of_a_namespaced_store_is_that_of_its_namespace() -> None:
    store = vault_store("own", "shop", auth={"tokenSecretRef": {"name": "a", "key": "b"}})

    assert backend_of(store).settings["token-file"] == Mounted("Secret", "shop", "a", "b")


def test_another_provider_is_refused() -> None:
    store = vault_store()
    store["spec"]["provider"] = {"aws": {"service": "SecretsManager"}}

    assert refusal_of(store).startswith("spec.provider reads a provider that secrets-manager does not read")


@pytest.mark.parametrize(
    ("azure", "settings"),
    [
        ({"authType": "ManagedIdentity"}, {"name": "shop", "system-assigned-identity": True}),
        ({"authType": "ManagedIdentity", "identityId": "i"}, {"name": "shop", "managed-client-id": "i"}),
        (
            {"authType": "ManagedIdentity", "identityId": "/s/i"},
            {"name": "shop", "managed-resource-id": "/s/i"},
        ),
        (
            {"tenantId": "t", "authSecretRef": {"clientSecret": REF}},
            {"name": "shop", "tenant-id": "t", "client-id": "", "client-secret-file": LOGIN},
        ),
        (
            {"authType": "WorkloadIdentity"},
            {"name": "shop", "federated-token-file": "/var/run/secrets/azure/tokens/azure-identity-token"},
        ),
        (
            {
                "authType": "ManagedIdentity",
                "vaultUrl": "https://shop.vault.azure.cn",
                "environmentType": "ChinaCloud",
            },
            {"url": "https://shop.vault.azure.cn", "cloud": "china", "system-assigned-identity": True},
        ),
    ],
)
def test_a_key_vault_becomes_a_backend(azure: Json, settings: Json) -> None:
    store = vault_store()
    store["spec"]["provider"] = {"azurekv": {"vaultUrl": "https://shop.vault.azure.net/", **azure}}

    assert backend_of(store).settings == settings


@pytest.mark.parametrize(
    "azure",
    [
        {"vaultUrl": "http://shop.vault.azure.net", "authType": "ManagedIdentity"},
        {"vaultUrl": "https://[", "authType": "ManagedIdentity"},
        {"authType": "ManagedIdentity"},
        {"vaultUrl": "https://shop.vault.azure.net", "authType": "other"},
        {"vaultUrl": "https://shop.vault.azure.net"},
        {"vaultUrl": "https://a.b.c", "authType": "ManagedIdentity", "environmentType": "Custom"},
    ],
)
def test_a_key_vault_that_cannot_be_reached_is_refused(azure: Json) -> None:
    store = vault_store()
    store["spec"]["provider"] = {"azurekv": azure}

    assert refusal_of(store).startswith("spec.provider.azurekv.")


@pytest.mark.parametrize(
    ("conditions", "namespaces"),
    [
        ([], ("*",)),
        ([{"namespaces": ["b", "a"]}], ("a", "b")),
        ([{"namespaceRegexes": ["^shop$"]}], ("shop",)),
    ],
)
def test_whoever_could_use_a_store_may_read_what_it_read(
    conditions: list[Json], namespaces: tuple[str, ...]
) -> None:
    store = vault_store()
    store["spec"]["conditions"] = conditions
    made = planned(store)

    assert [(rule.namespaces, rule.paths) for rule in made.rules] == [(namespaces, ("secret/data/*",))]
    assert report_of(made, "vault").verdict is Verdict.CONVERTED


@pytest.mark.parametrize(
    "condition", [{"namespaceSelector": {"matchLabels": {"a": "b"}}}, {"namespaceRegexes": ["shop-.*"]}]
)
def test_namespaces_that_no_file_tells_are_those_that_use_it(condition: Json) -> None:
    store = vault_store()
    store["spec"]["conditions"] = [condition]
    made = planned(store, external_secret("b", "store"))

    assert [rule.namespaces for rule in made.rules] == [("shop", "store")]
    assert report_of(made, "vault").verdict is Verdict.NOTED


@pytest.mark.parametrize(
    ("conditions", "rules"),
    [
        ([{"namespaces": ["*"]}], []),
        ([{"namespaces": ["team-*", "shop"]}], [("shop",)]),
        ([{"namespaceRegexes": ["^-$"]}], []),
        ([{"namespaces": []}], []),
    ],
)
def test_a_condition_that_meets_no_namespace_lets_none_read(
    conditions: list[Json], rules: list[tuple[str, ...]]
) -> None:
    store = vault_store()
    store["spec"]["conditions"] = conditions
    made = planned(store)

    assert [rule.namespaces for rule in made.rules] == rules
    report = report_of(made, "vault")
    assert report.verdict is Verdict.NOTED
    assert {remark.path for remark in report.remarks} == {"spec.conditions"}


@pytest.mark.parametrize("path", ["team-*", "{namespace}", "a}b", "a\x07b", "a\u0085", " a", "a "])
def test_a_mount_that_would_be_a_pattern_of_a_rule_is_refused(path: str) -> None:
    assert "which no rule of the policy can name" in refusal_of(vault_store(path=path))


@pytest.mark.parametrize("login", ["kubernetes", "jwt"])
def test_accounts_of_namespaces_that_become_one_are_told(login: str) -> None:
    narrower = "make the rules narrower, if policies of Vault let one such account read what another may not"

    assert narrower in backend_of(vault_store(auth={login: {"role": "reader"}})).todo
    assert narrower not in backend_of(vault_store(auth={login: {"role": "reader", "secretRef": REF}})).todo


def test_stores_that_trust_other_certificates_are_backends_of_their_own() -> None:
    data = [
        {
            "secretKey": name.upper(),
            "sourceRef": {"storeRef": {"name": name, "kind": "ClusterSecretStore"}},
            "remoteRef": {"key": "db", "property": "p"},
        }
        for name in ("one", "two")
    ]
    made = plan_of(
        vault_store("one", caBundle="T05F"),
        vault_store("two", caBundle="VFdP"),
        external_secret(secretStoreRef=None, data=data),
    )

    written = settings_of(made)
    assert 'ca-cert = "/etc/secrets-manager/backends/one/ca-cert"' in written
    assert 'ca-cert = "/etc/secrets-manager/backends/two/ca-cert"' in written
    assert "T05F" not in written


@pytest.mark.parametrize(
    ("vault", "paths"),
    [
        ({}, ("secret/data/*",)),
        ({"version": "v1"}, ("secret/*",)),
        ({"path": None}, ("*",)),
        ({"path": "a/b/"}, ("a/b/data/*",)),
        ({"path": "//a//b/"}, ("a/b/data/*",)),
    ],
)
def test_the_rules_reach_as_far_as_the_mount(vault: dict[str, Any], paths: tuple[str, ...]) -> None:
    assert [rule.paths for rule in planned(vault_store(**vault)).rules] == [paths]


def test_names_of_backends_are_legal_and_differ() -> None:
    stores = [
        vault_store("a.b", server="https://1.test"),
        vault_store("a-b", server="https://2.test"),
        vault_store("default", server="https://3.test"),
        vault_store("x" * 80, server="https://4.test"),
    ]
    bodies = [
        external_secret(
            f"s{number}", secretStoreRef={"name": store["metadata"]["name"], "kind": store["kind"]}
        )
        for number, store in enumerate(stores)
    ]

    assert set(plan_of(*stores, *bodies).backends) == {"a-b", "a-b-2", "default-store", "x" * 56}


def test_where_each_namespace_logs_in_by_itself_each_that_uses_the_store_is_a_backend() -> None:
    store = vault_store(auth={"tokenSecretRef": {"name": "a", "key": "b"}})
    made = planned(
        store, external_secret("b", "team", secretStoreRef={"name": "vault", "kind": store["kind"]})
    )

    tokens = {name: table.settings["token-file"] for name, table in made.backends.items()}
    assert tokens == {
        "shop-vault": Mounted("Secret", "shop", "a", "b"),
        "team-vault": Mounted("Secret", "team", "a", "b"),
    }
    assert {rule.backends: rule.namespaces for rule in made.rules} == {
        ("shop-vault",): ("shop",),
        ("team-vault",): ("team",),
    }
    assert {str(one.ref): one.manifest["spec"]["backend"] for one in made.definitions} == {
        "shop/db": "shop-vault",
        "team/b": "team-vault",
    }
    assert report_of(made, "vault").verdict is Verdict.NOTED


def test_a_namespace_that_such_a_store_does_not_serve_gets_no_backend() -> None:
    store = vault_store(auth={"tokenSecretRef": {"name": "a", "key": "b"}})
    store["spec"]["conditions"] = [{"namespaces": ["team"]}]

    assert planned(store).definitions == ()


def test_the_audience_that_a_role_may_want_is_told() -> None:
    account = {"name": "a", "namespace": "n", "audiences": ["vault"]}
    by_role = {"kubernetes": {"mountPath": "kubernetes", "role": "r", "serviceAccountRef": account}}
    by_jwt = {
        "jwt": {"path": "jwt", "role": "r", "kubernetesServiceAccountToken": {"serviceAccountRef": account}}
    }

    for auth, setting in ((by_role, "kubernetes-token-file"), (by_jwt, "jwt-file")):
        todo, _ = backend_of(vault_store(auth=auth)).todo
        assert todo.endswith(f"mount a token with the audience vault as {setting}")


def test_an_address_that_another_tool_fills_in_is_kept_and_told() -> None:
    store = vault_store(server="https://vault.${CLUSTER_DOMAIN}:8200")
    made = planned(store)

    assert backend_of(store).settings["url"] == "https://vault.${CLUSTER_DOMAIN}:8200"
    assert report_of(made, "vault").verdict is Verdict.NOTED
    assert report_of(made, "db").verdict is Verdict.CONVERTED


@pytest.mark.parametrize("server", ["https://u:${PASSWORD}@vault.test", "ftp://${HOST}", "${", "https://${}"])
def test_a_placeholder_hides_no_address_that_the_daemon_would_not_take(server: str) -> None:
    assert refusal_of(vault_store(server=server)).startswith("spec.provider.vault.server ")
