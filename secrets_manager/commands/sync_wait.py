"""Waits until the daemon has answered that it did a sync, by the Event that it records for that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from secrets_manager.cluster.base import EVENTS, Json, KubernetesApi, Scope
from secrets_manager.domain.definition import Ref
from secrets_manager.sync.sync_answers import SYNC_DONE

_PAUSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited, in seconds; clock and pause for it."""

    seconds: float
    clock: Callable[[], float]
    pause: Callable[[float], object]


def wait_for_answers(api: KubernetesApi, asked: Mapping[Ref, str], patience: Patience) -> Collection[Ref]:
    """Those of the definitions whose sync was answered in time; ``asked`` has the texts of their annotations.

    Raises what the API raises.
    """
    left, ends_at = dict(asked), patience.clock() + patience.seconds
    while True:
        for ref, text in list(left.items()):
            if _is_answered(api, ref, text):
                del left[ref]
        if not left or patience.clock() >= ends_at:
            return asked.keys() - left.keys()
        patience.pause(_PAUSE)


def _is_answered(api: KubernetesApi, ref: Ref, text: str) -> bool:
    fields = f"involvedObject.name={ref.name},reason={SYNC_DONE}"
    scope = Scope(resource=EVENTS, namespace=ref.namespace, fields=fields)
    return any(_answers(event, text) for page in api.pages(scope) for event in page.items)


def _answers(event: Json, text: str) -> bool:
    message = event.get("message")
    return isinstance(message, str) and f" {text} " in message
