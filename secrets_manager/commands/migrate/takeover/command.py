"""The command lines of ``migrate apply`` and ``migrate back``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import click
from rich.text import Text

from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.cluster import Asked, Cluster, cluster_of, cluster_options, namespace_of
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.engine.sources import Wanted, engine_of
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import code_of as code_of_error
from secrets_manager.commands.faults import told
from secrets_manager.commands.files.options import Files
from secrets_manager.commands.kinds import Plain, Seconds, Surroundings, WithFlags
from secrets_manager.commands.migrate.comparing import Comparison, Sameness
from secrets_manager.commands.migrate.reading import Comparer, observed
from secrets_manager.commands.migrate.takeover.acting import Hand
from secrets_manager.commands.migrate.takeover.deciding import Do, Step, adoption, finish, way_back
from secrets_manager.commands.migrate.takeover.gathering import Gatherer
from secrets_manager.commands.migrate.takeover.readiness import Readiness
from secrets_manager.commands.migrate.takeover.running import Result, Runner
from secrets_manager.commands.migrate.takeover.showing import as_data, lines_of, tally
from secrets_manager.commands.migrate.wished import Wish, Wished, wish_options, wished
from secrets_manager.commands.named import refs_named
from secrets_manager.commands.output import Form, drawn, form_option, tell, write
from secrets_manager.commands.problems import code_of, say_problems
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.secret import Digester

__all__ = ["apply", "back"]

_KEY_BYTES = 32
_NOT_DONE = "This was a dry run; --yes does it."


def _common() -> Callable[[Any], Any]:
    """``--yes``, ``--dry-run`` and ``--timeout``."""
    options = (
        click.option("--yes", is_flag=True, help="Do it; without this nothing is changed."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done, which is the default."),
        click.option("--timeout", type=Seconds(), default="60s", show_default=True, help="For each wait."),
    )

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command("apply", cls=WithFlags, short_help="Hand Secrets over to the daemon, in place.")
@wish_options()
@cluster_options()
@_common()
@click.option("--finish", "finishes", is_flag=True, help="Take the objects of the other operator away.")
@click.option(
    "--even-if-different",
    "anyway",
    multiple=True,
    metavar="NAME",
    help="Take over the Secret of this definition although its data differs. May be given again.",
)
@click.option(
    "--daemon-namespace",
    default="secrets-manager",
    show_default=True,
    callback=namespace_of,
    metavar="NAMESPACE",
    help="Where the daemon's Lease is, if the settings do not say.",
)
@form_option()
@click.pass_obj
def apply(surroundings: Surroundings, /, *, files: Files, asked: Asked, form: Form, **how: Any) -> int:
    """Hand the Secrets of another operator over to the daemon, in place and one by one.

    It says what it would do; with --yes it creates each definition, which adopts its Secret, and waits until
    the daemon says that it is Ready. A definition whose Secret would get other data is left alone, and one
    that goes wrong is taken away again. The objects of the other operator stay until --finish takes them
    away, in an order in which the Secret never goes.

    It needs the rights to get, create, patch and delete secretdefinitions, to get and patch secrets, to get
    the daemon's lease, to get and list the objects of the other operator, with --finish to patch and delete
    them, and the daemon's login to the backends or one like it. The exit code is 1 if a definition was left
    alone or went back.
    """
    _check(how)
    with cluster_of(asked, surroundings) as cluster, engine_of(Wanted(backend=True), surroundings) as engine:
        wishes = wished(files, cluster, asked)
        work = _HandOver(cluster, engine, how)
        results = _told(work.each(wishes.each), form, work.word)
    return _ended(wishes, results, form, work.word, yes=how["yes"])


@click.command("back", cls=Plain, short_help="Hand Secrets back to the other operator.")
@wish_options()
@cluster_options()
@_common()
@form_option()
@click.pass_obj
def back(surroundings: Surroundings, /, *, files: Files, asked: Asked, form: Form, **how: Any) -> int:
    """Hand Secrets back to the other operator, while its objects are there.

    It says what it would do; with --yes it suspends each definition that `migrate apply` made, takes our
    marks off the Secret, and deletes the definition without its Secret. The data of the Secret stays as it
    is.

    It needs the rights to get, patch and delete secretdefinitions, to get and patch secrets, and to get, list
    and patch the objects of the other operator. The exit code is 1 if a definition was left alone.
    """
    _check(how)
    with cluster_of(asked, surroundings) as cluster:
        wishes = wished(files, cluster, asked)
        runner = Runner(
            gatherer=Gatherer(
                api=cluster.api, observe=partial(observed, cluster.api, Digester(os.urandom(_KEY_BYTES)))
            ),
            hand=Hand(cluster.api),
            decide=way_back,
            yes=how["yes"],
            timeout=how["timeout"],
        )
        results = _told((runner.run(wish, _uncompared(wish)) for wish in wishes.each), form, "handed back")
    return _ended(wishes, results, form, "handed back", yes=how["yes"])


def _check(how: dict[str, Any]) -> None:
    if how["yes"] and how["dry_run"]:
        raise click.UsageError("--dry-run changes nothing and --yes does; give one of the two")


@dataclass(frozen=True, slots=True)
class _HandOver:
    """``apply``, namespace by namespace."""

    cluster: Cluster
    engine: Engine
    how: dict[str, Any]

    @property
    def word(self) -> str:
        return "finished" if self.how["finishes"] else "taken over"

    def each(self, wishes: Sequence[Wish]) -> Iterator[Result]:
        anyway = self._anyway(wishes)
        readiness = Readiness(
            api=self.cluster.api,
            settings=self.engine.settings,
            namespace=self.how["daemon_namespace"],
            now=utc_now,
        )
        comparer = Comparer(api=self.cluster.api, engine=self.engine)
        runner = self._runner(comparer)
        stopped = readiness.why_not()
        for namespace, some in groupby(wishes, lambda wish: wish.ref.namespace):
            group = list(some)
            if why := stopped or readiness.why_not_in(namespace):
                yield from (_left(wish, why) for wish in group)
                continue
            try:
                found = comparer.all(group)
            except SecretsManagerError as error:
                # What was done in the namespaces before has to be told all the same.
                yield from (_left(wish, told(error), code_of_error(error)) for wish in group)
                continue
            for wish, compared in zip(group, found, strict=True):
                yield runner.run(wish, compared, anyway=wish.ref in anyway)

    def _runner(self, comparer: Comparer) -> Runner:
        return Runner(
            gatherer=Gatherer(api=self.cluster.api, observe=comparer.observed),
            hand=Hand(self.cluster.api),
            decide=finish if self.how["finishes"] else adoption,
            yes=self.how["yes"],
            timeout=self.how["timeout"],
        )

    def _anyway(self, wishes: Sequence[Wish]) -> set[Ref]:
        named = set(refs_named(self.how["anyway"], self.cluster.namespace))
        if strange := sorted(named - {wish.ref for wish in wishes}):
            raise click.UsageError(f"--even-if-different names {strange[0]}, which is not in the files")
        return named


def _left(wish: Wish, why: str, code: Exit = Exit.NO) -> Result:
    return Result(wish=wish, compared=_uncompared(wish), end=Step(Do.LEAVE, why), code=code)


def _uncompared(wish: Wish) -> Comparison:
    return Comparison(definition=wish.ref, secret=wish.target.name, sameness=Sameness.UNREAD)


def _told(each: Iterator[Result], form: Form, word: str) -> list[Result]:
    """All results; text is told as they come, since each may take a while."""
    results: list[Result] = []
    for result in each:
        results.append(result)
        if form.is_text:
            write(drawn(Text("\n").join(lines_of(result, word))))
    return results


def _ended(wishes: Wished, results: Sequence[Result], form: Form, word: str, *, yes: bool) -> int:
    if form.is_text:
        write(drawn(Text("\n").join([tally(results, word), *([] if yes else [Text(_NOT_DONE)])])))
    else:
        tell(form, {"dryRun": not yes, **as_data(results, word)}, Text)
    say_problems(wishes.problems)
    code = code_of(wishes.problems)
    return max(
        (code, *(each.code for each in results)), key=[Exit.OK, Exit.NO, Exit.UNREACHED, Exit.FAULT].index
    )
