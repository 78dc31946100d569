"""What to do next about one hand-over, and why; pure. The state is looked at anew after each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from secrets_manager.commands.faults import told
from secrets_manager.commands.migrate.comparing import Sameness
from secrets_manager.commands.migrate.takeover.state import Old, Ours, Snapshot, State, has_marks
from secrets_manager.domain.outcome import SUSPENDED

__all__ = ["Bounds", "Decide", "Do", "Step", "adoption", "finish", "return_after_failure", "way_back"]


class Do(StrEnum):
    """A step. The last three end the work."""

    CREATE = "create"
    RESUME = "resume"
    WAIT = "wait"
    RELEASE = "release"
    TAKE_AWAY = "take-away"
    CLEAN = "clean"
    DISARM = "disarm"
    RESTORE = "restore"
    SUSPEND = "suspend"
    UNMARK = "unmark"
    REMOVE = "remove"
    DONE = "done"
    LEAVE = "leave"
    GO_BACK = "go-back"


ENDS = frozenset({Do.DONE, Do.LEAVE})


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, why where it is no plain progress, and the object that it is done to."""

    do: Do
    why: str = ""
    old: Old | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """``before`` is the Secret when the command began; ``late`` says that it was waited long enough.

    ``anyway`` is the user's consent to other data.
    """

    before: Snapshot
    late: bool = False
    anyway: bool = False


Decide = Callable[[State, Bounds], Step]
_VERIFY = "`migrate verify` names the keys"


# ── apply ────────────────────────────────────────────────────────────────────────────────────────────


def adoption(state: State, bounds: Bounds) -> Step:
    """The next step until the daemon has taken the Secret over, or the way back."""
    if why := _cannot_adopt(state):
        return Step(Do.LEAVE, why)
    if state.ours is None:
        why = _differs(state, bounds)
        return Step(Do.LEAVE, why) if why else Step(Do.CREATE)
    if state.ours.suspended:
        return Step(Do.RESUME)
    changed, ready = _changed(state, bounds), state.settled and state.adopted
    if changed or (bounds.late and not ready):
        return _back_or_left(state.ours, changed or _not_ready(state.ours))
    return Step(Do.DONE if ready else Do.WAIT)


def _cannot_adopt(state: State) -> str:
    ours, secret = state.ours, state.secret
    if state.suspended:
        return "spec.suspend of the definition is true, so the daemon would not take the Secret over"
    if ours is None:
        return _cannot_be_taken(state)
    if ours.deleting:
        return "the definition is being deleted; run this again when it is gone"
    if not ours.spec_is_wished:
        undo = (
            "run `migrate back` first"
            if ours.record is not None
            else "others made it: delete it, keeping its Secret"
        )
        return f"the definition is there with another spec; {undo}, or make the file the same"
    if ours.record is None and not state.adopted and not ours.adopts:
        return (
            "the definition is there, and others made it; set its annotation "
            "secrets-manager.tuenti.io/adopt to 'true', or delete it"
        )
    return "" if secret is not None or ours.record is not None else "there is no Secret of that name"


def _cannot_be_taken(state: State) -> str:
    if state.secret is None:
        return "there is no Secret of that name; once the definition is applied the daemon makes it"
    if state.secret.is_trusted_by_others:
        return "other programs trust a Secret of that type or name, so the daemon never takes it over"
    if state.strangers:
        # It may replace the whole Secret, our marks included, as soon as we wrote them.
        return (
            f"{_listed(state.strangers)} owns the Secret, and nobody knows here what its operator does "
            "then; take it away without the Secret first, with `kubectl delete --cascade=orphan`"
        )
    return ""


def _differs(state: State, bounds: Bounds) -> str:
    compared = state.compared
    if compared.sameness is Sameness.UNREAD and compared.error is not None:
        return f"it cannot be compared: {told(compared.error)}"
    if compared.sameness is Sameness.DIFFERS and not bounds.anyway:
        return f"its data or type differs from what the definition makes; {_VERIFY}"
    return ""


def _changed(state: State, bounds: Bounds) -> str:
    now = Snapshot.of(state.secret)
    if now.uid != bounds.before.uid:
        return "the Secret is not the same object any more"
    if now.digests != bounds.before.digests and not bounds.anyway:
        return f"the data of the Secret changed meanwhile; {_VERIFY}"
    return ""


def _not_ready(ours: Ours) -> str:
    said = f"{ours.reason}: {ours.message}" if ours.reason else "the daemon has said nothing of it"
    return f"the definition was not Ready in time ({said})"


def _back_or_left(ours: Ours, why: str) -> Step:
    return Step(Do.LEAVE if ours.record is None else Do.GO_BACK, why)


# ── apply --finish ───────────────────────────────────────────────────────────────────────────────────


def finish(state: State, bounds: Bounds) -> Step:
    """The next step until the objects of the other operator are gone, and the Secret is ours alone."""
    if why := _cannot_finish(state, bounds):
        return Step(Do.LEAVE, why)
    for old in state.olds:
        step = _of_old(old, bounds)
        if step is not None:
            return step
    if state.dangling:
        why = f"the garbage collector has not taken {_listed(state.dangling)} off the Secret's owners"
        return Step(Do.LEAVE, why) if bounds.late else Step(Do.WAIT)
    if changed := _changed(state, bounds):
        return Step(Do.LEAVE, f"the objects are gone, and {changed}")
    if any(state.marks_of_others.values()):
        # External Secrets would delete a Secret with its mark if an object of that name came again.
        return Step(Do.CLEAN)
    return Step(Do.DISARM) if state.ours is not None and state.ours.adopts else Step(Do.DONE)


def _cannot_finish(state: State, bounds: Bounds) -> str:
    if state.secret is None or state.secret.uid != bounds.before.uid:
        return "the Secret is not there, or not the same object any more"
    if any(old.deleting for old in state.olds):
        # It cannot be taken back any more, so it has to go its way.
        return ""
    if not state.adopted or not state.settled:
        return "the daemon has not taken the Secret over; run `migrate apply --yes` first"
    if state.strangers:
        return f"{_listed(state.strangers)} owns the Secret, a kind that cannot be taken away from here"
    if not state.olds:
        return ""
    return _differs(state, bounds) or next(filter(None, map(_kept, state.olds)), "")


def _kept(old: Old) -> str:
    if old.maker:
        return f"{old.maker} makes {old}, and would make it again; take that away first"
    if old.keeper:
        return (
            f"{old.keeper} applies {old}, and would undo what is done to it; make it leave that alone first"
        )
    return ""


def _of_old(old: Old, bounds: Bounds) -> Step | None:
    if old.change is not None:
        return Step(Do.RELEASE, old=old)
    if not old.deleting:
        return Step(Do.TAKE_AWAY, old=old)
    if bounds.late:
        why = (
            f"{old} is being deleted, and waits for {_listed(old.finalizers)}; does {old.kind.operator} run?"
        )
        return Step(Do.LEAVE, why)
    return Step(Do.WAIT)


# ── back ─────────────────────────────────────────────────────────────────────────────────────────────


def way_back(state: State, bounds: Bounds) -> Step:
    """The next step until only the other operator keeps the Secret."""
    if state.ours is None:
        return _after_us(state, bounds)
    if state.ours.deleting:
        return _gone_or_left(bounds)
    if state.ours.record is None:
        return Step(
            Do.LEAVE,
            "others made the definition; `kubectl delete secretdefinition --cascade=orphan` keeps its Secret",
        )
    if not state.olds and not state.strangers:
        return Step(
            Do.LEAVE,
            "the object of the other operator is gone, as after --finish; apply its manifest again, wait "
            "until it is in step with the Secret, and run this again",
        )
    if leaving := next((old for old in state.olds if old.deleting), None):
        return Step(Do.LEAVE, f"{leaving} is being deleted already; end that with `migrate apply --finish`")
    return return_after_failure(state, bounds)


def return_after_failure(state: State, bounds: Bounds) -> Step:
    """As `way_back`, also where the other operator is gone: nothing was taken from it."""
    ours = state.ours
    if ours is None:
        return _after_us(state, bounds)
    if ours.deleting:
        return _gone_or_left(bounds)
    if released := next((old for old in state.olds if old.key in ours.released), None):
        return Step(Do.RESTORE, old=released)
    if not ours.suspended:
        return Step(Do.SUSPEND)
    if state.secret is not None and has_marks(state.secret):
        # A daemon that does not answer writes nothing either.
        quiet = ours.current and ours.reason == SUSPENDED
        return Step(Do.UNMARK) if quiet or bounds.late else Step(Do.WAIT)
    return Step(Do.REMOVE)


def _gone_or_left(bounds: Bounds) -> Step:
    if bounds.late:
        return Step(
            Do.LEAVE, "the definition is being deleted, and something holds it; look at its finalizers"
        )
    return Step(Do.WAIT)


def _after_us(state: State, bounds: Bounds) -> Step:
    if state.secret is None:
        return Step(Do.DONE, "there is no Secret of that name")
    if state.secret.definition_owner is not None:
        why = "a SecretDefinition that is not in the files owns the Secret"
        return Step(Do.LEAVE, why) if bounds.late else Step(Do.WAIT)
    return Step(Do.UNMARK) if has_marks(state.secret) else Step(Do.DONE)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
