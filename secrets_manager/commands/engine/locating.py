"""Which source a path names in a backend of the settings, without credentials and without a call."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

from secrets_manager.backends.azure_key_vault import objects
from secrets_manager.backends.base import Backend, Source
from secrets_manager.backends.factory import build_backend
from secrets_manager.backends.vault import kv
from secrets_manager.daemon.assembly import provide
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.errors import ConfigError, InvalidVersion
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import BackendSettings, Settings, VaultSettings

# The path and the version of a definition.
Locate = Callable[[str, str], Source]


def located(backend: Backend, path: str, version: str) -> Source:
    """As the backend's ``locate``, also of a plug-in from before there were versions."""
    if not version:
        return backend.locate(path)
    if len(signature(backend.locate).parameters) < 2:
        raise InvalidVersion(path, version, "this backend has no versions")
    return backend.locate(path, version)


def locator(settings: Settings, backend: BackendSettings, metrics: Metrics) -> Locate:
    """How a backend locates paths; one of another package that cannot be built has them as they are."""
    if isinstance(backend.own, VaultSettings):
        engine = backend.own.engine
        return lambda path, version: kv.locate(path, engine, version)
    if backend.kind == "azure-kv":
        return objects.locate
    try:
        built = build_backend(backend, provide(settings, backend, metrics, Watchdog()))
    except ConfigError:
        return lambda path, version: Source(path.lstrip("/"), version)
    return lambda path, version: located(built, path, version)
