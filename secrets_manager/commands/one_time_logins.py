"""Credentials that one login uses up, and that a command therefore leaves to the daemon; pure."""

from __future__ import annotations

from secrets_manager.settings import BackendSettings, VaultSettings


def one_time_login(backend: BackendSettings) -> str:
    """The setting by which the credentials of a backend are good for one login, "" if they are for many."""
    own = backend.own
    if isinstance(own, VaultSettings) and own.auth_method == "approle" and own.secret_id_wrapped:
        return f"{own.table}.secret-id-wrapped"
    return ""
