"""Backends with names of their own, as settings."""

from __future__ import annotations

from typing import Any

from secrets_manager.settings import AzureKvSettings, BackendSettings, VaultSettings


def named(name: str, kind: str, own: Any, *, timeout: float = 5.0) -> BackendSettings:
    """A backend of that kind."""
    return BackendSettings(
        name=name, kind=kind, table=f"backends.{name}", own=own, timeout=timeout, reconcile_period=5.0
    )


def named_vault(name: str, **own: Any) -> BackendSettings:
    """A Vault."""
    return named(name, "vault", VaultSettings(**own))


def named_azure(name: str, **own: Any) -> BackendSettings:
    """A Key Vault."""
    return named(name, "azure-kv", AzureKvSettings(**{"name": name, "tenant_id": "t", **own}))


def named_memory(name: str, *, timeout: float = 5.0) -> BackendSettings:
    """A backend in memory."""
    return named(name, "memory", None, timeout=timeout)
