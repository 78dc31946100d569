"""Settings out of a file of a test's own, for tests of backends with a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from secrets_manager.daemon.config.configuration import load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

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


def variables(**values: str) -> dict[str, str]:
    return {f"SECRETS_MANAGER_BACKENDS__{name}": value for name, value in values.items()}
