"""Which backends an engine has: those of the daemon's settings, or files of values in their place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from secrets_manager.backends.base import Backend
from secrets_manager.backends.factory import build_backend
from secrets_manager.cluster.base import KubernetesApi
from secrets_manager.commands.engine.engine import Engine, Known, engine
from secrets_manager.commands.engine.locating import locator
from secrets_manager.commands.engine.values import Held, ValuesBackend, joined, read_values
from secrets_manager.commands.kinds import Surroundings
from secrets_manager.commands.one_time_logins import one_time_login
from secrets_manager.commands.settings_of import settings_of
from secrets_manager.daemon.assembly import provide
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import BackendSettings, Settings

_Callback = TypeVar("_Callback", bound=Callable[..., Any])
# The kind of a backend of which there is only a file: a plug-in that no settings can name.
_OF_VALUES = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options say: files of values, and whether the backends of the settings are asked."""

    values: Sequence[str] = ()
    backend: bool = False

    @property
    def reads(self) -> bool:
        """Whether there is anything to read values from."""
        return self.backend or bool(self.values)


def source_options() -> Callable[[_Callback], _Callback]:
    """``--values`` and ``--backend``, as the parameter ``wanted`` of type `Wanted`."""

    def decorate(callback: _Callback) -> _Callback:
        @functools.wraps(callback)
        def called(*args: Any, **options: Any) -> Any:
            wanted = Wanted(values=options.pop("values"), backend=options.pop("backend"))
            if wanted.values and wanted.backend:
                raise click.UsageError(
                    "--values stands in for the backends, and --backend asks them; give one of the two"
                )
            return callback(*args, wanted=wanted, **options)

        for option in (
            click.option(
                "--backend", is_flag=True, help="Read the values from the backends of the daemon's settings."
            ),
            click.option(
                "--values",
                multiple=True,
                metavar="[BACKEND=]FILE",
                help="JSON or YAML with what paths of a backend hold. May be given again.",
            ),
        ):
            called = option(called)
        return called  # type: ignore[return-value] # an option returns what it is given

    return decorate


@contextmanager
def engine_of(
    wanted: Wanted, surroundings: Surroundings, api: KubernetesApi | None = None
) -> Iterator[Engine]:
    """The engine that the options and the flags behind ``--`` ask for; raises ConfigError.

    ``api`` stands in for a cluster.
    """
    held = joined(read_values(each, surroundings.cwd) for each in wanted.values)
    known = _known(wanted, surroundings)
    if known is Known.SETTINGS:
        settings = settings_of(surroundings, offline=not wanted.backend)
    else:
        settings = _settings_for(held)
    metrics = Metrics(settings)
    backends = _built(settings, metrics) if wanted.backend else _stood_in(settings, held, metrics)
    with engine(settings, backends, metrics, known, api) as made:
        yield made


@contextmanager
def engine_offline(settings: Settings) -> Iterator[Engine]:
    """An engine that knows the backends of the settings and reads none of them."""
    metrics = Metrics(settings)
    with engine(settings, _stood_in(settings, {}, metrics), metrics, Known.SETTINGS) as made:
        yield made


def _known(wanted: Wanted, surroundings: Surroundings) -> Known:
    if wanted.backend or surroundings.flags:
        return Known.SETTINGS
    return Known.FILES if wanted.values else Known.NOTHING


def _built(settings: Settings, metrics: Metrics) -> dict[str, Backend]:
    """The backends of the settings; makes no call. Raises ConfigError where a login could not be repeated."""
    if setting := next(filter(None, map(one_time_login, settings.backends)), ""):
        raise ConfigError(
            f"{setting}: the wrapping token is good for one login, which the daemon needs; give this command "
            "a login of its own"
        )
    watchdog = Watchdog()
    return {
        each.name: build_backend(each, provide(settings, each, metrics, watchdog))
        for each in settings.backends
    }


def _settings_for(held: Mapping[str, object]) -> Settings:
    """Settings with just these backends, and without a policy."""
    usual = Settings()
    named = [
        BackendSettings(
            name=name,
            kind=_OF_VALUES,
            table=f"backends.{name}",
            own=None,
            timeout=usual.backend_timeout,
            reconcile_period=usual.controller.reconcile_period,
        )
        for name in held
        if name != DEFAULT_BACKEND
    ]
    return replace(
        usual, backend=_OF_VALUES, named=tuple(named), has_default=DEFAULT_BACKEND in held or not named
    )


def _stood_in(
    settings: Settings, held: Mapping[str, Mapping[str, Held]], metrics: Metrics
) -> dict[str, Backend]:
    """For each backend of the settings what the files hold in its place."""
    names = [each.name for each in settings.backends]
    if strange := min(held.keys() - set(names), default=None):
        raise ConfigError(f"--values names backend {strange}; the settings have {', '.join(names)}")
    return {each.name: _one(settings, each, held.get(each.name, {}), metrics) for each in settings.backends}


def _one(
    settings: Settings, backend: BackendSettings, held: Mapping[str, Held], metrics: Metrics
) -> ValuesBackend:
    if backend.kind == _OF_VALUES:
        return ValuesBackend(held)
    return ValuesBackend(held, backend.kind, locator(settings, backend, metrics))
