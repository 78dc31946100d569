"""``secrets-manager suspend`` and ``resume``: whether the daemon leaves a definition's Secret as it is."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Json, KubernetesApi
from secrets_manager.commands.chosen import Done, act_on_each, choice_options
from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.gitops import keeper_of
from secrets_manager.commands.kinds import Plain, Surroundings
from secrets_manager.commands.output import Form, form_option, tell


@click.command("suspend", cls=Plain, short_help="Leave the Secrets of definitions as they are.")
@choice_options()
@cluster_options()
@form_option()
@click.pass_obj
def suspend(surroundings: Surroundings, /, *, asked: Asked, form: Form, **chosen: Any) -> int:
    """Leave the Secrets of definitions as they are: nothing is read or written for them until `resume`.

    NAME is a definition, or NAMESPACE/NAME. It sets spec.suspend; a tool that applies the manifest with
    another value undoes it.

    It needs the rights to get and patch secretdefinitions, and with --all to list them. The exit code is 0,
    too, where a definition was suspended already.
    """
    return _run(surroundings, asked, form, suspended=True, **chosen)


@click.command("resume", cls=Plain, short_help="Keep the Secrets of definitions in step again.")
@choice_options()
@cluster_options()
@form_option()
@click.pass_obj
def resume(surroundings: Surroundings, /, *, asked: Asked, form: Form, **chosen: Any) -> int:
    """Keep the Secrets of definitions in step again, after `suspend`.

    NAME is a definition, or NAMESPACE/NAME. It takes spec.suspend away.

    It needs the rights to get and patch secretdefinitions, and with --all to list them. The exit code is 0,
    too, where a definition was not suspended.
    """
    return _run(surroundings, asked, form, suspended=False, **chosen)


def _run(surroundings: Surroundings, asked: Asked, form: Form, *, suspended: bool, **chosen: Any) -> int:
    with cluster_of(asked, surroundings) as cluster:
        done = act_on_each(
            cluster,
            chosen["names"],
            lambda raw: set_suspended(cluster.api, raw, suspended=suspended),
            everything=chosen["everything"],
        )
    tell(form, {"definitions": done.each}, lambda: Text("\n".join(_sentences(done))))
    return done.code


def set_suspended(api: KubernetesApi, raw: Json, *, suspended: bool) -> dict[str, Any]:
    """Bring ``spec.suspend`` of a definition to that; raises Conflict if it is not as in ``raw`` any more."""
    spec = raw.get("spec")
    now = isinstance(spec, dict) and spec.get("suspend") is True
    if now is not suspended:
        body = {
            "metadata": {"resourceVersion": manifests.version_of(raw), "uid": manifests.uid_of(raw)},
            "spec": {"suspend": True if suspended else None},
        }
        api.patch(DEFINITIONS, manifests.ref_of(raw), body)
    return {"suspended": suspended, "changed": now is not suspended, "keptBy": keeper_of(raw) or None}


def _sentences(done: Done) -> list[str]:
    return [_sentence(each) for each in done.each] or ["no definitions"]


def _sentence(each: dict[str, Any]) -> str:
    word = "suspended" if each["suspended"] else "resumed"
    named = f"{each['namespace']}/{each['name']}"
    if not each["changed"]:
        return f"{named}: {'suspended already' if each['suspended'] else 'not suspended'}"
    if keeper := each["keptBy"]:
        return f"{named}: {word}; {keeper} applies it, and undoes this if its manifest names spec.suspend"
    return f"{named}: {word}"
