"""The last result of each path, counted in every part of the backend that the path lies in.

A part counts as sick when five faults or more came from it since its last answer and no path of it that was
read lately is well: the widest such part explains the faults of all paths in it. One path that is well, and
was read lately, shows that no part above it is sick.

Pure except for its memory, which is bounded and expires. Knows no threads, and not what a sick part leads to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendFault
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN

MOST_REMEMBERED = 10_000
# The name of the backend as a whole.
WHOLE = ""
# A path is read once a period, and at times a few moments late.
_PERIODS = 2.0
_LEAST_LATELY = 10.0


def evidence_seconds(period: float) -> float:
    """For how long the result of a path counts, where each is read once in ``period`` seconds."""
    return max(_LEAST_LATELY, _PERIODS * period)


class PathHealth(Enum):
    """The result of the last read of a path. SILENT: it was left before the time of a whole call was over."""

    WELL = "well"
    SICK = "sick"
    SILENT = "silent"


@dataclass(eq=False, slots=True)
class Part:
    """The backend, a part of it, or one path. While ``opened_at`` is set it is sick, and probed.

    Attributes:
        name: the name that the backend gives it.
        paths: how many paths of it are remembered.
        well: how many of those are well.
        faults: how many faults came from it since its last answer.
        fault: the last of them.
        silences: how many reads of it ended without an answer in time since its last answer.
        opened_at: since when it is sick; None while it is not.
        probe_at: when the next call may be made while it is sick.
        probe: the path that is being read to find out; None when there is none.

    """

    name: str
    paths: int = 0
    well: int = 0
    faults: int = 0
    fault: BackendFault | None = None
    silences: int = 0
    opened_at: float | None = None
    probe_at: float = 0.0
    probe: Source | None = None

    def explains(self) -> bool:
        """Whether trouble of this part explains the faults of its paths."""
        return self.well == 0 and self.faults >= FAULTS_TO_OPEN

    def recover(self) -> None:
        """Note that it answered."""
        self.faults = self.silences = 0
        self.fault = self.opened_at = self.probe = None


@dataclass(eq=False, slots=True)
class Path:
    """The memory of one path; ``parts`` are those that it lies in, the widest first, itself last."""

    parts: tuple[Part, ...]
    health: PathHealth
    at: float
    fault: BackendFault | None = None

    def sick_part(self) -> Part | None:
        """The widest part that is sick."""
        return next((part for part in self.parts if part.opened_at is not None), None)


class Evidence:
    """Paths and the parts they lie in. ``domains_of`` names the parts of a source, the widest first.

    A result older than ``lately`` seconds does not count, unless it is part of the reason why a part is sick.
    """

    def __init__(self, domains_of: Callable[[Source], tuple[str, ...]], lately: float) -> None:
        self.whole = Part(WHOLE)
        self._domains_of = domains_of
        self._lately = lately
        self._parts: dict[str, Part] = {}
        # The path whose last result is oldest comes first.
        self._paths: OrderedDict[Source, Path] = OrderedDict()
        self._unwell: dict[Source, Path] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def unwell(self) -> Iterator[tuple[Source, Path]]:
        """The paths that are not well; the one that was read longest ago comes first."""
        return iter(self._unwell.items())

    def get(self, source: Source) -> Path | None:
        """The memory of ``source``."""
        return self._paths.get(source)

    def put(self, source: Source, health: PathHealth, now: float) -> Path:
        """Note the health of ``source``."""
        path = self._paths.get(source)
        if path is None:
            path = self._paths[source] = Path(self._join(source), health, now)
            change = int(health is PathHealth.WELL)
        else:
            change = int(health is PathHealth.WELL) - int(path.health is PathHealth.WELL)
            path.health, path.at = health, now
            self._paths.move_to_end(source)
        if change:
            for part in path.parts:
                part.well += change
        self._unwell.pop(source, None)
        if health is not PathHealth.WELL:
            self._unwell[source] = path
        self._drop_old(now)
        return path

    def around(self, source: Source) -> list[Part]:
        """The remembered parts between the whole and ``source`` itself."""
        path = self._paths.get(source)
        if path is not None:
            return list(path.parts[1:-1])
        return [self._parts[name] for name in self._domains_of(source) if name in self._parts]

    def knows_surroundings(self, source: Source) -> bool:
        """Whether every part that ``source`` lies in is remembered."""
        return all(name in self._parts for name in self._domains_of(source))

    def drop(self, source: Source) -> None:
        """Forget ``source``."""
        path = self._paths.pop(source, None)
        self._unwell.pop(source, None)
        if path is None:
            return
        for part in path.parts:
            part.paths -= 1
            part.well -= path.health is PathHealth.WELL
            if part.probe == source:
                part.probe = None
            if not part.paths:
                part.faults, part.opened_at = 0, None
                if self._parts.get(part.name) is part:
                    del self._parts[part.name]

    def keep_only(self, used: Collection[Source]) -> None:
        """Drop all but these."""
        for source in [source for source in self._paths if source not in used]:
            self.drop(source)

    def inside(self, part: Part) -> list[Source]:
        """The paths of ``part`` that are not well."""
        return [source for source, path in self._unwell.items() if any(each is part for each in path.parts)]

    def _join(self, source: Source) -> tuple[Part, ...]:
        above = (self._parts.setdefault(name, Part(name)) for name in self._domains_of(source))
        parts = (self.whole, *above, Part(source.path))
        for part in parts:
            part.paths += 1
        return parts

    def _drop_old(self, now: float) -> None:
        while self._paths:
            source, path = next(iter(self._paths.items()))
            if len(self._paths) <= MOST_REMEMBERED:
                if now - path.at <= self._lately:
                    return
                if path.sick_part() is not None:
                    # It is not read, because a part of it is sick: that does not make it well.
                    path.at = now
                    self._paths.move_to_end(source)
                    continue
            self.drop(source)
