"""What is still to do for the definitions that want workloads restarted.

Each reconcile reports here what the Secret says of it, so the board of a new leader is full once it has
looked at everything. It decides when the restarts of a namespace are made: some time after the first change,
so that changes that come together restart a workload once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.restart_wish import RestartWish
from secrets_manager.domain.restarts import Change
from secrets_manager.domain.secret import RESTART_PENDING, ObservedSecret
from secrets_manager.domain.update_times import believable, moment_of
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_queue import WorkQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of the restarts of one definition.

    ``level`` is the time of the change of its Secret for which workloads are to be restarted, "" for none,
    and ``fresh`` as in `Change`. ``checked`` says that its workloads were looked for, and ``trouble`` is the
    sentence about what stood in the way then.
    """

    uid: str
    secret: str
    wish: RestartWish
    level: str = ""
    fresh: bool = False
    checked: bool = False
    trouble: str = ""

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do or to find out."""
        return bool(self.level or self.trouble) or not self.checked

    def change(self) -> Change | None:
        """The change for which workloads are to be restarted."""
        if not self.level:
            return None
        return Change(secret=self.secret, level=self.level, wish=self.wish, fresh=self.fresh)


@dataclass(eq=False, kw_only=True)
class RestartBoard:
    """Safe from many threads. ``window`` is in seconds, ``now`` gives the time of the wall clock."""

    queue: WorkQueue[Key]
    window: float
    now: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, dict[Ref, Standing]] = field(default_factory=dict)
    # When the batch for the changes that came since the last one may begin, by namespace.
    _opens: dict[str, datetime] = field(default_factory=dict)

    # ── what reconciles report ───────────────────────────────────────────────────────────────────────

    def saw(self, definition: Definition, spec: SecretSpec, observed: ObservedSecret | None) -> None:
        """The Secret of a definition was looked at, before anything is read for it."""
        if spec.restart is None:
            self.forget(definition.ref)
            return
        self._note(definition, spec, spec.restart, self._level(observed), fresh=False)

    def wrote(self, definition: Definition, spec: SecretSpec, written: ObservedSecret | None) -> None:
        """The data of the Secret was changed, by this process."""
        if spec.restart is not None and (level := self._level(written)):
            self._note(definition, spec, spec.restart, level, fresh=True)

    def complete(self, outcome: Outcome) -> Outcome:
        """The outcome of a reconcile with what is known of restarts."""
        standing = self._standing(outcome.definition)
        if standing is None or not outcome.in_step or outcome.suspended:
            return outcome
        return replace(outcome, not_restarted=standing.trouble, restarts_known=standing.checked)

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone, suspended, or wants no restarts."""
        if ref.namespace not in self._known:
            return
        with self._lock:
            here = self._known.get(ref.namespace, {})
            here.pop(ref, None)
            if not here:
                self._known.pop(ref.namespace, None)
                self._opens.pop(ref.namespace, None)

    # ── what batches take and report ─────────────────────────────────────────────────────────────────

    def take(self, namespace: str) -> dict[Ref, Standing]:
        """What is to be done in a namespace.

        A batch that comes before its window is over, since an earlier one is tried again, leaves the changes
        that are still in it: otherwise a workload would restart twice within the window.
        """
        with self._lock:
            here = self._known.get(namespace, {})
            due = {ref: standing for ref, standing in here.items() if standing.is_due}
            if self._until_open(namespace):
                return {
                    ref: each for ref, each in due.items() if not each.level or not self._wait(each.level)
                }
            self._opens.pop(namespace, None)
            return due

    def until_open(self, namespace: str) -> float:
        """Seconds until the changes may be taken that came since the last batch; 0 when there are none."""
        with self._lock:
            return self._until_open(namespace)

    def decided(self, standings: Mapping[Ref, Standing]) -> None:
        """Restarts were decided on: from now on marks of workloads tell what they are for."""
        for ref, taken in standings.items():
            self._change(ref, partial(_has_level, taken.level), fresh=False)

    def checked(self, ref: Ref, taken: Standing, trouble: str) -> None:
        """The workloads of a definition were looked for, with this trouble."""
        asked = (taken.uid, taken.wish)
        self._change(ref, lambda now: (now.uid, now.wish) == asked, checked=True, trouble=trouble)

    def settled(self, ref: Ref, taken: Standing) -> None:
        """All workloads were restarted for the change that was taken."""
        self._change(ref, partial(_has_level, taken.level), level="", fresh=False)

    def end_windows(self) -> list[str]:
        """Let all changes be taken at once; return the namespaces in which something is to be done."""
        with self._lock:
            self._opens.clear()
            return sorted(
                namespace
                for namespace, here in self._known.items()
                if any(standing.is_due for standing in here.values())
            )

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _note(
        self, definition: Definition, spec: SecretSpec, wish: RestartWish, level: str, *, fresh: bool
    ) -> None:
        ref = definition.ref
        with self._lock:
            here = self._known.setdefault(ref.namespace, {})
            before = here.get(ref)
            known = Standing(uid=definition.uid, secret=spec.secret_name, wish=wish)
            if before is not None and (before.uid, before.secret) == (known.uid, known.secret):
                known = (
                    before if before.wish == wish else replace(before, wish=wish, checked=False, trouble="")
                )
            is_new = level > known.level
            if is_new:
                known = replace(known, level=level, fresh=fresh)
            here[ref] = known
            wait = self._wait(level if is_new else "")
            if is_new:
                opens = self.now() + timedelta(seconds=wait)
                self._opens[ref.namespace] = min(opens, self._opens.get(ref.namespace, opens))
        if is_new or not known.checked:
            self.queue.add_after(Key.restarts(ref.namespace), wait)

    def _until_open(self, namespace: str) -> float:
        opens = self._opens.get(namespace)
        wait = (opens - self.now()).total_seconds() if opens else 0.0
        # One that is longer comes of a clock that was set back.
        return wait if 0.0 < wait <= self.window else 0.0

    def _change(self, ref: Ref, still: Callable[[Standing], bool], **changes: Any) -> None:
        """Change what is known of a definition, if ``still`` says that it is the same."""
        with self._lock:
            here = self._known.get(ref.namespace, {})
            if (now := here.get(ref)) is not None and still(now):
                here[ref] = replace(now, **changes)

    def _wait(self, level: str) -> float:
        """Seconds until the batch that this change is in."""
        if not level:
            return self.window
        passed = (self.now() - moment_of(level)).total_seconds()
        return min(max(0.0, self.window - passed), self.window)

    def _level(self, secret: ObservedSecret | None) -> str:
        if secret is None or not secret.has_our_mark:
            return ""
        return believable(secret.annotations.get(RESTART_PENDING, ""), self.now())

    def _standing(self, ref: Ref) -> Standing | None:
        return self._known.get(ref.namespace, {}).get(ref)


def _has_level(level: str, standing: Standing) -> bool:
    return standing.level == level
