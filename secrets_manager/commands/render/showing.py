"""Rendered Secrets for people and for programs. Unless values are wished for, none shows, nor its length."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from secrets_manager.commands.columns import Columns
from secrets_manager.commands.render.rendering import Rendered
from secrets_manager.domain.wording import printable

HIDDEN = "(hidden)"
NOT_READ = "(not read)"
_TITLES = ("KEY", "VALUE", "FROM")


def as_list(secrets: Iterable[Rendered], *, show_values: bool) -> dict[str, Any]:
    """A List of Secrets as Kubernetes has it."""
    items = [_item(each, show_values=show_values) for each in secrets]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _item(secret: Rendered, *, show_values: bool) -> dict[str, Any]:
    if secret.read and show_values:
        return secret.body
    mask = HIDDEN if secret.read else NOT_READ
    return {**secret.body, "data": dict.fromkeys(secret.body["data"], mask)}


def as_text(secrets: Sequence[Rendered], *, show_values: bool) -> RenderableType:
    """The Secrets one below the other."""
    parts: list[RenderableType] = []
    for number, secret in enumerate(secrets):
        parts += [*([""] if number else []), *_one(secret, show_values=show_values)]
    return Group(*parts)


def _one(secret: Rendered, *, show_values: bool) -> Iterator[RenderableType]:
    desired, manifest = secret.desired, secret.examined.manifest
    place = f"{manifest.file}:{manifest.mark.line}"
    yield Text(printable(f"Secret {desired.ref} of type {desired.type}, from {place}"), "bold")
    yield Columns(_TITLES).table(_rows(secret, show_values=show_values))
    for kind in ("labels", "annotations"):
        for name, text in secret.body["metadata"].get(kind, {}).items():
            yield Text(printable(f"{kind.removesuffix('s')} {name}: {text}"))


def _rows(secret: Rendered, *, show_values: bool) -> Iterator[tuple[str, str, str]]:
    for key, value in secret.desired.data.items():
        shown = _shown(value) if show_values else HIDDEN
        yield key, shown if secret.read else NOT_READ, secret.source_of(key)
    for path in secret.open_paths:
        yield "...", NOT_READ, f"all keys of {path}"


def _shown(value: bytes) -> str:
    """The text, or base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"base64: {binascii.b2a_base64(value, newline=False).decode()}"
