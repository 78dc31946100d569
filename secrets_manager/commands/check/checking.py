"""All that is wrong with the definitions in files, in the order of the files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from secrets_manager.commands.check import against_backend, against_settings
from secrets_manager.commands.check.duplicates import Duplicates
from secrets_manager.commands.check.hazards import hazards
from secrets_manager.commands.definitions import Examined, examine
from secrets_manager.commands.engine.engine import Engine, Known
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.manifests import Manifest, Passed, Trouble
from secrets_manager.commands.files.tree import Mark
from secrets_manager.commands.problems import Problem, of_error, of_trouble
from secrets_manager.domain.definition import SecretSpec

# Definitions whose paths are read side by side, and those that are held while an earlier one takes long.
_AT_ONCE = 8
_AHEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found about one definition, or about a part of a file that holds none: then it has no name."""

    file: str
    mark: Mark | None
    definition: str
    problems: tuple[Problem, ...]


@dataclass(eq=False, kw_only=True)
class Checker:
    """``reads`` says that values are read, from backends or files."""

    engine: Engine
    namespace: str | None
    reads: bool
    passed: Passed = field(default_factory=Passed)
    _duplicates: Duplicates = field(default_factory=Duplicates)

    def verdicts(self, found: Iterable[Manifest | Trouble]) -> Iterator[Verdict]:
        """One for each definition and for each trouble."""
        if not self.reads:
            yield from (self._first(each)() for each in found)
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting: deque[Future[Verdict]] = deque()
            for each in found:
                waiting.append(pool.submit(self._first(each)))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _first(self, found: Manifest | Trouble) -> Callable[[], Verdict]:
        """What has to be done in the order of the files, and the rest of the work."""
        if isinstance(found, Trouble):
            problem = of_trouble(found)
            problems = (problem if found.unread else _counted(problem),)
            return lambda: Verdict(file=found.file, mark=found.mark, definition="", problems=problems)
        examined = examine(found, self.namespace)
        clashes = tuple(self._duplicates.problems(examined))
        return lambda: self._verdict(examined, clashes)

    def _verdict(self, examined: Examined, clashes: tuple[Problem, ...]) -> Verdict:
        spec = examined.spec
        further = [] if spec is None else list(self._further(examined, spec))
        return Verdict(
            file=examined.manifest.file,
            mark=examined.manifest.mark,
            definition=examined.shown,
            problems=tuple(map(_counted, (*examined.problems, *clashes, *further))),
        )

    def _further(self, examined: Examined, spec: SecretSpec) -> Iterator[Problem]:
        """What there is to say of a spec that can be used."""
        yield from hazards(examined, spec)
        refused = self.engine.refused(examined.definition, spec)
        if self.engine.known is Known.SETTINGS:
            yield from against_settings.problems(examined, spec, self.engine)
        elif refused is not None:
            yield of_error(examined.manifest, examined.shown, refused[1], refused[0])
        if self.reads and refused is None and not spec.suspended:
            yield from against_backend.problems(examined, spec, self.engine)
        self.engine.forget(examined.definition.ref)


def _counted(problem: Problem) -> Problem:
    """A manifest with a fault is no fault of the arguments here: to find it is what a check is for."""
    return replace(problem, code=Exit.NO) if problem.code is Exit.FAULT else problem
