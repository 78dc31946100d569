"""What one answer of the status page costs: ``python -m bench.status_page [DEFINITIONS]``.

The program is not started: its stores are filled as informers and readings would, and pages are made of them.
CPU is that of the one thread; of several rounds the least counts. The locks are those that workers need.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from secrets_manager.backends.base import Source
from secrets_manager.daemon.status.as_json import TooLong
from secrets_manager.daemon.status.listing import Sight
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.sync.queue.keys import Key
from tests.unit.daemon.status_world import StatusWorld, entry

_ROUNDS = 5
_NAMESPACES = 200
# One of so many definitions is not ready.
_TROUBLED = 50


def main(argv: list[str]) -> None:
    """Print a table of what each kind of answer costs."""
    count = int(argv[0]) if argv else 10_000
    world = filled(count)
    one = "ns007"
    some = Sight(frozenset({one}))
    answers: dict[str, Callable[[], bytes]] = {
        "the first page": lambda: world.html().encode(),
        "the page of what is not ready": lambda: world.html("ready=false").encode(),
        "the page of a search": lambda: world.html("q=def09").encode(),
        "the page of a team": lambda: world.html(f"namespace={one}", some).encode(),
        "a page as JSON": lambda: world.json("page=1"),
        "everything as JSON": world.json,
    }
    print(f"{count:,} definitions in {_NAMESPACES} namespaces, each with a path of its own\n")
    print("| answer | CPU, ms | kB |\n|---|---|---|")
    for name, make in answers.items():
        seconds, size = cost(make)
        print(f"| {name} | {1000 * seconds:.0f} | {size / 1000:.0f} |")
    view = world.program.core.agenda.view
    print("\n| lock | held at most, ms |\n|---|---|")
    print(f"| of the definitions, for their names | {1000 * held(view.definitions.refs):.2f} |")
    due, taken = view.schedule._due, view.schedule._taken  # noqa: SLF001 - what `late` copies under its lock
    print(f"| of the polls | {1000 * held(lambda: (due.copy(), taken.copy())):.2f} |")


def filled(count: int) -> StatusWorld:
    """A program that knows so many definitions."""
    world = StatusWorld()
    agenda = world.program.core.agenda
    for number in range(count):
        path = f"secret/data/team/{number}"
        reason = "Synced" if number % _TROUBLED else "SourceNotFound"
        ref = f"ns{number % _NAMESPACES:03}/def{number:05}"
        made = entry(ref, reason, paths=[path], sources=[SourceVersion(path, "3")])
        agenda.view.definitions.apply(made)
        agenda.subscriptions.follow(made.definition.ref)
        agenda.sources_known([Source(path)])
        agenda.view.schedule.served(Key.source(Source(path)), agenda.clock())
    return world


def cost(make: Callable[[], bytes]) -> tuple[float, int]:
    """Seconds of CPU and bytes of an answer; nothing where it would be too long."""
    least, size = float("inf"), 0
    for _ in range(_ROUNDS):
        began = time.thread_time()
        try:
            size = len(make())
        except TooLong:
            return 0.0, 0
        least = min(least, time.thread_time() - began)
    return least, size


def held(work: Callable[[], object]) -> float:
    """Seconds that some work takes at least, all of it under a lock."""
    least = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - began)
    return least


if __name__ == "__main__":
    main(sys.argv[1:])
