"""The documents of a text of YAML or JSON, as trees. One that cannot be read does not hide the others."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson
import yaml

from secrets_manager.commands.files import scalars
from secrets_manager.commands.files.tree import DEEPEST, MOST_VALUES, Mark, Member, Node, Unusable

# That of libyaml, where PyYAML was built with it, is fifty times as fast.
_Loader: Any = getattr(yaml, "CLoader", yaml.Loader)
# Whatever stands around it, this ends a document.
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ONLY_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#.*|%.*)?\r?\n)*\Z")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float"))
_MERGE = "<<"


def documents(text: str) -> Iterator[Node | Unusable]:
    """Each document, or why it cannot be read; empty ones are left out."""
    line = 1
    for chunk in _chunks(text):
        try:
            yield from _documents_of(chunk, line)
        except Unusable as why:
            yield why
        line += chunk.count("\n")


def _chunks(text: str) -> Iterator[str]:
    """The text in parts that each begin with a separator, save for the first."""
    begin = 0
    for found in _SEPARATOR.finditer(text):
        end = found.start()
        if end > begin and not ("%" in text[begin:end] and _ONLY_DIRECTIVES.match(text, begin, end)):
            yield text[begin:end]
            begin = end
    yield text[begin:]


def _documents_of(chunk: str, line: int) -> Iterator[Node]:
    try:
        yield from _parse(chunk, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = Mark(line + mark.line, mark.column + 1) if mark is not None else Mark(line)
        fault = Unusable(f"is not valid YAML: {error.problem or 'it cannot be parsed'}", at)
    except yaml.YAMLError:
        fault = Unusable("is not valid YAML: it holds a character that YAML does not allow", Mark(line))
    else:
        return
    if (found := _as_json(chunk, line)) is None:
        raise fault
    yield found


def _as_json(chunk: str, line: int) -> Node | None:
    """JSON that is no YAML has escapes that YAML lacks; its values know only the line of the document."""
    text = chunk.removeprefix("---").strip()
    if not text.startswith("{"):
        return None
    try:
        return _of_plain(orjson.loads(text), Mark(line))
    except orjson.JSONDecodeError:
        return None


def _of_plain(value: Any, mark: Mark) -> Node:
    if isinstance(value, dict):
        return Node({name: Member(mark, _of_plain(each, mark)) for name, each in value.items()}, mark)
    if isinstance(value, list):
        return Node([_of_plain(each, mark) for each in value], mark)
    return Node(value, mark)


def _parse(chunk: str, line: int) -> Iterator[Node]:
    builder = _Builder(line)
    for event in yaml.parse(chunk, Loader=_Loader):
        match event:
            case yaml.DocumentStartEvent():
                builder = _Builder(line)
            case yaml.DocumentEndEvent():
                if builder.root is not None and builder.root.value is not None:
                    yield builder.root
            case yaml.ScalarEvent():
                builder.scalar(event)
            case yaml.AliasEvent():
                builder.alias(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                builder.begin(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                builder.end()
            case _:
                # Begin and end of the stream.
                pass


class _Open:
    """A list or a map whose end has not come yet."""

    __slots__ = ("anchor", "items", "key", "mark", "members")

    def __init__(self, mark: Mark, anchor: str | None, *, is_map: bool) -> None:
        self.mark = mark
        self.anchor = anchor
        self.items: list[Node] = []
        self.members: dict[str, Member] | None = {} if is_map else None
        # Of a map, the key whose value comes next.
        self.key: tuple[str, Mark, bool] | None = None

    def take(self, node: Node, *, is_merge: bool = False) -> None:
        """A value, or the key before it; ``is_merge`` says that it is a plain ``<<``."""
        if self.members is None:
            self.items.append(node)
        elif self.key is None:
            self.key = _key(node), node.mark, is_merge
        else:
            (name, mark, merges), self.key = self.key, None
            if merges:
                # Those that are written out win, so they are put in at the end.
                self.items.append(node)
            elif name in self.members:
                raise Unusable("has the same key twice in one map", mark)
            else:
                self.members[name] = Member(mark, node)

    def close(self) -> Node:
        """The finished list or map."""
        if self.members is None:
            return Node(self.items, self.mark)
        return Node(_merged(self.members, self.items), self.mark)


class _Builder:
    """Makes the tree of one document out of events."""

    def __init__(self, line: int) -> None:
        self.root: Node | None = None
        self._first = line
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._made = 0

    def scalar(self, event: yaml.ScalarEvent) -> None:
        mark = self._mark(event)
        node = Node(_value(event, mark), mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._put(node, is_merge=event.value == _MERGE and event.implicit[0])

    def alias(self, event: yaml.AliasEvent) -> None:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            raise Unusable("has an alias whose anchor does not end before it", self._mark(event))
        self._put(found)

    def begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        if len(self._open) == DEEPEST:
            raise Unusable(f"is nested deeper than {DEEPEST} levels", self._mark(event))
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(self._mark(event), event.anchor, is_map=is_map))

    def end(self) -> None:
        ended = self._open.pop()
        node = ended.close()
        if ended.anchor is not None:
            self._anchors[ended.anchor] = node
        self._put(node)

    def _put(self, node: Node, *, is_merge: bool = False) -> None:
        self._made += 1
        if self._made > MOST_VALUES:
            raise Unusable(f"has more than {MOST_VALUES} values", node.mark)
        if self._open:
            self._open[-1].take(node, is_merge=is_merge)
        else:
            self.root = node

    def _mark(self, event: Any) -> Mark:
        return Mark(self._first + event.start_mark.line, event.start_mark.column + 1)


def _key(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    if node.value is None or isinstance(node.value, (list, dict)):
        raise Unusable("has a key that is no text", node.mark)
    # As kubectl writes them into the JSON that it sends.
    if isinstance(node.value, float) and node.value.is_integer():
        return str(int(node.value))
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def _merged(written: dict[str, Member], merges: list[Node]) -> dict[str, Member]:
    """The members with those of the maps behind ``<<``, of which the first wins."""
    found = dict(written)
    for merge in merges:
        for each in merge.items() or [merge]:
            if not isinstance(each.value, dict):
                raise Unusable("has a << whose value is no map", each.mark)
            for name, member in each.value.items():
                found.setdefault(name, member)
    return found


def _value(event: yaml.ScalarEvent, mark: Mark) -> scalars.Scalar:
    # Without libyaml, halves of a letter come by themselves, or alone.
    text = event.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    tag = event.tag or ""
    if tag == f"{_TAG}binary":
        return _binary(text, mark)
    if tag not in _PLAIN_TAGS and not (event.implicit[0] and not tag):
        return str(text)
    value = scalars.plain(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unusable("has a number that JSON cannot hold", mark)
    return value


def _binary(text: str, mark: Mark) -> str:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True).decode()
    except ValueError:
        raise Unusable("has a value with the tag !!binary that is no text in base64", mark) from None
