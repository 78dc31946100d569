"""Backends with a name: tables `[backends.NAME]` and their environment names become settings of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from secrets_manager.daemon.config.configuration import load
from secrets_manager.settings import AzureKvSettings, Settings, VaultSettings
from tests.unit.daemon.config.told import CANARY, EU, LOGIN, Told, variables

# ── what a table says ────────────────────────────────────────────────────────────────────────────────


def test_two_backends_of_different_kinds_have_settings_of_their_own(told: Told) -> None:
    settings = told.settings(
        EU
        + """
url = "https://eu.example"
[backends.keys]
kind = "azure-kv"
name = "shop-vault"
system-assigned-identity = true
timeout = "7s"
reconcile-period = "1m"
"""
    )

    eu, keys = settings.backends
    assert (eu.name, eu.kind, eu.table) == ("eu", "vault", "backends.eu")
    assert (eu.timeout, eu.reconcile_period) == (5.0, 5.0)
    assert eu.own == VaultSettings(url="https://eu.example", role_id="r", secret_id="s")
    assert (keys.name, keys.kind, keys.table) == ("keys", "azure-kv", "backends.keys")
    assert (keys.timeout, keys.reconcile_period) == (7.0, 60.0)
    assert keys.own == AzureKvSettings(name="shop-vault", system_assigned_identity=True)


def test_the_times_that_a_table_does_not_give_are_those_of_the_daemon(told: Told) -> None:
    argv = ["-config.backend-timeout=9s", "-reconcile-period=11s"]
    (eu,) = told.settings(EU, argv=argv).named

    assert (eu.timeout, eu.reconcile_period) == (9.0, 11.0)


def test_the_environment_alone_makes_a_backend_and_wins_over_the_file(told: Told) -> None:
    environ = variables(
        EU__URL="https://env.example",
        TEAM_2_B__KIND="vault",
        TEAM_2_B__AUTH_METHOD="kubernetes",
        TEAM_2_B__KUBERNETES_ROLE="role",
        TEAM_2_B__HTTP_PROXY="http://proxy:3128",
    )
    eu, team = told.settings(f'{EU}url = "https://file.example"\n', environ).backends

    assert (eu.own.url, eu.own.role_id) == ("https://env.example", "r")
    assert (team.name, team.own.kubernetes_role) == ("team-2-b", "role")
    assert team.own.proxy.http == "http://proxy:3128"


def test_the_kind_in_the_environment_wins_over_that_in_the_file(told: Told) -> None:
    environ = variables(EU__KIND="azure-kv", EU__NAME="abc", EU__SYSTEM_ASSIGNED_IDENTITY="true")

    (eu,) = told.settings('[backends.eu]\nkind = "vault"\n', environ).named

    assert eu.own == AzureKvSettings(name="abc", system_assigned_identity=True)


def test_underscores_in_a_table_s_name_are_dashes(told: Told) -> None:
    text = '[backends.team_a]\nkind = "vault"\nrole_id = "r"\nsecret_id = "s"\n'
    (team,) = told.settings(text, variables(TEAM_A__NAMESPACE="n")).named

    assert (team.name, team.own.role_id, team.own.namespace) == ("team-a", "r", "n")


def test_two_backends_may_read_one_server(told: Told) -> None:
    one, other = told.settings(EU + EU.replace("eu", "eu-2")).named

    assert one.own == other.own


def test_a_backend_gets_no_well_known_name_of_the_default_and_the_proxies_that_all_share(told: Told) -> None:
    environ = LOGIN | {"VAULT_ADDR": "https://default.example", "HTTPS_PROXY": "http://proxy:1"}
    default, eu = told.settings(EU, environ | {"VAULT_NAMESPACE": "n"}).backends

    assert (default.own.url, default.own.namespace) == ("https://default.example", "n")
    assert (eu.own.url, eu.own.namespace, eu.own.role_id) == (VaultSettings().url, "", "r")
    assert default.own.proxy.https == eu.own.proxy.https == "http://proxy:1"


def test_no_flag_sets_a_backend_with_a_name(told: Told) -> None:
    told.file.write_text(EU, encoding="utf-8")

    asked = load(["-backends.eu.url=https://x"], {}, told.file.parent, system_file=told.file)

    assert not isinstance(asked, Settings)
    assert "flag provided but not defined: -backends.eu.url" in asked.err


# ── whether there is a default ───────────────────────────────────────────────────────────────────────


def names(settings: Settings) -> list[str]:
    return [backend.name for backend in settings.backends]


def test_without_a_table_there_is_the_default(told: Told) -> None:
    assert names(told.settings("", LOGIN)) == ["default"]


def test_with_tables_alone_there_is_no_default(told: Told) -> None:
    """A default that nobody set up would fail for ever."""
    text = f'reconcile-period = "9s"\n[policy]\npaths = ["*"]\n{EU}'

    environ = {
        "HTTPS_PROXY": "http://proxy:1",
        "VAULT_ADDR": "https://of-a-shell.example",
        "AZURE_CLIENT_ID": "of-a-pod",
        "AZURE_CLIENT_SECRET": "of-a-pod",
        "AWS_SECRET_ACCESS_KEY": "of-a-pod",
    }

    assert names(told.settings(text, environ)) == ["eu"]


@pytest.mark.parametrize(
    ("text", "environ", "argv"),
    [
        ('[vault]\nrole-id = "r"\nsecret-id = "s"\n', {}, ()),
        ("", LOGIN, ()),
        ("", {"SECRETS_MANAGER_VAULT__ROLE_ID": "r"}, ("-vault.secret-id=s",)),
        ("", LOGIN, ("-backend=vault",)),
        ("", LOGIN, ("-azure-kv.name=abc",)),
        (
            "",
            {"AZURE_KV_NAME": "abc"},
            ("-backend=azure-kv", "-azure-kv.system-assigned-identity"),
        ),
    ],
)
def test_any_setting_of_the_default_makes_one(
    told: Told, text: str, environ: Mapping[str, str], argv: Sequence[str]
) -> None:
    assert names(told.settings(text + EU, environ, argv)) == ["default", "eu"]


def test_faults_of_a_default_that_may_not_be_meant_say_why_there_is_one(told: Told) -> None:
    found = told.faults(EU, {"VAULT_SECRET_ID": "s"})

    assert [fault.partition(":")[0] for fault in found] == [
        "setting vault.role-id",
        "environment VAULT_SECRET_ID",
    ]
    assert "leave out all settings of the backend default" in found[-1]
    assert len(told.faults(EU, {"SECRETS_MANAGER_BACKEND": "vault"})) == 2


# ── names ────────────────────────────────────────────────────────────────────────────────────────────

NO_NAME = (
    "is no name for a backend: lower-case letters, digits and inner dashes, at most 63, "
    "no two dashes in a row"
)


@pytest.mark.parametrize(
    "key", ["EU", "-eu", "eu-", "e.u", "a b", "a--b", "a__b", "x" * 64, "ü", "", "a\\u001b"]
)
def test_a_table_without_a_name_of_a_backend_is_one_fault(told: Told, key: str) -> None:
    (fault,) = told.faults(f'[backends."{key}"]\nkind = 5\nsecret-id = "{CANARY}"\n')

    assert fault.endswith(NO_NAME)
    assert fault.isprintable()


@pytest.mark.parametrize("name", ["a", "0", "a-b-2", "x" * 63])
def test_a_name_is_a_label(told: Told, name: str) -> None:
    assert names(told.settings(EU.replace("eu", name))) == [name]


def test_the_name_of_the_default_is_refused_with_the_reason(told: Told) -> None:
    for text, environ in (("[backends.default]\n", {}), ("", variables(DEFAULT__KIND="vault"))):
        (fault,) = told.faults(text, environ)
        assert "belongs to the backend of -backend and the tables [vault] and [azure-kv]" in fault


def test_two_spellings_of_one_name_are_a_fault(told: Told) -> None:
    text = '[backends.team-a]\nkind = "vault"\n[backends.team_a]\nurl = "https://x.example"\n'

    assert told.faults(text) == [
        "backends.team_a: names the same backend as backends.team-a; keep one of them"
    ]


def test_the_first_two_underscores_in_a_row_end_a_name(told: Told) -> None:
    """Names have no two dashes in a row, so no variable is about two backends."""
    environ = variables(A__B__URL="https://x.example", A__KIND="vault", A__ROLE_ID="r", A__SECRET_ID="s")

    (fault,) = told.faults("", environ)

    assert fault == "environment SECRETS_MANAGER_BACKENDS__A__B__URL: unknown name"


@pytest.mark.parametrize("name", ["_A__URL", "A", "", "a__URL", "A__", "__URL"])
def test_a_variable_without_a_name_or_a_key_is_a_fault(told: Told, name: str) -> None:
    (fault,) = told.faults(EU, variables(**{name: CANARY}))

    assert fault.startswith(f"environment SECRETS_MANAGER_BACKENDS__{name}: ")


def test_the_names_of_a_service_make_no_backend(told: Told) -> None:
    service = variables(X_SERVICE_HOST="10.0.0.1", X_PORT="tcp://10.0.0.1:80", X_SERVICE_PORT__A="80")

    assert names(told.settings(EU, {k: v for k, v in service.items() if "__A" not in k})) == ["eu"]
