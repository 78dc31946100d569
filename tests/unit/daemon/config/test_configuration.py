"""Settings are found, ranked and frozen; nothing is evaluated on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from secrets_manager import __version__
from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.daemon.config.option_docs import markdown_table, settings_file
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import Settings
from secrets_manager.settings.kinds import TABLES
from secrets_manager.settings.listening import ListenAddress

ROOT = Path(__file__).parents[4]
LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}


class Place:
    """A working folder and a system file of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder / "cwd"
        self.cwd.mkdir()
        self.system_file = folder / "etc.toml"

    def load(self, argv: Sequence[str] = (), environ: Mapping[str, str] = LOGIN) -> Settings:
        settings = self.request(argv, environ)
        assert isinstance(settings, Settings)
        return settings

    def request(self, argv: Sequence[str] = (), environ: Mapping[str, str] = LOGIN) -> Settings | ExitRequest:
        return load(argv, environ, self.cwd, system_file=self.system_file)

    def write(self, text: str) -> None:
        self.system_file.write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_any_source_every_option_has_its_default(place: Place) -> None:
    settings = place.load()

    assert settings == replace(
        Settings(), vault=replace(Settings().vault, role_id="role", secret_id="secret")
    )


# ── who wins ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_environment_wins_over_the_file_and_a_flag_over_both(place: Place) -> None:
    place.write('[vault]\nurl = "http://file"\nengine = "kv1"\nrole-id = "file"\nnamespace = "file"')
    environ = LOGIN | {"SECRETS_MANAGER_VAULT__URL": "http://env", "SECRETS_MANAGER_VAULT__NAMESPACE": "env"}

    vault = place.load(["-vault.url=http://flag"], environ).vault

    assert (vault.url, vault.namespace, vault.engine) == ("http://flag", "env", "kv1")


def test_the_original_s_environment_names_win_over_flags(place: Place) -> None:
    environ = LOGIN | {"VAULT_ADDR": "http://env"}

    assert place.load(["-vault.url=http://flag"], environ).vault.url == "http://env"


def test_an_empty_well_known_name_counts_as_absent(place: Place) -> None:
    environ = {o.overriding: "" for o in OPTIONS if o.overriding}

    settings = place.load(["-vault.role-id=flag", "-vault.secret-id=flag"], environ)

    assert (settings.vault.role_id, settings.vault.url) == ("flag", Settings().vault.url)


def test_kubeconfig_and_proxies_of_the_environment_count_only_when_no_option_is_given(
    place: Place, tmp_path: Path
) -> None:
    for name in ("env", "flag"):
        (tmp_path / name).touch()
    environ = LOGIN | {
        "KUBECONFIG": str(tmp_path / "env"),
        "HTTPS_PROXY": "proxy:3128",
        "https_proxy": "lower:1",
        "http_proxy": "http://lower:2",
        "NO_PROXY": "a.example, .b.example",
    }

    silent = place.load([], environ)
    told = place.load([f"-kubeconfig={tmp_path / 'flag'}", "-vault.https-proxy=http://flag:1"], environ)

    assert silent.kubernetes.kubeconfig == str(tmp_path / "env")
    assert silent.vault.proxy.https == "http://proxy:3128"
    assert silent.vault.proxy.http == "http://lower:2"
    assert silent.vault.proxy.no_proxy == ("a.example", ".b.example")
    assert told.kubernetes.kubeconfig == str(tmp_path / "flag")
    assert told.vault.proxy.https == "http://flag:1"


def test_lists_of_two_sources_are_not_joined(place: Place) -> None:
    place.write('watch-namespaces = ["a", "b"]')

    assert place.load(["-watch-namespaces=c"]).controller.watch_namespaces == ("c",)


def test_every_option_can_be_given_in_the_environment(place: Place) -> None:
    environ = {o.environment: o.default_text for o in OPTIONS if o.in_environment and o.kind.word != "value"}
    environ = {name: text for name, text in environ.items() if text}
    environ |= {o.environment: "false" for o in OPTIONS if not o.kind.word and o.in_environment}

    assert len(environ) > 25
    assert place.load([], LOGIN | environ) == place.load()


# ── values stay what they are ────────────────────────────────────────────────────────────────────────

LOOKALIKES = [
    "0123",
    "1e5",
    "true",
    "123456",
    "2024-01-01",
    "0x10",
    "nan",
    "null",
    "[1, 2]",
    "{a = 1}",
    "@format {env[HOME]}",
    "@jinja {{ 1 }}",
    "@int 5",
    "@del",
    "@merge x",
    "@none",
    "123 # x",
    " blanks ",
    "a,b",
]


@pytest.mark.parametrize("text", LOOKALIKES)
def test_a_credential_stays_a_text_whatever_it_looks_like(place: Place, text: str) -> None:
    from_well_known = place.load([], {"VAULT_ROLE_ID": text, "VAULT_SECRET_ID": text}).vault
    own = {"SECRETS_MANAGER_VAULT__ROLE_ID": text, "SECRETS_MANAGER_VAULT__SECRET_ID": text}
    from_own = place.load([], own).vault
    from_flags = place.load([f"-vault.role-id={text}", f"-vault.secret-id={text}"], {}).vault
    place.write(f"[vault]\nrole-id = '{text}'\nsecret-id = '{text}'")
    from_file = place.load([], {}).vault

    for vault in (from_well_known, from_own, from_flags, from_file):
        assert (vault.role_id, vault.secret_id) == (text, text)


def test_dynaconf_s_own_environment_names_do_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "trap.py"
    trap.write_text("print('TRAPPED')\n", encoding="utf-8")
    (tmp_path / ".env").write_text("VAULT_ADDR=http://dotenv\n", encoding="utf-8")
    program = (
        "import os, pathlib\n"
        "from secrets_manager.daemon.config.configuration import load\n"
        "environ = {'VAULT_ROLE_ID': 'r', 'VAULT_SECRET_ID': 's'}\n"
        "print(load([], environ, pathlib.Path('.')).vault.url, os.environ.get('VAULT_ADDR'))\n"
    )
    environ = os.environ | {
        "SETTINGS_FILE_FOR_DYNACONF": str(trap),
        "INCLUDES_FOR_DYNACONF": f'["{trap}"]',
        "PRELOAD_FOR_DYNACONF": f'["{trap}"]',
        "LOAD_DOTENV_FOR_DYNACONF": "true",
        "DYNACONF_OPTIONS": "{}",
        "PYTHONPATH": str(ROOT),
    }

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )

    assert done.stdout == "https://127.0.0.1:8200 None\n"


# ── the settings file ────────────────────────────────────────────────────────────────────────────────


def test_keys_may_be_written_with_dashes_or_underscores(place: Place) -> None:
    place.write('reconcile_period = "1m"\n[vault]\ntoken-polling-period = "3s"\nrenew_ttl_increment = 7')

    settings = place.load()

    assert settings.controller.reconcile_period == 60.0
    assert settings.vault.token_polling_period == 3.0
    assert settings.vault.renew_ttl_increment == 7.0


def test_a_named_file_replaces_the_usual_ones(place: Place, tmp_path: Path) -> None:
    place.write("workers = 1")
    other = tmp_path / "other.toml"
    other.write_text("workers = 2", encoding="utf-8")

    assert place.load([f"-config={other}"]).controller.workers == 2
    assert place.load([], LOGIN | {"SECRETS_MANAGER_CONFIG": str(other)}).controller.workers == 2


def test_the_working_folder_s_file_is_read_when_there_is_no_system_file(place: Place) -> None:
    (place.cwd / "settings.toml").write_text("workers = 3", encoding="utf-8")

    assert place.load().controller.workers == 3

    place.write("workers = 4")
    assert place.load().controller.workers == 4


def test_native_types_of_toml_are_understood(place: Place) -> None:
    place.write(
        "once = true\nworkers = 0x10\nmetrics-addr = 0\nzap-log-level = 2\n"
        'watch-namespaces = [" a ", "b"]\nexclude-namespaces = "c, d"'
    )

    settings = place.load()

    assert settings.once is True
    assert settings.controller.workers == 16
    assert settings.metrics_addr is None
    assert settings.logging.level == 9
    assert settings.controller.watch_namespaces == ("a", "b")
    assert settings.controller.exclude_namespaces == ("c", "d")


# ── single values ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0", None),
        ("", ListenAddress()),
        (":9090", ListenAddress(port=9090)),
        ("127.0.0.1:0", ListenAddress(host="127.0.0.1", port=0)),
        ("[::1]:8080", ListenAddress(host="::1", port=8080)),
        ("localhost:65535", ListenAddress(host="localhost", port=65535)),
    ],
)
def test_the_metrics_address_is_read_as_go_listens(
    place: Place, text: str, address: ListenAddress | None
) -> None:
    assert place.load([f"-metrics-addr={text}"]).metrics_addr == address


@pytest.mark.parametrize(
    "url", ["http://vault:8200", "https://vault/prefix/", "HTTPS://Vault:1", "https://[::1]:8200/a/b"]
)
def test_a_vault_url_stays_as_it_was_written(place: Place, url: str) -> None:
    assert place.load([f"-vault.url={url}"]).vault.url == url


def test_an_empty_engine_is_kv2(place: Place) -> None:
    assert place.load(["-vault.engine="]).vault.engine == "kv2"


def test_slashes_around_a_mount_are_dropped(place: Place) -> None:
    assert place.load(["-vault.approle-path=/team/approle/"]).vault.approle_path == "team/approle"


def test_credentials_may_be_files_that_are_not_there_yet(place: Place) -> None:
    vault = place.load(["-vault.role-id-file=/absent/a", "-vault.secret-id-file=/absent/b"], {}).vault

    assert (vault.role_id_file, vault.secret_id_file) == ("/absent/a", "/absent/b")


def test_kubernetes_auth_needs_no_approle(place: Place) -> None:
    vault = place.load(["-vault.auth-method=kubernetes", "-vault.kubernetes-role=r"], {}).vault

    assert vault.kubernetes_role == "r"


# ── requests to end, and notices ─────────────────────────────────────────────────────────────────────


def test_the_version_is_printed_before_anything_is_judged(place: Place) -> None:
    request = place.request(["-version", "-backend=nonsense"], {"SECRETS_MANAGER_NOPE": "1"})

    assert request == ExitRequest(code=0, out=f"Secrets Manager {__version__}\n")


def test_a_bad_flag_is_reported_before_anything_else_is_read(place: Place) -> None:
    request = place.request(["-nope"], {"SECRETS_MANAGER_NOPE": "1"})

    assert isinstance(request, ExitRequest)
    assert (request.code, request.err.splitlines()[0]) == (2, "flag provided but not defined: -nope")


def test_a_secret_on_the_command_line_causes_a_warning_without_its_value(place: Place) -> None:
    (notice,) = place.load(["-vault.role-id=r", "-vault.secret-id=canary-1"], {}).notices

    assert "vault.secret-id" in notice
    assert "canary" not in notice


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["-vault.skip-verify"], "not verified"),
        (["-watch-namespaces=a", "-exclude-namespaces=a,b"], "nothing to do"),
        (["-once", "run"], "ignored"),
    ],
)
def test_a_risky_or_odd_setting_is_noticed(place: Place, argv: list[str], word: str) -> None:
    (notice,) = place.load(argv).notices

    assert word in notice


# ── what is written about it ─────────────────────────────────────────────────────────────────────────


def test_the_settings_file_of_the_repository_lists_every_key_with_its_default() -> None:
    assert (ROOT / "settings.toml").read_text(encoding="utf-8") == settings_file(OPTIONS)


def test_the_settings_file_of_the_repository_changes_nothing(place: Place) -> None:
    place.write(settings_file(OPTIONS))
    silent = place.load()
    place.write(uncommented(settings_file(OPTIONS)))

    assert (
        silent
        == place.load()
        == replace(Settings(), vault=replace(Settings().vault, role_id="role", secret_id="secret"))
    )


def uncommented(text: str) -> str:
    lines = (
        line.removeprefix("# ") for line in text.splitlines() if not line.startswith("# ") or " = " in line
    )
    return "\n".join(lines)


def test_the_uncommented_file_names_every_option_that_a_file_can_hold() -> None:
    tables = tomllib.loads(uncommented(settings_file(OPTIONS)))
    names = {key for key, value in tables.items() if not isinstance(value, dict)}
    names |= {f"{table}.{key}" for table, keys in tables.items() if isinstance(keys, dict) for key in keys}

    # Tables have no default that could be written.
    assert names == {option.name for option in OPTIONS if option.in_file and option.kind is not TABLES}


def test_the_documentation_has_the_table_of_options() -> None:
    assert markdown_table(OPTIONS) in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_no_two_options_share_a_name() -> None:
    for names in ([o.name for o in OPTIONS], [o.environment for o in OPTIONS]):
        assert len(names) == len(set(names))
