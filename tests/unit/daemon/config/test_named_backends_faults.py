"""What is wrong with a table of a backend is said with its name, and without a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.azure_key_vault.identity import choose_login
from secrets_manager.backends.vault.logins import METHODS
from secrets_manager.daemon.config.backend_tables import MOST_BACKENDS, find_backends
from secrets_manager.daemon.config.setting_checks import backend_notices
from secrets_manager.daemon.config.settings_file import Document
from secrets_manager.domain.backend_name import is_backend_name
from secrets_manager.domain.errors import AuthFailed
from tests.unit.daemon.config.told import CANARY, EU, LOGIN, Told, variables

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


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_of_a_table_recommends_the_variables_that_set_it(told: Told) -> None:
    """VAULT_ROLE_ID would set the default."""
    found = told.faults('[backends.team-a]\nkind = "vault"\n')

    assert "set SECRETS_MANAGER_BACKENDS__TEAM_A__ROLE_ID, or backends.team-a.role-id-file to" in found[0]
    assert "set SECRETS_MANAGER_BACKENDS__TEAM_A__SECRET_ID, or backends.team-a.secret-id-file" in found[1]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("urll", "; did you mean backends.a-very-long-name-of-a-team.url?"),
        ("tiemout", "; did you mean backends.a-very-long-name-of-a-team.timeout?"),
        ("xyz", ""),
    ],
)
def test_an_unknown_key_is_compared_with_those_of_its_table_alone(
    told: Told, written: str, hint: str
) -> None:
    text = EU.replace("eu", "a-very-long-name-of-a-team")
    variable = variables(**{f"A_VERY_LONG_NAME_OF_A_TEAM__{written.upper()}": CANARY})

    assert told.faults(f'{text}{written} = "{CANARY}"\n') == [
        f"backends.a-very-long-name-of-a-team.{written}: unknown key{hint}"
    ]
    (fault,) = told.faults(text, variable)
    assert ("did you mean SECRETS_MANAGER_BACKENDS__A_VERY_LONG_NAME_OF_A_TEAM__" in fault) is bool(hint)


def test_warnings_are_about_one_backend_and_name_it(told: Told) -> None:
    text = f'{EU}url = "http://eu.example"\n' + EU.replace("eu", "us") + "skip-verify = true\n"
    settings = told.settings(text)

    (unverified,) = settings.notices
    assert "backends.us.skip-verify is set" in unverified
    assert "set backends.us.ca-cert instead" in unverified
    (plain,) = backend_notices(settings)
    assert plain.startswith("backend eu: the connection to Vault has no TLS")
    assert plain.endswith("set backends.eu.url to https")


def test_a_login_that_fails_names_the_setting_of_its_backend(told: Told) -> None:
    """So do all errors that name a setting: the settings know their table."""
    settings = told.settings(
        '[backends.eu]\nkind = "vault"\nrole-id-file = "/absent"\nsecret-id = "s"\n'
        '[backends.keys]\nkind = "azure-kv"\nname = "abc"\nclient-id = "i"\ntenant-id = "t"\n'
        'client-secret-file = "/absent"\n',
        LOGIN,
    )
    default, eu, keys = (backend.own for backend in settings.backends)

    with pytest.raises(AuthFailed, match=r"^backends\.eu\.role-id-file"):
        METHODS["approle"].login(eu, cast("Any", None))
    assert (default.table, eu.table, keys.table) == ("vault", "backends.eu", "backends.keys")
    choice = choose_login(keys)
    assert choice is not None
    assert choice.why == "backends.keys.client-secret"


# ── rules of the path policy ─────────────────────────────────────────────────────────────────────────


def rule(*backends: str) -> str:
    return (
        f'[[policy.rules]]\nnamespaces = ["*"]\nbackends = {list(backends)}\npaths = ["a"]\neffect = "deny"\n'
    )


def test_rules_name_backends_that_there_are(told: Told) -> None:
    text = EU + EU.replace("eu", "eu-2") + rule("eu*", "*", "eu-2") + rule("default")

    (fault,) = told.faults(text)
    assert fault == "policy.rules: rule 2, backends, item 1: matches no backend; there are eu, eu-2"
    assert len(told.settings(text, LOGIN).policy.rules) == 2


def test_a_misspelt_backend_in_a_rule_that_denies_is_a_fault(told: Told) -> None:
    """Such a rule would protect nothing."""
    (fault,) = told.faults(EU + rule("eu", "ue-*") + rule("us"))

    assert fault == (
        "policy.rules: rule 1, backends, item 2: matches no backend; "
        "rule 2, backends, item 1: matches no backend; there is one, called eu"
    )


def test_a_rule_about_a_table_that_is_at_fault_is_no_second_fault(told: Told) -> None:
    (fault,) = told.faults(EU + '[backends.us]\nkind = "y"\n' + rule("us"))

    assert fault.startswith("backends.us.kind: ")


# ── whatever is written ──────────────────────────────────────────────────────────────────────────────

PARTS = st.sampled_from(["a", "b", "a-b", "a_b", "A", "default", "kind", "url", "", "--", "x" * 64, "\n"])
LEAVES = st.sampled_from([CANARY, "vault", "azure-kv", 5, True, [CANARY], [{"kind": "vault"}], 1.5])
TABLES = st.dictionaries(PARTS, st.dictionaries(PARTS, LEAVES, max_size=3) | LEAVES, max_size=4)
NAMES = st.lists(st.sampled_from(["A", "B", "_", "__", "KIND", "URL", "a", "-", "DEFAULT"]), max_size=5)


@given(TABLES | LEAVES, st.lists(NAMES, max_size=3))
def test_whatever_is_written_each_backend_is_found_once_or_is_a_fault(
    tables: object, written: list[list[str]]
) -> None:
    environ = {f"SECRETS_MANAGER_BACKENDS__{''.join(parts)}": CANARY for parts in written}
    document = Document(path=Path("s.toml"), tables={"backends": tables, "once": True})

    found = find_backends(environ, document)

    names = [each.name for each in found.named]
    assert len(names) == len(set(names))
    assert all(is_backend_name(name) and name != "default" for name in names)
    assert CANARY not in repr(found) + "".join(map(str, found.faults))
    # What is left is about those that were found, and all else stays.
    left = found.sources.document.tables.get("backends", {})
    assert isinstance(left, dict)
    assert {key.replace("_", "-") for key in left} <= set(names)
    assert found.sources.document.tables["once"] is True
    again = find_backends(found.sources.environ, found.sources.document)
    assert (again.named, again.faults) == (found.named, ())
