"""A definition against the settings of a daemon: its policy, backends, namespaces and periods. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from secrets_manager.commands.definitions import Examined
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.problems import Problem, of_error, warning
from secrets_manager.domain.definition import SecretSpec
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.settings import Settings

# Of one definition, which may name a thousand paths.
_MOST = 20


def problems(examined: Examined, spec: SecretSpec, engine: Engine) -> Iterator[Problem]:
    """What a daemon with these settings would not do, or would do otherwise."""
    yield from islice(_paths(examined, spec, engine), _MOST)
    yield from _scope(examined, engine.settings)
    yield from _period(examined, spec, engine.settings)


def _paths(examined: Examined, spec: SecretSpec, engine: Engine) -> Iterator[Problem]:
    for location in spec.locations:
        try:
            engine.core.upstreams.locate(location, examined.definition.ref.namespace)
        except DefinitionError as error:
            yield of_error(examined.manifest, examined.shown, error, location)


def _scope(examined: Examined, settings: Settings) -> Iterator[Problem]:
    namespace, manifest = examined.definition.ref.namespace, examined.manifest
    watched, excluded = settings.controller.watch_namespaces, settings.controller.exclude_namespaces
    if not examined.named:
        told = f"names no namespace, so what holds for {namespace} was checked; give -n"
        yield warning(manifest, examined.shown, ("metadata",), "NoNamespace", told)
    elif namespace in excluded or (watched and namespace not in watched):
        told = f"the daemon does not work in namespace {namespace}"
        yield warning(manifest, examined.shown, ("metadata", "namespace"), "NotWatched", told)


def _period(examined: Examined, spec: SecretSpec, settings: Settings) -> Iterator[Problem]:
    wished = spec.refresh_period
    if wished is None:
        return
    for name in sorted({location.backend for location in spec.locations}):
        usual = next((each.reconcile_period for each in settings.backends if each.name == name), None)
        if usual is not None and wished < (shortest := min(settings.controller.min_refresh_period, usual)):
            told = f"is shorter than the settings allow: paths of backend {name} are read every {shortest:g}s"
            yield warning(
                examined.manifest, examined.shown, ("spec", "refreshPeriod"), "ShortRefreshPeriod", told
            )
