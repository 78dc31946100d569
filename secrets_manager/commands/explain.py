"""``secrets-manager explain``: everything about one definition, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.completing import complete_definitions
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.explain_facts import gather
from secrets_manager.commands.explain_text import Section
from secrets_manager.commands.explain_text import explain as explain_all
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.named import ref_named
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.settings_of import settings_of
from secrets_manager.commands.verdicts import Judge
from secrets_manager.domain.definition import Ref
from secrets_manager.overview.definitions import line_of
from secrets_manager.overview.model import Readiness


@click.command("explain", cls=WithFlags, short_help="Say everything about one definition, in sentences.")
@click.argument("name", shell_complete=complete_definitions)
@cluster_options()
@form_option()
@click.pass_obj
def explain(surroundings: Surroundings, /, *, name: str, asked: Asked, form: Form) -> int:
    """Say everything about one definition: what it reads, what is written, whose it is, and what to do.

    NAME is a definition, or NAMESPACE/NAME. With flags of the daemon behind -- it also says which rule of the
    path policy decides about each path. No value of a Secret is read, and no backend is asked.

    It needs the right to get secretdefinitions. By the rights to list secretdefinitions and events, and to
    get secrets, it knows more, and says what it does not know. The exit code is 1 if the definition is not
    ready.
    """
    judge = Judge(settings_of(surroundings, offline=True)) if surroundings.flags else None
    with cluster_of(asked, surroundings) as cluster:
        ref = ref_named(name, cluster.namespace)
        facts = gather(cluster.api, ref, judge, utc_now())
    sections, line = explain_all(facts), line_of(facts.wanting, facts.status)
    data = {
        "namespace": ref.namespace,
        "name": ref.name,
        "secret": line.secret,
        "ready": str(line.ready),
        "reason": line.reason,
        "sections": [{"about": each.about, "sentences": list(each.sentences)} for each in sections],
    }
    tell(form, data, lambda: _text(ref, line.secret, sections))
    return Exit.OK if line.ready is Readiness.TRUE else Exit.NO


def _text(ref: Ref, secret: str, sections: Sequence[Section]) -> Text:
    wanted = f" wants Secret {secret}" if secret else " names no Secret that there could be"
    lines = [Text(f"SecretDefinition {ref}{wanted}.")]
    for section in sections:
        lines += [Text(), Text(section.about, "bold"), *(Text(f"  {said}") for said in section.sentences)]
    return Text("\n").join(lines)
