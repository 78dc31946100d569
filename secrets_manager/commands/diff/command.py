"""The command line of ``diff``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import click

from secrets_manager.cluster.base import Json
from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.cluster import Asked, Cluster, cluster_of, cluster_options
from secrets_manager.commands.completing import complete_definitions
from secrets_manager.commands.definitions import examine
from secrets_manager.commands.diff.differences import Difference, differences
from secrets_manager.commands.diff.known import KnownDefinitions, owned_beside
from secrets_manager.commands.diff.rehearsal import Rehearsal
from secrets_manager.commands.diff.restarting import restarts
from secrets_manager.commands.diff.showing import as_data, as_text
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.engine.sources import Wanted, engine_of
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.manifests import Passed, Trouble
from secrets_manager.commands.files.options import Files
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.named import refs_named
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.problems import Problem, code_of, of_trouble, say_problems
from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.errors import is_absence
from secrets_manager.domain.lifecycle import OnSourceGone

_AT_ONCE = 8
_WHEN_GONE = "; if it stays so the Secret is deleted, as spec.onSourceGone wishes"


@click.command("diff", cls=WithFlags, short_help="Show what a sync would change in the cluster.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_definitions)
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="FILE",
    help="Definitions as once this file or folder is applied; - is standard input. May be given again.",
)
@click.option("-R", "--recursive", is_flag=True, help="Look into the folders in a folder, too.")
@cluster_options(everywhere=True)
@form_option()
@click.pass_obj
def command(surroundings: Surroundings, /, *, asked: Asked, form: Form, **which: Any) -> int:
    """Show what a sync would change in the cluster, by names, and change nothing.

    NAME is a definition, or NAMESPACE/NAME; without one, all of the namespace are looked at. It reads the
    backends of the daemon's settings, and the Secrets, and shows no value.

    It needs the rights to get and list secretdefinitions and secrets, for restarts to get and list workloads,
    and the daemon's login to the backends or one like it. The exit code is 1 if anything would change or is
    refused.
    """
    names: tuple[str, ...] = which["names"]
    files = Files(names=which["filenames"], recursive=which["recursive"])
    if names and files.names:
        raise click.UsageError("name definitions, or files with -f")
    with cluster_of(asked, surroundings) as cluster:
        api = Rehearsal(cluster.api)
        with engine_of(Wanted(backend=True), surroundings, api) as engine:
            scene = _Scene(cluster, api, engine)
            chosen = scene.choose(names, files)
            found = scene.play(chosen)
    tell(form, as_data(found), lambda: as_text(found))
    say_problems(scene.problems)
    return _code(found, scene.problems)


def _code(found: Sequence[Difference], problems: Sequence[Problem]) -> Exit:
    if (code := code_of(problems)) is not Exit.OK:
        return code
    if any(each.is_unclear for each in found):
        return Exit.UNREACHED
    return Exit.NO if any(each.is_any for each in found) else Exit.OK


@dataclass(eq=False)
class _Scene:
    """A rehearsal of reconciles. What cannot be rehearsed becomes a problem."""

    cluster: Cluster
    api: Rehearsal
    engine: Engine
    problems: list[Problem] = field(default_factory=list)

    def choose(self, names: Sequence[str], files: Files) -> list[Ref]:
        """The definitions to reconcile, in their order, and all that has to be known for it."""
        store = self.engine.core.agenda.view.definitions
        known = KnownDefinitions(api=self.cluster.api, store=store, now=utc_now())
        if files.names:
            wanted = self._wanted(files)
            known.take_files(wanted)
            return list(wanted)
        if names:
            refs = refs_named(names, self.cluster.namespace)
            known.take_named(refs)
            return refs
        return known.take_all(None if self.cluster.everywhere else self.cluster.namespace)

    def play(self, chosen: Sequence[Ref]) -> list[Difference]:
        """What the reconciles would change, in the order of the definitions."""
        self._learn_of_secrets(chosen)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = [each for some in pool.map(self._one, chosen) for each in some]
        after = restarts(self.cluster.api, self.engine.core.workers.restarts.board, utc_now())
        return [
            replace(each, restarts=due.workloads, not_restarted=due.trouble)
            if (due := after.get(each.definition)) and each.error is None
            else each
            for each in found
        ]

    def _wanted(self, files: Files) -> dict[Ref, Json]:
        found: dict[Ref, Json] = {}
        for manifest in files.manifests(Passed()):
            if isinstance(manifest, Trouble):
                self.problems.append(of_trouble(manifest))
                continue
            examined = examine(manifest, self.cluster.namespace)
            self.problems += examined.problems
            if examined.spec is not None:
                found[examined.definition.ref] = manifest.raw
        return {ref: _placed(raw, ref) for ref, raw in found.items()}

    def _learn_of_secrets(self, chosen: Sequence[Ref]) -> None:
        """Secrets that a definition left behind are deleted when it is reconciled."""
        view, writer = self.engine.core.agenda.view, self.engine.core.workers.reconciler.cluster.secret_writer
        namespaces = sorted({ref.namespace for ref in chosen})
        for ref in owned_beside(self.cluster.api, view.definitions, namespaces):
            if (seen := writer.observe(ref)) is not None:
                view.secrets.apply(seen)
        self.api.take()

    def _one(self, ref: Ref) -> list[Difference]:
        core = self.engine.core
        outcomes = core.workers.reconciler.reconcile(ref, core.agenda.clock(), lambda _: None)
        return [self._hinted(each) for each in differences(outcomes, self.api.take())]

    def _hinted(self, each: Difference) -> Difference:
        """One reading proves nothing, but several of them do."""
        entry = self.engine.core.agenda.view.definitions.get(each.definition)
        spec = entry.definition.spec if entry is not None else None
        goes = isinstance(spec, SecretSpec) and spec.on_source_gone is OnSourceGone.DELETE
        if goes and each.error is not None and is_absence(each.error):
            return replace(each, message=f"{each.message}{_WHEN_GONE}")
        return each


def _placed(raw: Json, ref: Ref) -> Json:
    return {**raw, "metadata": {**raw["metadata"], "namespace": ref.namespace}}
