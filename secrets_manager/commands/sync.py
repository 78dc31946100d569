"""``secrets-manager sync``: ask the daemon to read every path of a definition now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Json, KubernetesApi
from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.chosen import Done, act_on_each, choice_options
from secrets_manager.commands.cluster import Asked, Cluster, cluster_of, cluster_options
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.kinds import Plain, Seconds, Surroundings
from secrets_manager.commands.listing import read
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.sync_wait import Patience, wait_for_answers
from secrets_manager.domain.definition import SYNC, Ref
from secrets_manager.overview.definitions import line_of_object
from secrets_manager.overview.model import Readiness

# The daemon records few Events at a time, so more answers than that would be lost.
_MOST_AWAITED = 8


@click.command("sync", cls=Plain)
@choice_options()
@cluster_options()
@click.option("--wait", is_flag=True, help="Wait until the daemon did it, by the Event that says so.")
@click.option("--timeout", type=Seconds(), default="60s", show_default=True, help="How long to --wait.")
@form_option()
@click.pass_obj
def sync(surroundings: Surroundings, /, *, asked: Asked, form: Form, **options: Any) -> int:
    """Ask the daemon to read every path of definitions anew, now.

    NAME is a definition, or NAMESPACE/NAME. It sets the annotation secrets-manager.tuenti.io/sync to the
    time.

    It needs the rights to get and patch secretdefinitions, with --all to list them, and with --wait to list
    events. The exit code is 1 if a definition is suspended, for which nothing is read, and with --wait if one
    is not ready afterwards; it is 3 if no daemon answered in time.
    """
    names, everything = options["names"], options["everything"]
    if options["wait"] and (everything or len(names) > _MOST_AWAITED):
        raise click.UsageError(f"--wait is for definitions that are named, and for {_MOST_AWAITED} at most")
    with cluster_of(asked, surroundings) as cluster:
        done = act_on_each(
            cluster, names, lambda raw: ask_for_sync(cluster.api, raw, utc_now()), everything=everything
        )
        code = done.code or (Exit.NO if any(each["suspended"] for each in done.each) else Exit.OK)
        if options["wait"]:
            patience = Patience(seconds=options["timeout"], clock=time.monotonic, pause=time.sleep)
            code = max(code, _await(cluster, done, patience))
    tell(form, {"definitions": done.each}, lambda: Text("\n".join(_sentences(done))))
    return code


def ask_for_sync(api: KubernetesApi, raw: Json, now: datetime) -> dict[str, Any]:
    """Set the annotation of a definition, unless that is suspended."""
    spec = raw.get("spec")
    if isinstance(spec, dict) and spec.get("suspend") is True:
        return {"suspended": True, "askedAt": None}
    # A text that is new there asks for a sync, so two within a second have to differ.
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    body = {"metadata": {"uid": manifests.uid_of(raw), "annotations": {SYNC: at}}}
    api.patch(DEFINITIONS, manifests.ref_of(raw), body)
    return {"suspended": False, "askedAt": at}


def _await(cluster: Cluster, done: Done, patience: Patience) -> int:
    """Add to each definition that was asked about whether it was answered, and how it is now."""
    asked = {Ref(each["namespace"], each["name"]): each for each in done.each if not each["suspended"]}
    texts = {ref: each["askedAt"] for ref, each in asked.items()}
    answered = wait_for_answers(cluster.api, texts, patience)
    code: int = Exit.OK
    for ref, each in asked.items():
        line = line_of_object(read(cluster.api, ref))
        each |= {"answered": ref in answered, "ready": str(line.ready), "reason": line.reason}
        if ref not in answered:
            code = Exit.UNREACHED
        elif line.ready is not Readiness.TRUE:
            code = max(code, Exit.NO)
    return code


def _sentences(done: Done) -> list[str]:
    return [_sentence(each) for each in done.each] or ["no definitions"]


def _sentence(each: dict[str, Any]) -> str:
    named = f"{each['namespace']}/{each['name']}"
    if each["suspended"]:
        return f"{named}: it is suspended, so nothing is read for it; `secrets-manager resume` ends that"
    if "answered" not in each:
        return f"{named}: asked for; every path of it is read now"
    if not each["answered"]:
        return f"{named}: no daemon answered in time; does one serve this namespace, and may it write Events?"
    word = "in step" if each["ready"] == "True" else "not in step"
    return f"{named}: done, and it is {word}: {each['reason']}"
