"""What docs/configuration.md shows as an example is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from secrets_manager.daemon.config.configuration import load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

PAGE = (Path(__file__).parents[4] / "docs" / "configuration.md").read_text(encoding="utf-8")
LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}


def test_the_faults_in_the_docs_are_those_of_the_program(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "s.toml"
    file.write_text("[vault]\nrole-id = 1", encoding="utf-8")
    environ = LOGIN | {"SECRETS_MANAGER_VAULT_URL": "http://vault"}

    with pytest.raises(ConfigError) as caught:
        load(["-reconcile-period=0"], environ, tmp_path, system_file=file)

    told = str(caught.value).replace(str(file), "/etc/secrets-manager/settings.toml")
    assert sorted(told.splitlines()) == sorted(shown.splitlines())


def test_the_file_shown_is_understood(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "s.toml"
    file.write_text(shown, encoding="utf-8")

    settings = load([], LOGIN, tmp_path, system_file=file)

    assert isinstance(settings, Settings)
    assert settings.policy.paths == ("secret/data/{namespace}/*", "secret/data/shared/*")
