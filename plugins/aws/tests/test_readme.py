"""What the page of the plug-in says is so: options, settings file, rights, pins, and figures of calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from secrets_manager.backends import factory
from secrets_manager.daemon.config.configuration import load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from secrets_manager.settings.option import options_of
from secrets_manager_aws import faults
from secrets_manager_aws.plugin import PLUGIN
from secrets_manager_aws.settings import AwsSettings
from tests.docs.pages import ROOT, page, plain

PAGE = page("plugins/aws/README.md")
ENTRY = "[secrets_manager.backends]\naws-sm = secrets_manager_aws.plugin:PLUGIN\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where Python finds the plug-in by its kind, as after an installation."""
    about = tmp_path / "site/secrets_manager_aws-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Name: secrets-manager-aws\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(ENTRY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(about.parent))
    factory.plugin_named.cache_clear()
    yield
    factory.plugin_named.cache_clear()


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    settings = load([], environ, folder, system_file=file)
    assert isinstance(settings, Settings)
    return settings


def test_the_table_of_settings_is_that_of_the_options() -> None:
    rows = {plain(row[0])[0]: row for row in PAGE.rows("Settings")[1:]}
    options = {option.name: option for option in options_of(AwsSettings, "aws-sm")}

    assert list(rows) == list(options)
    for name, (_, names, meaning) in rows.items():
        option = options[name]
        default = f" Default: `{option.default_text}`." if option.default_text else ""
        assert plain(names) == [option.environment, *option.fallbacks], name
        assert meaning == f"{option.help}{default}", name


@pytest.mark.usefixtures("installed")
def test_the_settings_file_is_all_that_a_pod_with_an_identity_needs(tmp_path: Path) -> None:
    (shown,) = PAGE.fences("toml")
    settings = loaded(tmp_path, shown.text, AWS_ROLE_ARN="", AWS_WEB_IDENTITY_TOKEN_FILE="")

    assert settings.backends[0].own == AwsSettings(region="eu-west-1")
    assert settings.backends[0].reconcile_period == 60.0


@pytest.mark.usefixtures("installed")
def test_the_names_that_aws_puts_into_a_pod_count_and_a_missing_region_is_named(tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/a"
    given = {"AWS_REGION": "eu-west-1", "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    own = loaded(tmp_path, 'backend = "aws-sm"', **given).backends[0].own

    assert (own.region, own.role_arn, own.web_identity_token_file) == ("eu-west-1", role, "/token")
    with pytest.raises(ConfigError, match=r"setting aws-sm\.region: missing") as caught:
        loaded(tmp_path, 'backend = "aws-sm"')
    assert caught.value.exit_code == 1


@pytest.mark.usefixtures("installed")
def test_backends_with_a_name_may_be_of_this_kind(tmp_path: Path) -> None:
    text = """
backend = "aws-sm"
[aws-sm]
region = "eu-west-1"
[backends.billing]
kind = "aws-sm"
region = "us-east-1"
survey = "batch"
"""
    found = {each.name: each.own.region for each in loaded(tmp_path, text).backends}

    assert found == {"default": "eu-west-1", "billing": "us-east-1"}


def test_the_keys_in_the_environment_are_removed_from_it() -> None:
    secret = [option for option in options_of(AwsSettings, "aws-sm") if option.secret]
    names = {name for option in secret for name in option.fallbacks if name.startswith("AWS_")}

    assert names == set(PLUGIN.foreign_credentials)


def test_the_rights_are_those_of_the_calls_that_are_made() -> None:
    (shown,) = PAGE.fences("json")
    allowed = {each["Action"] for each in json.loads(shown.text)["Statement"]}
    source = (ROOT / "plugins/aws/src/secrets_manager_aws/api.py").read_text(encoding="utf-8")

    assert allowed == {f"secretsmanager:{action}" for action in re.findall(r'call\(\s*"(\w+)"', source)}


def test_the_table_of_figures_is_what_the_limits_of_the_api_make() -> None:
    figures = {plain(row[0])[0]: int(row[2]) for row in PAGE.rows("How changes are noticed")[1:]}

    assert figures == {"list": 1000 // 100, "batch": 300 // 20, "none": 300}


def test_reasons_of_the_plug_in_s_own_are_explained() -> None:
    explained = {plain(row[0])[0] for row in PAGE.rows("When something is wrong")[1:]}

    assert {faults.DecryptionFailed.__name__, faults.RefusedByService.__name__} < explained


def test_the_pins_are_those_that_the_tests_run_with() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.-]+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    ours = pins("plugins/aws/requirements.txt")
    assert any(pin.startswith("botocore==") for pin in ours)
    assert ours <= pins("requirements/dev.txt") | pins("requirements/run.txt")


def test_the_plug_in_imports_only_what_the_page_about_plug_ins_allows() -> None:
    imports = re.findall(r"`(secrets_manager\.[a-z_.]+)`", page("docs/plug-ins.md").text)
    sources = (ROOT / "plugins/aws/src").rglob("*.py")
    used = {
        found
        for source in sources
        for found in re.findall(
            r"^from (secrets_manager\.[a-z_.]+) import", source.read_text("utf-8"), re.MULTILINE
        )
    }

    assert used
    assert {name for name in used if not any(f"{name}.".startswith(f"{each}.") for each in imports)} == set()
