"""``secrets-manager policy test``: which rule of the path policy decides about a path, and why.

It reads the settings as the daemon does, and asks the daemon's own policy about the path as the daemon's own
backend would see it. It makes no call, writes no log and leaves the environment alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from secrets_manager.backends.factory import build_backend
from secrets_manager.daemon.assembly import provide
from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.daemon.core import path_policy, policy_of
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import ConfigError, InvalidPath, UnknownBackend
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_rules import Decision, first_match
from secrets_manager.domain.wording import in_quotes, printable
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import Settings
from secrets_manager.settings.checks import DNS_LABEL

USAGE = """\
Usage: secrets-manager policy test NAMESPACE PATH [--backend NAME] [-- FLAG...]

Says which rule decides whether definitions of NAMESPACE may read PATH, and why. Settings are read as the
daemon reads them; flags of the daemon stand behind --. No call is made.

Exit code: 0 allowed, 1 denied, 2 a fault of the settings or of the arguments.
"""
_ALLOWED, _DENIED, _FAULT = 0, 1, 2


class _UsageError(Exception):
    """The arguments cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: a definition of ``namespace`` names ``path`` of ``backend``."""

    namespace: str
    path: str
    backend: str
    flags: Sequence[str]


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> int:
    """Answer on standard output; returns the exit code. ``argv`` is what stands behind ``policy``."""
    try:
        question = read_question(argv)
    except _UsageError as error:
        say(f"policy: {error}\n{USAGE}", sys.stderr)
        return _FAULT
    if question is None:
        return _ALLOWED if say(USAGE, sys.stdout) else _FAULT
    try:
        settings = load(question.flags, environ, cwd)
        if isinstance(settings, ExitRequest):
            say(settings.err or settings.out, sys.stderr)
            return _FAULT
        allowed, lines = answer(settings, question)
    except ConfigError as error:
        say(f"{error.message}\n", sys.stderr)
        return _FAULT
    if not say("".join(f"{line}\n" for line in lines), sys.stdout):
        return _FAULT
    return _ALLOWED if allowed else _DENIED


def read_question(argv: Sequence[str]) -> Question | None:
    """The question in the arguments; None if help is asked for. Raises `_UsageError`."""
    bar = argv.index("--") if "--" in argv else len(argv)
    own, flags = list(argv[:bar]), argv[bar + 1 :]
    if not {"-h", "-help", "--help"}.isdisjoint(own):
        return None
    backend = _take_backend(own)
    unknown = next((word for word in own if word.startswith("-")), None)
    if unknown is not None:
        raise _UsageError(f"flag provided but not defined: {unknown.partition('=')[0]}")
    if own[:1] != ["test"]:
        raise _UsageError("the one thing that it can do is test")
    if len(own) != 3:
        raise _UsageError("test needs a namespace and a path, and nothing else")
    if not DNS_LABEL.fullmatch(own[1]):
        raise _UsageError("no namespace can have that name")
    return Question(namespace=own[1], path=own[2], backend=backend, flags=flags)


def _take_backend(words: list[str]) -> str:
    """Take ``--backend`` out of the words, with one dash or two, and its value behind = or a blank."""
    places = [at for at, word in enumerate(words) if word.partition("=")[0] in {"-backend", "--backend"}]
    if not places:
        return DEFAULT_BACKEND
    at = places[0]
    _, equals, value = words[at].partition("=")
    if not equals and at + 1 == len(words):
        raise _UsageError("flag needs an argument: -backend")
    found = value if equals else words.pop(at + 1)
    del words[at]
    if len(places) > 1:
        raise _UsageError("--backend can be given once; ask about each backend by itself")
    return found


def answer(settings: Settings, question: Question) -> tuple[bool, list[str]]:
    """Whether the path may be read, and lines that say why. Raises ConfigError."""
    chosen = next((each for each in settings.backends if each.name == question.backend), None)
    if chosen is None:
        there_are = ", ".join(each.name for each in settings.backends)
        raise ConfigError(f"{UnknownBackend(question.backend).message}; --backend can name {there_are}")
    backend = build_backend(chosen, provide(settings, chosen, Metrics(settings), Watchdog()))
    try:
        path = backend.locate(question.path).path
    except InvalidPath as error:
        return False, [f"denied before any rule is asked: {error.reason}: {printable(error.message)}"]
    policy = policy_of(chosen, path_policy(settings))
    decision = policy.decide(question.namespace, path)
    named = f"namespace {question.namespace}, backend {question.backend}, path {in_quotes(path)}"
    verdict = "allowed" if decision.allowed else "denied"
    why = "".join(_why(policy, question, decision))
    return decision.allowed, [printable(named), printable(f"{verdict} {why}")]


def _why(policy: PathPolicy, question: Question, decision: Decision) -> Iterator[str]:
    if not policy.rules and not policy.patterns:
        yield "since no path policy is set"
    elif not policy.rules:
        matched = f"policy.paths: {in_quotes(decision.pattern)} names the path"
        yield f"by {matched}" if decision.allowed else "since no pattern of policy.paths names the path"
    elif decision.rule is None:
        yield f"since no rule of policy.rules names all three; of {len(policy.rules)}"
        yield f", {decision.concerned} would decide about other paths for this namespace and backend"
    else:
        rule = policy.rules[decision.rule - 1]
        yield f"by rule {decision.rule} of policy.rules: "
        yield f"{in_quotes(first_match(rule.namespaces, question.namespace) or '')} names the namespace, "
        yield f"{in_quotes(first_match(rule.backends, question.backend) or '')} the backend, "
        yield f"{in_quotes(decision.pattern)} the path"
