"""The command line of ``render``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import click

from secrets_manager.commands.definitions import Examined, examine
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.engine.sources import Wanted, engine_of, source_options
from secrets_manager.commands.files.manifests import Passed, Trouble
from secrets_manager.commands.files.options import Files, file_options
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.problems import (
    Problem,
    code_of,
    of_error,
    of_trouble,
    say_problems,
    warning,
)
from secrets_manager.commands.render.rendering import Rendered, render
from secrets_manager.commands.render.showing import as_list, as_text
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.outcome import SUSPENDED


@click.command("render", cls=WithFlags, short_help="Show the Secrets that definitions in files would become.")
@file_options()
@source_options()
@click.option("--show-values", is_flag=True, help="Show the values, which are hidden otherwise.")
@form_option()
@click.pass_obj
def command(
    surroundings: Surroundings, *, files: Files, wanted: Wanted, form: Form, show_values: bool
) -> int:
    """Show the Secrets that definitions in files would become, without a cluster.

    Values come from --values or, with --backend, from the backends of the daemon's settings. Without both,
    all but values is shown and checked. What was read is shown as (hidden) unless --show-values is given.

    It needs no right in a cluster, and with --backend the daemon's login or one like it. The exit code is 1
    if a definition cannot become a Secret, 2 if the API server would refuse it or a file cannot be read, and
    3 if a backend could not be asked.
    """
    with engine_of(wanted, surroundings) as engine:
        work = _Work(engine, reads=wanted.reads)
        work.run(files)
    data = as_list(work.rendered, show_values=show_values)
    tell(form, data, partial(as_text, work.rendered, show_values=show_values))
    say_problems(work.problems)
    return code_of(work.problems)


@dataclass(eq=False)
class _Work:
    """Renders one definition after the other; what cannot be rendered becomes a problem."""

    engine: Engine
    reads: bool
    rendered: list[Rendered] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def run(self, files: Files) -> None:
        for found in files.manifests(Passed()):
            if isinstance(found, Trouble):
                self.problems.append(of_trouble(found))
            else:
                self.problems += self._one(examine(found, files.namespace))

    def _one(self, examined: Examined) -> Iterator[Problem]:
        yield from examined.problems
        if (spec := examined.spec) is None:
            return
        if spec.suspended:
            told = "the daemon leaves its Secret as it is"
            yield warning(examined.manifest, examined.shown, ("spec", "suspend"), SUSPENDED, told)
            return
        definition = examined.definition
        try:
            self.rendered.append(render(examined, spec, self.engine, reads=self.reads))
        except SecretsManagerError as error:
            refused = self.engine.refused(definition, spec)
            location = refused[0] if refused is not None else None
            yield of_error(examined.manifest, examined.shown, error, location)
        finally:
            self.engine.forget(definition.ref)
