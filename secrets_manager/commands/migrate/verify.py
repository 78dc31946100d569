"""The command line of ``migrate verify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.text import Text

from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.diff.showing import names_data, signed
from secrets_manager.commands.engine.sources import Wanted, engine_of
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import told
from secrets_manager.commands.files.options import Files
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.migrate.comparing import Comparison, Sameness
from secrets_manager.commands.migrate.reading import Comparer
from secrets_manager.commands.migrate.wished import wish_options, wished
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.problems import code_of, say_problems
from secrets_manager.domain.wording import printable

__all__ = ["as_data", "as_text", "exit_of", "lines_of", "verify"]


@click.command("verify", cls=WithFlags, short_help="Say whether Secrets hold what a plan makes.")
@wish_options()
@cluster_options()
@form_option()
@click.pass_obj
def verify(surroundings: Surroundings, /, *, files: Files, asked: Asked, form: Form) -> int:
    """Say whether the Secrets that are there hold what the definitions of a plan would make of them.

    It reads the backends of the daemon's settings, and the Secrets as the other operator wrote them, and
    compares type, keys and values. It changes nothing, and shows names alone. With -n it looks at the
    definitions of one namespace.

    It needs the right to get secrets, and the daemon's login to the backends or one like it. The exit code is
    1 if a Secret differs, is missing or cannot be made.
    """
    with cluster_of(asked, surroundings) as cluster, engine_of(Wanted(backend=True), surroundings) as engine:
        wishes = wished(files, cluster, asked)
        found = Comparer(api=cluster.api, engine=engine).all(wishes.each)
    tell(form, as_data(found), lambda: as_text(found))
    say_problems(wishes.problems)
    code = code_of(wishes.problems)
    return exit_of(found) if code is Exit.OK else code


def exit_of(found: Sequence[Comparison]) -> Exit:
    """What comparisons end in."""
    if any(each.is_unclear for each in found):
        return Exit.UNREACHED
    return Exit.OK if all(each.sameness is Sameness.EQUAL for each in found) else Exit.NO


def as_data(found: Sequence[Comparison]) -> dict[str, Any]:
    """All of them, for programs."""
    return {"definitions": [_data(each) for each in found]}


def _data(each: Comparison) -> dict[str, Any]:
    return {
        "namespace": each.definition.namespace,
        "name": each.definition.name,
        "secret": each.secret,
        "verdict": str(each.sameness),
        "keys": names_data(each.keys),
        "type": {"from": each.types[0], "to": each.types[1]} if each.types else None,
        "reason": each.error.reason if each.error else None,
        "message": told(each.error) if each.error else None,
    }


def as_text(found: Sequence[Comparison]) -> Text:
    """Those that are not equal, and a tally."""
    lines = [line for each in found if each.sameness is not Sameness.EQUAL for line in lines_of(each)]
    return Text("\n").join([*lines, Text(_tally(found))])


def lines_of(each: Comparison) -> Iterator[Text]:
    """What tells them apart: what the definition would add, change and take away."""
    why = f" ({each.error.reason}): {told(each.error)}" if each.error else ""
    yield Text(printable(f"{each.definition} Secret {each.secret}: {each.sameness}{why}"), "bold")
    if each.types:
        yield Text(printable(f"  ~ type {each.types[0]} -> {each.types[1]}"), "yellow")
    yield from signed("key", each.keys)


def _tally(found: Sequence[Comparison]) -> str:
    counts = Counter(each.sameness for each in found)
    return ", ".join(f"{counts[each]} {each}" for each in Sameness if counts[each]) or "no definitions"
