"""The command line of ``migrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secrets_manager.commands import output
from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.files.options import Files
from secrets_manager.commands.kinds import Surroundings
from secrets_manager.commands.migrate.finding import find
from secrets_manager.commands.migrate.finding_live import find_live
from secrets_manager.commands.migrate.options import operator_options
from secrets_manager.commands.migrate.showing import as_data, as_junit, as_text, counts
from secrets_manager.commands.migrate.takeover.command import apply, back
from secrets_manager.commands.migrate.verify import verify
from secrets_manager.commands.migrate.writing import files_of, write_files
from secrets_manager.migrate.plan import plan as make_plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.surroundings import Options

_FORMS = ("text", "json", "yaml", "junit")


def _folder(_context: click.Context, _option: click.Parameter, folder: Path | None) -> Path | None:
    # Of an empty text, Path makes the folder that the user is in.
    if folder == Path():
        raise click.BadParameter("name a folder of its own")
    return folder


@click.group("migrate", short_help="Move to secrets-manager from other operators.")
def migrate() -> None:
    """Move from another operator, or from a plug-in of Argo CD, to secrets-manager."""


@migrate.command("plan", short_help="Say what the objects of another operator would become.")
@click.argument("more_files", nargs=-1, metavar="[FILE]...")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="FILE",
    help="File or folder of manifests in YAML or JSON; - is standard input. May be given again.",
)
@click.option("-R", "--recursive", is_flag=True, help="Look into the folders in a folder, too.")
@click.option("--from-cluster", "live", is_flag=True, help="Read the objects of a cluster instead of files.")
@cluster_options(everywhere=True)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_folder,
    metavar="FOLDER",
    help="Write the definitions, backends and rules into this folder; without it, only report.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(_FORMS, case_sensitive=False),
    default="text",
    show_default=True,
    help="Form of the report; junit is XML for pipelines.",
)
@operator_options()
@click.pass_obj
def plan(
    surroundings: Surroundings,
    /,
    *,
    asked: Asked,
    folder: Path | None,
    form: str,
    options: Options,
    **which: Any,
) -> int:
    """Say what the objects of another operator in files would become, and write it.

    Each object is converted, converted with a note that says what differs, or refused with the field and the
    reason; no field is passed over. No backend is asked, and no value is shown. With --from-cluster the
    objects are those of a cluster, in one namespace or with -A in all, which needs the right to list them;
    Secrets are not read. The exit code is 1 if an object is refused or cannot be read.
    """
    names = (*which["filenames"], *which["more_files"])
    if which["live"] == bool(names):
        raise click.UsageError("name the files with -f, where - is standard input, or say --from-cluster")
    if which["live"]:
        with cluster_of(asked, surroundings) as cluster:
            found = find_live(cluster)
    else:
        if asked.everywhere or asked.context is not None or asked.kubeconfig is not None:
            raise click.UsageError("-A, --context and --kubeconfig are about a cluster; add --from-cluster")
        found = find(Files(names=names, recursive=which["recursive"]).texts(), asked.namespace)
    made = make_plan(found.originals, options)
    if folder is not None:
        write_files(files_of(made), folder)
    if form == "junit":
        output.write(as_junit(made, found.troubles))
    else:
        data = as_data(made, found.troubles)
        output.tell(output.Form(form), data, lambda: as_text(made, found.troubles))
    if any(trouble.unread for trouble in found.troubles):
        return Exit.FAULT
    counted = counts(made, found.troubles)
    return Exit.NO if counted[Verdict.REFUSED] or counted[Verdict.SKIPPED] else Exit.OK


migrate.add_command(verify)
migrate.add_command(apply)
migrate.add_command(back)
