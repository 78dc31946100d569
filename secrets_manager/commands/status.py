"""``secrets-manager status``: which definitions are in step, and why the others are not."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Never

import click

from secrets_manager.cluster.base import DEFINITIONS
from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.cluster import DEFAULT_NAMESPACE, Asked, Cluster, cluster_of, cluster_options
from secrets_manager.commands.completing import complete_definitions
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import NoSuchObject
from secrets_manager.commands.following import Change, Following, What
from secrets_manager.commands.kinds import Plain, Surroundings
from secrets_manager.commands.listing import LastChanges, Listing, list_all, read_named
from secrets_manager.commands.named import refs_named
from secrets_manager.commands.output import Form, drawn, form_option, tell, tell_next, write
from secrets_manager.commands.status_from import Page, read_page
from secrets_manager.commands.status_table import StatusTable
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.wording import printable
from secrets_manager.overview.choice import Choice
from secrets_manager.overview.data import as_data, definition_data, time_data
from secrets_manager.overview.model import Overview, Readiness

_HELP = """\
Say of each definition whether its Secret is in step, why not, and what it was made of.

NAME is a definition, or NAMESPACE/NAME; without one, all of the namespace are shown. CHANGED is how long ago
the data of the Secret was written.

It needs the right to list secretdefinitions, for a NAME to get them, and with --watch to watch them. For
CHANGED it lists or gets the metadata of secrets, and shows - where you may not. The exit code is 1 if a
definition that is shown is not ready.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    choice: Choice
    form: Form
    names: Sequence[Ref]


@click.command(
    "status", cls=Plain, help=_HELP, short_help="Say which definitions are in step, and why others are not."
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_definitions)
@cluster_options(everywhere=True)
@click.option("-w", "--watch", is_flag=True, help="Go on, and show each change; ends at Ctrl-C.")
@click.option("--not-ready", is_flag=True, help="Only those that are not in step.")
@click.option("--backend", default="", metavar="NAME", help="Only those that read from this backend.")
@click.option("--reason", default="", metavar="REASON", help="Only those with this reason.")
@click.option(
    "--from",
    "page",
    default=None,
    metavar="URL",
    help="Ask the status page of a daemon, not the cluster; without -n, for all namespaces.",
)
@click.option("--token-file", default="", metavar="FILE", help="Bearer token for --from.")
@click.option("--ca-cert", default="", metavar="FILE", help="Authorities to trust for --from.")
@form_option(wide=True)
@click.pass_obj
def status(surroundings: Surroundings, /, *, asked: Asked, form: Form, **options: Any) -> int:
    """Run the command."""
    choice = Choice(not_ready=options["not_ready"], backend=options["backend"], reason=options["reason"])
    if options["names"] and asked.everywhere:
        raise click.UsageError("-A shows all definitions, and names choose some; give one of the two")
    if options["page"] is not None:
        return _tell_of_page(asked, _Asked(choice=choice, form=form, names=()), options)
    if options["token_file"] or options["ca_cert"]:
        raise click.UsageError("--token-file and --ca-cert are for --from URL")
    with cluster_of(asked, surroundings) as cluster:
        names = refs_named(options["names"], cluster.namespace)
        question, changes = _Asked(choice=choice, form=form, names=names), LastChanges(cluster.api)
        if options["watch"]:
            _follow(cluster, question, changes)
        listing = _read(cluster, names, changes)
    return _tell(question, Overview(at=utc_now(), definitions=listing.lines))


def _read(cluster: Cluster, names: Sequence[Ref], changes: LastChanges) -> Listing:
    if names:
        return read_named(cluster.api, names, changes)
    return list_all(cluster.api, cluster.scope(DEFINITIONS).namespace, changes)


def _tell_of_page(asked: Asked, question: _Asked, options: Mapping[str, Any]) -> int:
    if options["watch"]:
        raise click.UsageError("--watch follows the cluster, and --from asks a status page once")
    named = frozenset(refs_named(options["names"], asked.namespace or DEFAULT_NAMESPACE))
    page = Page(url=options["page"], token_file=options["token_file"], ca_cert=options["ca_cert"])
    namespaces = {ref.namespace for ref in named}
    only = namespaces.pop() if len(namespaces) == 1 else asked.namespace
    overview = read_page(page, only, asked.timeout)
    if named:
        lines = [line for line in overview.definitions if Ref(line.namespace, line.name) in named]
        if missing := sorted(named - {Ref(line.namespace, line.name) for line in lines}):
            raise NoSuchObject(f"the status page knows no definition {missing[0]}")
        overview = replace(overview, definitions=tuple(lines))
    return _tell(question, overview)


def _tell(question: _Asked, overview: Overview) -> int:
    shown = replace(overview, definitions=tuple(filter(question.choice.takes, overview.definitions)))
    table = StatusTable(wide=question.form is Form.WIDE)
    tell(question.form, None if question.form.is_text else as_data(shown), lambda: table.overview(shown))
    return Exit.OK if all(line.ready is Readiness.TRUE for line in shown.definitions) else Exit.NO


# ── --watch ──────────────────────────────────────────────────────────────────────────────────────────


def _follow(cluster: Cluster, question: _Asked, changes: LastChanges) -> Never:
    """Show what there is, and then each change; it ends by an interruption, or a fault that stays."""
    names = frozenset(question.names)
    following = Following(
        api=cluster.api,
        namespace=_namespace_of(names) if names else cluster.scope(DEFINITIONS).namespace,
        changes=changes,
        pause=time.sleep,
        troubled=_say_trouble,
        names=names or None,
    )
    lines = tuple(filter(question.choice.takes, following.begin()))
    table = StatusTable(wide=question.form is Form.WIDE)
    if question.form.is_text:
        write(drawn(table.whole(lines, utc_now())))
    else:
        for line in lines:
            _tell_change(question.form, table, Change(what=What.FOUND, line=line))
    for change in following.run():
        # What comes into step is shown, too, where only those were asked for that are not.
        if any(question.choice.takes(line) for line in (change.line, change.before) if line is not None):
            _tell_change(question.form, table, change)
    raise AssertionError("the changes have an end")


def _namespace_of(names: Iterable[Ref]) -> str:
    namespaces = sorted({ref.namespace for ref in names})
    if len(namespaces) > 1:
        raise click.UsageError(f"--watch follows one namespace, and the names are of {', '.join(namespaces)}")
    return namespaces[0]


def _tell_change(form: Form, table: StatusTable, change: Change) -> None:
    now = utc_now()
    data = {"change": str(change.what), "at": time_data(now), "definition": definition_data(change.line)}
    tell_next(form, data, lambda: table.row(change.line, now, gone=change.what is What.DELETED))


def _say_trouble(why: str | None) -> None:
    text = "it answers again" if why is None else f"{printable(why)}; trying again"
    say(f"status: {text}\n", sys.stderr)
