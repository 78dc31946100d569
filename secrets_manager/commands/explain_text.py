"""One definition in sentences, by subject; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secrets_manager.commands import explain_secret, explain_sources
from secrets_manager.commands.ages import age, span
from secrets_manager.commands.explain_facts import Facts, Unknown
from secrets_manager.domain.definition import SYNC, SecretSpec
from secrets_manager.domain.wording import printable
from secrets_manager.overview.advice import advice_on
from secrets_manager.overview.definitions import line_of
from secrets_manager.overview.model import DefinitionLine, Readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Sentences about one subject."""

    about: str
    sentences: tuple[str, ...]


def explain(facts: Facts) -> tuple[Section, ...]:
    """All that there is to say; a subject without a sentence is left out."""
    spec = facts.wanting.spec
    line = line_of(facts.wanting, facts.status)
    parts: list[tuple[str, Iterable[str]]] = [("State", _state(facts, line))]
    if isinstance(spec, SecretSpec):
        parts += [
            ("What it reads", explain_sources.reads(spec)),
            ("Whether the policy lets it", explain_sources.permissions(facts.wanting, spec, facts.judge)),
            ("What the backend answered last", _answers(facts, line)),
            ("What is written", explain_secret.writes(facts.wanting, spec)),
            ("Whose the Secret is", explain_secret.whose(facts)),
            ("Restarts", explain_secret.restarts(spec)),
            ("When it is read next", _next(facts, spec)),
        ]
    else:
        parts.append(("What it reads", [f"Its spec cannot be used: {spec.message}."]))
    parts += [("Events", _events(facts)), ("What to do", _advice(line))]
    sections = (Section(about=about, sentences=tuple(map(printable, said))) for about, said in parts)
    return tuple(section for section in sections if section.sentences)


def _state(facts: Facts, line: DefinitionLine) -> Iterator[str]:
    if facts.wanting.deleting:
        yield "It is being deleted."
    if facts.status is None:
        yield "No daemon has written a status: none saw it, serves its namespace, or may write there."
        return
    if line.ready is Readiness.UNKNOWN:
        yield "It was changed since a daemon last wrote its status; what follows is about the state before."
    word = "been" if facts.status.condition.ready else "not been"
    yield f"It has {word} in step for {age(line.since, facts.now)}: {line.reason}."
    if line.message:
        yield _sentence(line.message)


def _answers(facts: Facts, line: DefinitionLine) -> Iterator[str]:
    if facts.status is None or not facts.status.sources:
        yield "The Secret was not made of anything yet."
        return
    for source in line.sources:
        backend = "" if source.backend == "default" else f" of backend {source.backend}"
        version = f"version {source.version}" if source.version else "no version"
        yield f"The Secret holds {version} of path {source.path!r}{backend}."
    for each in facts.status.overridden:
        yield f"The value of {each.source} for key {each.key} is not used, since {each.by} gives that key."


def _next(facts: Facts, spec: SecretSpec) -> Iterator[str]:
    if spec.suspended:
        yield "Never, while spec.suspend is true."
    elif spec.refresh_period is not None:
        yield f"Within {span(spec.refresh_period)}, as spec.refreshPeriod says."
    elif facts.judge is None:
        yield "Within the -reconcile-period of the daemon, since it has no spec.refreshPeriod."
    else:
        for backend in dict.fromkeys(location.backend for location in spec.locations):
            period = facts.judge.period(backend)
            if period is not None:
                yield f"Within {span(period)}, the period of backend {backend}."
    if asked := facts.wanting.annotations.get(SYNC):
        yield f"A sync was last asked for at {asked[:64]}."


def _events(facts: Facts) -> Iterator[str]:
    if isinstance(facts.events, Unknown):
        yield f"They are not known: {facts.events.why}."
        return
    for event in facts.events:
        kind = "Warning" if event.warning else "Normal"
        yield f"{event.at} {kind} {event.reason}: {event.message}"


def _advice(line: DefinitionLine) -> Iterator[str]:
    if not line.reason:
        yield "Check that a daemon runs, and works in this namespace."
    elif advice := advice_on(line.reason):
        yield advice


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?")) else ".")
