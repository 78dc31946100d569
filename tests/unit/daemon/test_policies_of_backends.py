"""The path policy of each backend, as the settings give it."""

from __future__ import annotations

import pytest

from secrets_manager.daemon.core import path_policy, policy_of
from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.settings import PolicySettings, Settings
from tests.named_backends import named_azure, named_vault

VAULT, KEY_VAULT = named_vault("eu"), named_azure("keys")
SETTINGS = Settings(policy=PolicySettings(paths=("Shop-*",)), named=(VAULT, KEY_VAULT), has_default=False)
POLICY = path_policy(SETTINGS)


def test_a_key_vault_ignores_capitals_and_a_vault_beside_it_does_not() -> None:
    policy_of(KEY_VAULT, POLICY).check("shop", "shop-db")

    with pytest.raises(PathNotAllowed):
        policy_of(VAULT, POLICY).check("shop", "shop-db")
    policy_of(VAULT, POLICY).check("shop", "Shop-db")
