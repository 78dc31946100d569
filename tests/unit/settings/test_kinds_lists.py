"""Lists: what is given and empty never means that there is no bound, and no item falls apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.setting_checks import scope_notices
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import PolicySettings, Settings

LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}
PATHS = "SECRETS_MANAGER_POLICY__PATHS"
NOWHERE = Path("/nowhere")


def settings_of(*flags: str, file: Path = NOWHERE, **environ: str) -> Settings:
    """What comes of flags, a settings file and the environment."""
    settings = load(list(flags), {**LOGIN, **environ}, NOWHERE, system_file=file)
    assert isinstance(settings, Settings)
    return settings


def written(folder: Path, toml: str) -> Path:
    """A settings file."""
    file = folder / "settings.toml"
    file.write_text(toml, encoding="utf-8")
    return file


def fault_of(*flags: str, file: Path = NOWHERE, **environ: str) -> str:
    """The fault that it ends with, with the exit code of a fault of settings."""
    with pytest.raises(ConfigError) as caught:
        settings_of(*flags, file=file, **environ)
    assert caught.value.exit_code == 2
    return caught.value.message


def said_of(environ: dict[str, str]) -> str:
    """The fault of an environment."""
    with pytest.raises(ConfigError) as caught:
        load([], {**LOGIN, **environ}, NOWHERE, system_file=NOWHERE)
    return caught.value.message


@pytest.mark.parametrize("text", ["", " ", ",", " , ,", '""', '"",""', "\t"])
def test_a_policy_that_is_given_and_empty_in_the_environment_is_a_fault(text: str) -> None:
    assert PATHS in fault_of(SECRETS_MANAGER_POLICY__PATHS=text)


@pytest.mark.parametrize("value", ["[]", '[""]', '[" "]', '["secret/*", ""]', '""', '","', '" "'])
def test_a_policy_that_is_given_and_empty_in_the_file_is_a_fault(tmp_path: Path, value: str) -> None:
    assert "policy.paths" in fault_of(file=written(tmp_path, f"[policy]\npaths = {value}"))


def test_a_policy_that_is_given_and_empty_as_a_flag_is_a_fault() -> None:
    assert "flag -policy.paths: is set but empty" in fault_of("-policy.paths=")


def test_an_empty_policy_of_a_stronger_source_does_not_lift_that_of_the_file(tmp_path: Path) -> None:
    assert PATHS in fault_of(
        file=written(tmp_path, '[policy]\npaths = ["secret/a"]'), SECRETS_MANAGER_POLICY__PATHS=""
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "secret/{ns}/*",
        "secret/{Namespace}/*",
        "secret/${namespace}/*",
        "secret/{{namespace}}/*",
        "secret/{namespace/*",
        "secret/namespace}/*",
        "secret/{}/*",
        "/",
        "//",
        "/ /",
        "secret/../*",
    ],
)
def test_a_pattern_that_cannot_be_meant_is_a_fault(tmp_path: Path, pattern: str) -> None:
    assert "flag -policy.paths" in fault_of(f"-policy.paths={pattern}")
    assert "policy.paths" in fault_of(file=written(tmp_path, f"[policy]\npaths = ['{pattern}']"))


def test_a_comma_in_an_item_of_the_file_is_part_of_the_pattern(tmp_path: Path) -> None:
    settings = settings_of(file=written(tmp_path, '[policy]\npaths = ["secret/data/shared,*", "b"]'))

    assert settings.policy.paths == ("secret/data/shared,*", "b")


@pytest.mark.parametrize("text", ['"secret/data/shared,*"', 'a,"b,c"', '"a,*'])
def test_quotes_around_a_comma_do_not_make_two_patterns_of_one(text: str) -> None:
    assert PATHS in fault_of(SECRETS_MANAGER_POLICY__PATHS=text)


def test_quotes_around_each_item_of_a_text_are_dropped() -> None:
    assert settings_of(SECRETS_MANAGER_POLICY__PATHS='"secret/a", "secret/b" ,').policy.paths == (
        "secret/a",
        "secret/b",
    )


@pytest.mark.parametrize("pattern", ["*", "**", "/*", "//**"])
def test_a_pattern_of_stars_allows_every_path_and_causes_a_warning(pattern: str) -> None:
    settings = settings_of(f"-policy.paths=secret/a,{pattern}")
    (notice,) = scope_notices(settings)

    assert settings.policy.paths == ()
    assert "no path policy is set" in notice


def test_a_policy_in_force_needs_no_notice() -> None:
    settings = settings_of("-policy.paths=secret/data/{namespace}/*,secret/*/{namespace},a*")

    assert list(scope_notices(settings)) == []


@pytest.mark.parametrize(
    "pattern",
    ["a/{namespace}*", "a/{namespace}-*/b", "a/*{namespace}/b", "{namespace}*", "a/*/{namespace}/*"],
)
def test_a_pattern_that_lets_a_namespace_read_the_paths_of_another_causes_a_warning(pattern: str) -> None:
    (notice,) = scope_notices(Settings(policy=PolicySettings(paths=("x", pattern))))

    assert "{namespace}" in notice


# ── other lists ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["watch-namespaces", "exclude-namespaces", "vault.redirect-hosts"])
@pytest.mark.parametrize("text", [",", " ", ' ,"" '])
def test_a_list_of_nothing_but_commas_and_blanks_is_a_fault(name: str, text: str) -> None:
    environment = f"SECRETS_MANAGER_{name.upper().replace('-', '_').replace('.', '__')}"

    assert environment in said_of({environment: text})


@pytest.mark.parametrize("value", ['[""]', '["a", " "]', '["a,b"]'])
@pytest.mark.parametrize("name", ["watch-namespaces", "exclude-namespaces"])
def test_an_item_of_the_file_that_is_empty_or_two_is_a_fault(tmp_path: Path, name: str, value: str) -> None:
    assert f"key {name}" in fault_of(file=written(tmp_path, f"{name} = {value}"))


def test_an_empty_text_still_watches_all_namespaces_as_the_original_does() -> None:
    assert settings_of("-watch-namespaces=", "-exclude-namespaces=").controller.watch_namespaces == ()


def test_an_empty_list_of_the_file_still_watches_all_namespaces(tmp_path: Path) -> None:
    settings = settings_of(file=written(tmp_path, "watch-namespaces = []"))

    assert settings.controller.watch_namespaces == ()


@pytest.mark.parametrize(
    "name", ["VAULT_CACERT", "VAULT_SKIP_VERIFY", "VAULT_TLS_SERVER_NAME", "VAULT_NAMESPACE"]
)
def test_a_well_known_name_that_is_set_and_empty_is_as_if_absent(name: str) -> None:
    assert load([], {**LOGIN, name: ""}, NOWHERE, system_file=NOWHERE) == settings_of()


@pytest.mark.parametrize("text", [",", " ", "a,,b"])
def test_empty_items_of_a_proxy_fallback_are_dropped(text: str) -> None:
    assert "" not in settings_of(NO_PROXY=text).vault.proxy.no_proxy
