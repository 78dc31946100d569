"""What became of hand-overs, for people and for programs; no value is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from secrets_manager.commands.migrate.takeover.deciding import Do, Step
from secrets_manager.commands.migrate.takeover.hands import marks_of_operators
from secrets_manager.commands.migrate.takeover.running import Result
from secrets_manager.domain.wording import printable

__all__ = ["as_data", "lines_of", "tally"]

_LEFT, _WENT_BACK, _WOULD = "left alone", "went back", "would change"
# What is done, as one would say it before and after.
_WORDS: dict[Do, tuple[str, str]] = {
    Do.CREATE: ("create the definition, so that the daemon adopts the Secret", "created the definition"),
    Do.RESUME: ("let the daemon go on with the definition", "let the daemon go on with the definition"),
    Do.WAIT: ("wait for the daemon", "waited for the daemon"),
    Do.RELEASE: (
        "let {old} keep its hands off the Secret, and then delete it without the Secret",
        "let {old} keep its hands off the Secret",
    ),
    Do.TAKE_AWAY: ("delete {old} without the Secret", "deleted {old} without the Secret"),
    Do.CLEAN: (
        "take the marks of the other operator off the Secret",
        "took the marks of the other operator off the Secret",
    ),
    Do.DISARM: (
        "take the annotation adopt off the definition",
        "took the annotation adopt off the definition",
    ),
    Do.RESTORE: ("give {old} its policies back", "gave {old} its policies back"),
    Do.SUSPEND: ("suspend the definition, and then delete it without the Secret", "suspended the definition"),
    Do.UNMARK: ("take our marks off the Secret", "took our marks off the Secret"),
    Do.REMOVE: ("delete the definition without the Secret", "deleted the definition without the Secret"),
    Do.GO_BACK: ("go back", "went back"),
}


def as_data(results: Sequence[Result], done: str) -> dict[str, Any]:
    """All of them; ``done`` is the word for one that is at its end."""
    return {"definitions": [_data(each, done) for each in results]}


def _data(each: Result, done: str) -> dict[str, Any]:
    owners, labels, annotations = _marks(each)
    return {
        "namespace": each.wish.ref.namespace,
        "name": each.wish.ref.name,
        "secret": each.wish.target.name,
        "verdict": _verdict(each, done),
        "steps": [_said(step, past=True) for step in each.done],
        "message": _why(each) or None,
        "ofOthers": {
            "objects": [str(old) for old in each.state.olds] if each.state else [],
            "owners": owners,
            "labels": labels,
            "annotations": annotations,
        },
    }


def lines_of(each: Result, done: str) -> Iterator[Text]:
    """What became of one, what was done, and what is left of the other operator."""
    why = _why(each)
    said = f"{each.wish.ref} Secret {each.wish.target.name}: {_verdict(each, done)}"
    yield Text(printable(f"{said}: {why}" if why else said), "bold")
    for step in each.done:
        yield Text(printable(f"  {_said(step, past=True)}"))
    if each.state is not None:
        for old in each.state.olds:
            yield Text(printable(f"  still there: {old}"))
    for word, names in zip(("owner", "label", "annotation"), _marks(each), strict=True):
        for name in names:
            yield Text(printable(f"  still of others: {word} {name}"))


def tally(results: Sequence[Result], done: str) -> Text:
    """How many there are of each verdict."""
    verdicts = [_verdict(each, done) for each in results]
    words = (done, _WOULD, _WENT_BACK, _LEFT)
    return Text(", ".join(f"{verdicts.count(word)} {word}" for word in words if word in verdicts))


def _verdict(each: Result, done: str) -> str:
    if each.went_back:
        return _WENT_BACK if each.end.do is Do.DONE else _LEFT
    if each.end.do is Do.DONE:
        return done
    return _LEFT if each.end.do is Do.LEAVE else _WOULD


def _why(each: Result) -> str:
    parts = [each.went_back, each.end.why]
    if each.end.do not in {Do.DONE, Do.LEAVE}:
        parts.insert(0, _said(each.end, past=False))
    return "; ".join(filter(None, parts))


def _said(step: Step, *, past: bool) -> str:
    return _WORDS[step.do][past].format(old=step.old)


def _marks(each: Result) -> tuple[list[str], list[str], list[str]]:
    """Owners, labels and annotations of others on the Secret."""
    secret = each.state.secret if each.state is not None else None
    if secret is None:
        return [], [], []
    owners = [f"{owner.kind} {owner.name}" for owner in secret.owners if not owner.is_definition]
    labels, annotations = (marks_of_operators(marks) for marks in (secret.labels, secret.annotations))
    return owners, labels, annotations
