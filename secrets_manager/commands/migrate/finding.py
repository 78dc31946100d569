"""The objects of other operators in files, each with the place of all that it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.manifests import Trouble
from secrets_manager.commands.files.reading import Text, Unread
from secrets_manager.commands.files.tree import Node, Unusable
from secrets_manager.migrate.operators import is_foreign, kind_of
from secrets_manager.migrate.originals import Original, key_of

__all__ = ["Found", "find"]


@dataclass(slots=True)
class Found:
    """The objects that may be converted, what cannot be read, and how many others there are."""

    originals: list[Original] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    others: int = 0


def find(texts: Iterable[Text | Unread], namespace: str | None) -> Found:
    """What is in the texts; ``namespace`` is that of objects that name none."""
    found = Found()
    for text in texts:
        if isinstance(text, Unread):
            found.troubles.append(Trouble(text.name, text.why, unread=True))
            continue
        for document in documents(text.text):
            if isinstance(document, Unusable):
                found.troubles.append(Trouble(text.name, document.why, document.mark))
                continue
            for node in _objects(document):
                _take(found, text.name, node, namespace)
    return found


def _objects(node: Node) -> Iterator[Node]:
    """The object, or those of a list of them."""
    items = node.member("items")
    if (node.member("kind") or node).text().endswith("List") and items is not None:
        for item in items.items():
            yield from _objects(item)
    else:
        yield node


def _take(found: Found, file: str, node: Node, namespace: str | None) -> None:
    api_version, kind = ((node.member(name) or node).text() for name in ("apiVersion", "kind"))
    group, _, version = api_version.rpartition("/")
    body = node.plain()
    if not isinstance(body, dict) or not is_foreign(group, kind, body):
        found.others += 1
        return
    known = kind_of(group, kind, body)
    original = Original(
        key=key_of(body, cluster_wide=known is not None and known.cluster_wide, namespace=namespace),
        group=group,
        version=version,
        body=body,
        file=file,
        lines=node,
    )
    found.originals.append(original)
