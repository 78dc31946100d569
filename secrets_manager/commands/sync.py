"""``secrets-manager sync``: ask the daemon to read every path of a definition now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.text import Text

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Json, KubernetesApi
from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.chosen import Done, act_on_each, choice_options
from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.kinds import Plain, Surroundings
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.domain.definition import SYNC
from secrets_manager.overview.data import time_data


@click.command("sync", cls=Plain)
@choice_options()
@cluster_options()
@form_option()
@click.pass_obj
def sync(surroundings: Surroundings, /, *, asked: Asked, form: Form, **chosen: Any) -> int:
    """Ask the daemon to read every path of definitions anew, now.

    NAME is a definition, or NAMESPACE/NAME. It sets the annotation secrets-manager.tuenti.io/sync to the
    time. The exit code is 1 if a definition is suspended, for which nothing is read.
    """
    with cluster_of(asked, surroundings) as cluster:
        done = act_on_each(
            cluster,
            chosen["names"],
            lambda raw: ask_for_sync(cluster.api, raw, utc_now()),
            everything=chosen["everything"],
        )
    tell(form, {"definitions": done.each}, lambda: Text("\n".join(_sentences(done))))
    return done.code or (Exit.NO if any(each["suspended"] for each in done.each) else Exit.OK)


def ask_for_sync(api: KubernetesApi, raw: Json, now: datetime) -> dict[str, Any]:
    """Set the annotation of a definition, unless that is suspended."""
    spec = raw.get("spec")
    if isinstance(spec, dict) and spec.get("suspend") is True:
        return {"suspended": True, "askedAt": None}
    # A text that is new there asks for a sync, so two within a second have to differ.
    at = now.isoformat(timespec="microseconds")
    api.patch(
        DEFINITIONS,
        manifests.ref_of(raw),
        {"metadata": {"uid": manifests.uid_of(raw), "annotations": {SYNC: at}}},
    )
    return {"suspended": False, "askedAt": time_data(now)}


def _sentences(done: Done) -> list[str]:
    return [_sentence(each) for each in done.each] or ["no definitions"]


def _sentence(each: dict[str, Any]) -> str:
    named = f"{each['namespace']}/{each['name']}"
    if each["suspended"]:
        return f"{named}: it is suspended, so nothing is read for it; `secrets-manager resume` ends that"
    return f"{named}: asked for; every path of it is read now"
