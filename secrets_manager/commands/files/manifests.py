"""The SecretDefinitions in files, each with the place of all that it says. Other objects are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.reading import Text, Unread
from secrets_manager.commands.files.tree import Mark, Node, Unusable
from secrets_manager.domain.secret import DEFINITION_GROUP, DEFINITION_KIND
from secrets_manager.domain.wording import in_quotes

API_VERSION = f"{DEFINITION_GROUP}/v1alpha1"
_LIST = f"{DEFINITION_KIND}List"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A SecretDefinition in a file."""

    file: str
    node: Node = field(repr=False)

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self.node.mark

    @property
    def raw(self) -> dict[str, Any]:
        """The object as kubectl would send it."""
        made = self.node.plain()
        assert isinstance(made, dict)  # noqa: S101 - it has a kind
        # In a list that says its kind, an item need not.
        return {"apiVersion": API_VERSION, "kind": DEFINITION_KIND, **made}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file, or a part of it, that cannot be looked at. ``unread`` says that the file itself could not."""

    file: str
    why: str
    mark: Mark | None = None
    unread: bool = False


@dataclass(slots=True)
class Passed:
    """How many objects of other kinds there were."""

    others: int = 0


def manifests(texts: Iterable[Text | Unread], passed: Passed) -> Iterator[Manifest | Trouble]:
    """The SecretDefinitions of the texts in their order, and what stands in the way of others."""
    for text in texts:
        if isinstance(text, Unread):
            yield Trouble(text.name, text.why, unread=True)
            continue
        for document in documents(text.text):
            if isinstance(document, Unusable):
                yield Trouble(text.name, document.why, document.mark)
            else:
                yield from _in_document(text.name, document, passed)


def _in_document(file: str, node: Node, passed: Passed, kind: str = "") -> Iterator[Manifest | Trouble]:
    """``kind`` is that of the items of the list that the node is in."""
    version = (node.member("apiVersion") or node).text()
    said = (node.member("kind") or node).text() or kind
    items = node.member("items")
    if said.endswith("List") and items is not None:
        of_ours = said == _LIST and version.partition("/")[0] == DEFINITION_GROUP
        for item in items.items():
            yield from _in_document(file, item, passed, DEFINITION_KIND if of_ours else "")
    elif kind and not version:
        yield Manifest(file, node)
    elif version.partition("/")[0] == DEFINITION_GROUP or (said == DEFINITION_KIND and not version):
        yield _ours(file, node, version, said)
    else:
        passed.others += 1


def _ours(file: str, node: Node, version: str, kind: str) -> Manifest | Trouble:
    if version != API_VERSION:
        found = in_quotes(version) if version else "missing"
        return Trouble(file, f"apiVersion is {found}; it must be {API_VERSION}", node.place(("apiVersion",)))
    if kind != DEFINITION_KIND:
        found = in_quotes(kind) if kind else "missing"
        return Trouble(file, f"kind is {found}; it must be {DEFINITION_KIND}", node.place(("kind",)))
    return Manifest(file, node)
