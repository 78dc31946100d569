"""What is written and whose it is, in sentences: names of keys, labels and writers, never a value; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import Json
from secrets_manager.commands.ages import age
from secrets_manager.commands.explain_facts import Facts, Unknown
from secrets_manager.domain.clash import FieldManager
from secrets_manager.domain.definition import ADOPT, Definition, SecretSpec
from secrets_manager.domain.marks import select_copied
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL
from secrets_manager.domain.wording import in_quotes
from secrets_manager.overview.definitions import last_change_of

_MOST_NAMES = 20


def writes(wanting: Definition, spec: SecretSpec) -> Iterator[str]:
    """What the Secret is made of."""
    keys = sorted(spec.keys.keys() | spec.templates.keys())
    whole = "the keys that its whole paths have" if spec.data_from else ""
    named = " and ".join(filter(None, (_names("key", keys), whole))) or "no key"
    yield f"Secret {spec.secret_name} of type {spec.secret_type} gets {named}."
    labels = {**select_copied(wanting.labels), **spec.wished.labels, MANAGED_BY_LABEL: MANAGED_BY}
    yield f"It has {_names('label', sorted(labels))}."
    annotations = {**select_copied(wanting.annotations), **spec.wished.annotations}
    if annotations:
        yield f"It has {_names('annotation', sorted(annotations))}, and the daemon's own."
    if spec.checks:
        yield f"Before it is written, {_names('key', sorted(spec.checks))} must pass spec.checks."
    yield (
        "It stays when the definition is deleted."
        if wanting.retains
        else "It is deleted with the definition."
    )


def whose(facts: Facts) -> Iterator[str]:
    """Who owns and who wrote the Secret, and who else wants it."""
    yield from _owners(facts)
    if isinstance(facts.rivals, Unknown):
        yield f"Whether other definitions want the same Secret is not known: {facts.rivals.why}."
    elif not facts.rivals:
        yield "No other definition wants it."
    else:
        eldest = min((facts.wanting, *facts.rivals), key=lambda each: each.seniority)
        others = _names("definition", [each.ref.name for each in facts.rivals])
        yield f"It is also wanted by {others}; the eldest keeps it, which is {eldest.ref.name}."


def restarts(spec: SecretSpec) -> Iterator[str]:
    """Which workloads are restarted after a change."""
    wish = spec.restart
    if wish is None:
        yield "A change restarts nothing."
        return
    named = [str(each) for each in wish.workloads]
    if wish.referencing:
        named.append("each workload whose pods use the Secret")
    yield f"After a change of its data these are restarted: {', '.join(named[:_MOST_NAMES]) or 'none'}."


def _owners(facts: Facts) -> Iterator[str]:
    secret = facts.secret
    if isinstance(secret, Unknown):
        yield f"Nothing is known of the Secret itself: {secret.why}."
        return
    if not secret:
        yield "There is no such Secret yet."
        return
    changed = last_change_of(secret)
    if changed is not None:
        yield f"The Secret was last written {age(changed, facts.now)} ago."
    yield from _owned(facts.wanting, secret)
    for manager in manifests.field_managers(secret):
        if keys := _keys_of(manager):
            yield f"{in_quotes(manager.name)} wrote {_names('key', keys)}."


def _owned(wanting: Definition, secret: Json) -> Iterator[str]:
    metadata = secret["metadata"]
    references = metadata.get("ownerReferences")
    owners = [each for each in references if isinstance(each, dict)] if isinstance(references, list) else []
    if any(owner.get("uid") == wanting.uid for owner in owners):
        yield "Its ownerReference names this definition."
    for owner in owners:
        if owner.get("uid") != wanting.uid:
            yield f"Its ownerReference names {owner.get('kind')} {owner.get('name')}."
    found = metadata.get("labels")
    labels: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY and not owners:
        consent = "may" if wanting.opts_in(ADOPT) else "may not"
        yield f"It has no mark of this program: it was made by others, and the daemon {consent} take it over."


def _keys_of(manager: FieldManager) -> list[str]:
    """The data keys that a writer wrote last."""
    data = manager.fields.get("f:data")
    return sorted(name[2:] for name in data if name.startswith("f:")) if isinstance(data, dict) else []


def _names(word: str, names: Iterable[str]) -> str:
    every = list(names)
    if not every:
        return ""
    shown = ", ".join(every[:_MOST_NAMES])
    rest = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
    return f"{word}{'s' if len(every) > 1 else ''} {shown}{rest}"
