"""What the status page shows, for a query and for what somebody may see.

Somebody who may see all namespaces sees the daemon as a whole. Somebody who may see some is shown their
definitions, the backends that those read, and who leads; the queue and the changes are those of everybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from secrets_manager import __version__
from secrets_manager.daemon.assembly import Program
from secrets_manager.daemon.core import utc_now
from secrets_manager.daemon.status.journal import Journal
from secrets_manager.daemon.status.lines import Lines, Moment
from secrets_manager.daemon.status.listing import Lister, Listing, Sight, TooSlow
from secrets_manager.daemon.status.query import Query
from secrets_manager.daemon.status.state import backend_lines, lead_line, queue_line
from secrets_manager.overview.model import DefinitionLine, Overview

_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of definitions, and all around it.

    Attributes:
        number: of this page, from 1.
        listing: all that the query means.
        overview: the definitions of this page, and the daemon.
        sees_all: whether the reader may see all namespaces.
        version, uptime: of the daemon; seconds.
        unlisted: whether the cluster was not listed yet, so that definitions may be missing.

    """

    query: Query
    number: int
    listing: Listing
    overview: Overview
    sees_all: bool
    uptime: float
    version: str = __version__
    unlisted: bool = False


@dataclass(eq=False, kw_only=True)
class StatusView:
    """Looks at a program that runs.

    ``clock`` gives monotonic seconds, ``left`` those that are left for an answer.
    """

    program: Program
    journal: Journal
    left: Callable[[], float]
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def page(self, query: Query, sight: Sight) -> Page:
        """The page that was asked for; the last one where there are not so many. Raises TooSlow."""
        listing = self._lister.list(query, sight)
        number = min(query.page or 1, listing.pages)
        moment = self._moment()
        return Page(
            query=query,
            number=number,
            listing=listing,
            overview=replace(
                self._around(sight, moment),
                definitions=tuple(self._lines.of(listing.page(number), moment)),
            ),
            sees_all=sight.namespaces is None,
            uptime=self.clock() - self._started,
            unlisted=not all(each.synced.is_set() for each in self.program.definition_informers),
        )

    def overview(self, query: Query, sight: Sight) -> tuple[Overview, Iterator[DefinitionLine]]:
        """The same without definitions, and the definitions, of all pages where none is named.

        Either of them raises TooSlow.
        """
        listing = self._lister.list(query, sight)
        refs = listing.refs if query.page is None else listing.page(query.page)
        moment = self._moment()
        return self._around(sight, moment), self._in_time(self._lines.of(refs, moment))

    def _around(self, sight: Sight, moment: Moment) -> Overview:
        program, agenda = self.program, self.program.core.agenda
        seen = Overview(at=moment.at, definitions=(), lead=lead_line(program.elector))
        if not program.leadership.leads():
            # It reads nothing, so it knows nothing of backends that is still true.
            return seen
        upstreams = program.core.upstreams.values()
        if sight.namespaces is not None:
            used = self._lister.backends(sight)
            return replace(
                seen, backends=backend_lines(agenda, [each for each in upstreams if each.name in used])
            )
        return replace(
            seen,
            backends=backend_lines(agenda, upstreams),
            queue=queue_line(agenda),
            changes=self.journal.changes(),
        )

    def _in_time(self, lines: Iterator[DefinitionLine]) -> Iterator[DefinitionLine]:
        for number, line in enumerate(lines):
            if number % _AT_ONCE == 0 and self.left() <= 0:
                raise TooSlow
            yield line

    def _moment(self) -> Moment:
        return Moment(at=self.now(), seconds=self.clock())

    @cached_property
    def _lister(self) -> Lister:
        view = self.program.core.agenda.view
        return Lister(definitions=view.definitions, ledger=view.ledger, left=self.left)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(agenda=self.program.core.agenda, journal=self.journal)
