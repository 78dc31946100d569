"""Backends with a name: tables `[backends.NAME]` and their environment names become settings of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from secrets_manager.daemon.config.backend_tables import MOST_BACKENDS
from secrets_manager.daemon.config.configuration import load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import AzureKvSettings, Settings, VaultSettings

CANARY = "canary-77aa"
EU = '[backends.eu]\nkind = "vault"\nrole-id = "r"\nsecret-id = "s"\n'
LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}


class Told:
    """Loads settings out of a file of a test's own."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def settings(
        self, text: str, environ: Mapping[str, str] | None = None, argv: Sequence[str] = ()
    ) -> Settings:
        self.file.write_text(text, encoding="utf-8")
        found = load(argv, environ or {}, self.file.parent, system_file=self.file)
        assert isinstance(found, Settings)
        return found

    def faults(self, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        """The faults, with what all begin with when they are in the file left out."""
        with pytest.raises(ConfigError) as caught:
            self.settings(text, environ)
        assert CANARY not in str(caught.value)
        return str(caught.value).replace(f"file {self.file}, key ", "").splitlines()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "settings.toml")


def variables(**values: str) -> dict[str, str]:
    return {f"SECRETS_MANAGER_BACKENDS__{name}": value for name, value in values.items()}


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

    assert names(told.settings(text, {"HTTPS_PROXY": "http://proxy:1", "AZURE_CLIENT_ID": "id"})) == ["eu"]


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
    found = told.faults(EU, {"VAULT_ADDR": "https://v.example"})

    assert [fault.partition(":")[0] for fault in found] == [
        "setting vault.role-id",
        "setting vault.secret-id",
        "environment VAULT_ADDR",
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

    assert fault.endswith("__A__B__URL: unknown name; did you mean SECRETS_MANAGER_BACKENDS__A__URL?")


@pytest.mark.parametrize("name", ["_A__URL", "A", "", "a__URL", "A__", "__URL"])
def test_a_variable_without_a_name_or_a_key_is_a_fault(told: Told, name: str) -> None:
    (fault,) = told.faults(EU, variables(**{name: CANARY}))

    assert fault.startswith(f"environment SECRETS_MANAGER_BACKENDS__{name}: ")


def test_the_names_of_a_service_make_no_backend(told: Told) -> None:
    service = variables(X_SERVICE_HOST="10.0.0.1", X_PORT="tcp://10.0.0.1:80", X_SERVICE_PORT__A="80")

    assert names(told.settings(EU, {k: v for k, v in service.items() if "__A" not in k})) == ["eu"]


# ── tables that cannot be read ───────────────────────────────────────────────────────────────────────


def test_a_backend_without_a_kind_is_a_fault_that_names_a_backend_like_it(told: Told) -> None:
    assert told.faults("[backends.eu]\n") == [
        "setting backends.eu.kind: missing: each backend needs its kind"
    ]

    (fault,) = told.faults(EU.replace("eu", "team-a"), variables(TAEM_A__SECRET_ID=CANARY))

    assert fault.startswith("setting backends.taem-a.kind: missing: each backend needs its kind")
    assert "SECRETS_MANAGER_BACKENDS__TAEM_A__SECRET_ID names this backend" in fault
    assert fault.endswith("; did you mean backends.team-a?")


@pytest.mark.parametrize("kind", ["etcd", "", "memory", "Vault", CANARY])
def test_an_unknown_kind_is_one_fault_with_the_kinds_that_there_are(told: Told, kind: str) -> None:
    text = f'[backends.x]\nkind = "{kind}"\nsecret-id = 7\nother = "{CANARY}"\n'

    assert told.faults(text) == ["backends.x.kind: must be one of vault, azure-kv"]
    assert told.faults("", variables(X__KIND=kind, X__Y="z")) == [
        "environment SECRETS_MANAGER_BACKENDS__X__KIND: must be one of vault, azure-kv"
    ]


def test_a_kind_that_is_no_text_is_a_fault(told: Told) -> None:
    (fault,) = told.faults("[backends.x]\nkind = 5\n")

    assert fault == 'backends.x.kind: expected a string in quotes, such as "name", found an integer'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("backends = 5", "backends: must hold a table for each backend, [backends.NAME], found an integer"),
        (
            "[[backends]]\nurl = 'x'",
            "backends: must hold a table for each backend, [backends.NAME], found a list",
        ),
        (
            "[backends]\nurl = 'x'",
            "backends.url: must be a table, [backends.NAME] with the keys of one backend, found a string",
        ),
        (
            "[[backends.eu]]\nurl = 'x'",
            "backends.eu: must be a table, [backends.NAME] with the keys of one backend, found a list",
        ),
    ],
)
def test_what_is_no_table_of_a_backend_is_a_fault(told: Told, text: str, fault: str) -> None:
    assert told.faults(text) == [fault]


def test_too_many_backends_are_one_fault(told: Told) -> None:
    def tables(count: int) -> str:
        return "".join(EU.replace("eu", f"b{number}") for number in range(count))

    assert len(told.settings(tables(MOST_BACKENDS)).backends) == MOST_BACKENDS
    assert told.faults(tables(MOST_BACKENDS + 1)) == ["setting backends: names 65 backends; the most is 64"]


def test_a_file_that_cannot_be_read_causes_no_faults_of_its_tables(told: Told) -> None:
    (fault,) = told.faults("[[[", variables(EU__URL="https://x.example"))

    assert "is not valid TOML" in fault


def test_the_faults_of_one_table_hide_none_of_another(told: Told) -> None:
    text = f'{EU}urll = 1\n[backends.us]\nkind = "vault"\n[backends.x]\nkind = "y"\n[vault]\nurl = 5\n'

    assert sorted(fault.partition(":")[0] for fault in told.faults(text)) == [
        "backends.eu.urll",
        "backends.x.kind",
        "setting backends.us.role-id",
        "setting backends.us.secret-id",
        "vault.url",
    ]
