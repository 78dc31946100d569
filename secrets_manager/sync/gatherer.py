"""Reads what a definition asks for, source by source, and makes the data of its Secret of it.

The values of one source are taken before the next one is read, so that no more than the Secret can hold is
in memory, however much the sources have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.errors import NoAnswerYet, SecretsManagerError, is_absence
from secrets_manager.domain.location import Location
from secrets_manager.runtime.byte_semaphore import ByteSemaphore
from secrets_manager.runtime.heartbeat import beat_here
from secrets_manager.sync.asking import asked_keys
from secrets_manager.sync.composing import secret_data
from secrets_manager.sync.gathering import Gathered, Gathering
from secrets_manager.sync.reading.upstream import Upstreams
from secrets_manager.sync.subscriptions import Routes
from secrets_manager.sync.telemetry import SyncTelemetry
from secrets_manager.sync.template_cache import TemplateCache
from secrets_manager.sync.vanished import Gone, VanishedError

# Bytes of readings that are unpacked at a time. Unpacking is work of the processor, so no wait is long.
_UNPACKED = 2 * 1024 * 1024
_LIGHT = 64 * 1024

# Called between two steps of a reconcile; may reconcile another definition meanwhile.
GiveWay = Callable[[Ref], None]


@dataclass(eq=False, kw_only=True)
class Gatherer:
    """Safe from many threads; each definition is one thread's at a time."""

    upstreams: Upstreams
    routes: Routes
    telemetry: SyncTelemetry
    _templates: TemplateCache = field(default_factory=TemplateCache)
    _unpacking: ByteSemaphore = field(default_factory=lambda: ByteSemaphore(_UNPACKED, light=_LIGHT))

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        self._templates.forget(ref)

    def gather(self, asker: Ref, spec: SecretSpec, since: float, give_way: GiveWay) -> Gathered:
        """Everything that a spec of ``asker`` wants, from readings that began after ``since``.

        Raises the first error that is found, VanishedError where sources are gone that may take the Secret
        with them, and NoAnswerYet.
        """
        # What is wrong with a template is told before anything is read for it.
        self._templates.of(asker, spec)
        route = self.routes.of(asker, spec)
        if route.refused is not None:
            location, error = route.refused
            self._report_failed(asker, spec, (location,), error)
            raise error
        gathering, gone = Gathering(spec), list[Gone]()
        for source, locations in route.locations.items():
            # Many paths of a slow backend take long, and a worker that does not beat counts as dead.
            beat_here()
            # Nothing is half done here, and other keys must not wait for all paths.
            give_way(asker)
            try:
                reading = self._read(source, asker, since)
            except NoAnswerYet:
                raise
            except SecretsManagerError as error:
                if is_absence(error) and gathering.miss(locations):
                    continue
                self._report_failed(asker, spec, locations, error)
                if not is_absence(error) or source not in route.watched:
                    raise
                # All others have to be well, or gone as well, before it counts.
                gone.append(Gone(source, locations, error.bare()))
                continue
            self._take(asker, gathering, locations, reading)
            # Its bytes must be gone before the next path is asked for.
            del reading
        return self._gathered(asker, gathering, gone)

    def _read(self, source: Source, asker: Ref, since: float) -> Reading:
        try:
            return self.upstreams[source.backend].reader.read(source, asker, since)
        except SecretsManagerError as error:
            error.of_backend(source.backend)
            raise

    def _gathered(self, asker: Ref, gathering: Gathering, gone: Sequence[Gone]) -> Gathered:
        if gone and gathering.first_fault() is None:
            raise VanishedError(gone)
        if gone:
            raise gone[0].error
        with self._reported(asker, gathering):
            return gathering.result()

    def _take(
        self, asker: Ref, gathering: Gathering, locations: Sequence[Location], reading: Reading
    ) -> None:
        with self._unpacking.hold(reading.weight()), self._reported(asker, gathering):
            gathering.take(locations, reading)

    @contextmanager
    def _reported(self, asker: Ref, gathering: Gathering) -> Iterator[None]:
        """Count the fault of a key that ends the gathering."""
        try:
            yield
        except SecretsManagerError as error:
            fault = gathering.first_fault()
            if fault is not None and fault.error is error:
                self.telemetry.source_failed(asker, fault.location, fault.key, error)
            raise

    def data(self, asker: Ref, spec: SecretSpec, taken: Gathered) -> Mapping[str, bytes]:
        """The data of the Secret; raises as `secret_data` does."""
        # Some types need JSON, and parsing it may take thirty times its size, and templates make copies:
        # heavy ones run alone.
        heavy = taken.size() >= _LIGHT
        with self._unpacking.hold(_UNPACKED if heavy else 0):
            return secret_data(spec, taken, self._templates.of(asker, spec))

    def _report_failed(
        self, asker: Ref, spec: SecretSpec, locations: Sequence[Location], error: SecretsManagerError
    ) -> None:
        for location, key in asked_keys(spec, frozenset(locations)):
            self.telemetry.source_failed(asker, location, key, error)
