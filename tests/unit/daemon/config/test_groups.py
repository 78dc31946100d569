"""A group of settings stands under any prefix, any number of times: what each source calls it follows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from secrets_manager.daemon import hardening
from secrets_manager.daemon.config import environment, option_docs
from secrets_manager.daemon.config.configuration import check_values, merge
from secrets_manager.daemon.config.flags import Flags, parse_flags, usage
from secrets_manager.daemon.config.layers import Fault
from secrets_manager.daemon.config.options import Options
from secrets_manager.daemon.config.settings_file import document_layer, read_document
from secrets_manager.daemon.config.sources import flag_layer
from secrets_manager.settings import AuthMethod, VaultSettings
from secrets_manager.settings.option import build_group, options_of

CANARY = "canary-1f0c"
EU, US = "backends.eu", "backends.us-2"
TWO = Options(chain.from_iterable(options_of(VaultSettings, table, overriding=False) for table in (EU, US)))


class Told:
    """The settings of two backends from every source at once."""

    def __init__(self, file: Path, argv: list[str], environ: Mapping[str, str], text: str) -> None:
        file.write_text(text, encoding="utf-8")
        flags = parse_flags(argv, TWO)
        assert isinstance(flags, Flags)
        layers = [
            environment.fallback_layer(environ, TWO),
            document_layer(read_document(file), TWO),
            environment.own_layer(environ, TWO),
            flag_layer(flags),
            environment.overriding_layer(environ, TWO),
        ]
        values, senseless = check_values(merge(layers), TWO)
        self.flags = flags
        self.faults: list[Fault] = [*chain.from_iterable(layer.faults for layer in layers), *senseless]
        self.eu, self.us = build_group(VaultSettings, values, EU), build_group(VaultSettings, values, US)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_two_backends_of_a_kind_have_flags_environment_names_and_tables_of_their_own(file: Path) -> None:
    told = Told(
        file,
        ["-backends.eu.url=https://eu.example", "-backends.us-2.skip-verify"],
        {"SECRETS_MANAGER_BACKENDS__US_2__URL": "https://us.example"},
        """
[backends.eu]
max-token-ttl = 60
namespace = "from-the-file"
url = "https://loses.example"
[backends.us_2]
redirect_hosts = ["other.example"]
http-proxy = "proxy:3128"
""",
    )

    assert told.faults == []
    assert (told.eu.url, told.us.url) == ("https://eu.example", "https://us.example")
    assert (told.eu.skip_verify, told.us.skip_verify) == (False, True)
    assert (told.eu.max_token_ttl, told.us.max_token_ttl) == (60.0, 300.0)
    assert (told.eu.namespace, told.us.namespace) == ("from-the-file", "")
    assert (told.eu.redirect_hosts, told.us.redirect_hosts) == ((), ("other.example",))
    assert (told.eu.proxy.http, told.us.proxy.http) == ("", "http://proxy:3128")


def test_well_known_names_of_one_vault_set_no_other_and_shared_fallbacks_set_all(file: Path) -> None:
    environ = {"VAULT_ADDR": "https://v.example", "VAULT_ROLE_ID": "role", "HTTPS_PROXY": "http://proxy:1"}
    told = Told(file, [], environ, "")

    assert told.eu == told.us
    assert (told.eu.url, told.eu.role_id) == (VaultSettings().url, "")
    assert told.eu.proxy.https == "http://proxy:1"


def test_all_faults_are_reported_at_once_by_their_place_and_without_a_value(file: Path) -> None:
    text = f"[backends.eu]\nmax-token-ttl = '{CANARY}'\n[backends.us-2]\nurll = 5"
    environ = {"SECRETS_MANAGER_BACKENDS__EU__URL": f"ftp://{CANARY}"}
    told = Told(file, ["-backends.us-2.auth-method", CANARY], environ, text)

    assert sorted(str(fault) for fault in told.faults) == [
        "environment SECRETS_MANAGER_BACKENDS__EU__URL: must start with http:// or https://",
        f"file {file}, key backends.eu.max-token-ttl: expected an integer such as 300 (seconds)",
        f"file {file}, key backends.us-2.urll: unknown key; did you mean backends.us-2.url?",
        f"flag -backends.us-2.auth-method: must be one of {', '.join(get_args(AuthMethod))}",
    ]


def test_usage_and_docs_name_each_backend_in_its_own_place() -> None:
    texts = [usage(TWO), option_docs.markdown_table(TWO)]

    for text in texts:
        assert "backends.eu.role-id-file" in text
        assert "wins over backends.us-2.role-id." in text
        assert "vault.role-id" not in text.replace("backends.", "")
    assert [line for line in option_docs.settings_file(TWO).splitlines() if line.startswith("[")] == [
        "[backends.eu]",
        "[backends.us-2]",
    ]


def test_the_secrets_of_each_backend_are_removed_from_arguments_and_environment(file: Path) -> None:
    told = Told(file, [f"-backends.us-2.secret-id={CANARY}", "-backends.eu.namespace=n"], {}, "")
    removed = hardening.credential_names({EU}, TWO)

    assert told.flags.secrets == (CANARY,)
    assert CANARY not in repr(told.us) + repr(told.flags)
    for name in ("EU__SECRET_ID", "EU__HTTPS_PROXY", "US_2__SECRET_ID"):
        assert f"SECRETS_MANAGER_BACKENDS__{name}" in removed
    assert "SECRETS_MANAGER_BACKENDS__EU__NAMESPACE" not in removed
