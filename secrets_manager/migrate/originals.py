"""Objects of other operators as they were found: what they say, and where it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["Json", "Key", "Lines", "Nowhere", "Original", "dig", "key_of"]

Json = dict[str, Any]
_DEFAULT_NAMESPACE = "default"


class Lines(Protocol):
    """Knows where the fields of a document stand; both numbers count from 1."""

    def place(self, path: Iterable[str | int]) -> tuple[int, int]:
        """Line and column of a field, or of the nearest one above it."""


class Nowhere:
    """The lines of an object that comes from no file."""

    def place(self, _path: Iterable[str | int]) -> tuple[int, int]:
        """The beginning."""
        return 1, 1


class Key(NamedTuple):
    """What tells an object from all others; ``namespace`` is "" for kinds without namespaces."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One object: ``body`` is the whole of it, ``file`` the name of its file, or "" for one of a cluster."""

    key: Key
    group: str
    version: str
    body: Json = field(repr=False)
    file: str = ""
    lines: Lines = field(default_factory=Nowhere, repr=False)

    @property
    def metadata(self) -> Json:
        """``metadata``, empty where it is no map."""
        return _map(self.body.get("metadata"))

    @property
    def spec(self) -> Json:
        """``spec``, empty where it is no map."""
        return _map(self.body.get("spec"))

    @property
    def labels(self) -> dict[str, str]:
        """The labels that are texts."""
        return _texts(self.metadata.get("labels"))

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that are texts."""
        return _texts(self.metadata.get("annotations"))

    def line(self, path: Iterable[str | int]) -> int:
        """The line of a field."""
        return self.lines.place(path)[0]


def key_of(body: Mapping[str, Any], *, cluster_wide: bool, namespace: str | None) -> Key:
    """The key of an object; ``namespace`` is that of objects that name none, `default` if it is None."""
    metadata = _map(body.get("metadata"))
    named = metadata.get("namespace")
    found = named if isinstance(named, str) and named else namespace or _DEFAULT_NAMESPACE
    name = metadata.get("name")
    return Key(
        kind=str(body.get("kind", "")),
        namespace="" if cluster_wide else found,
        name=name if isinstance(name, str) else "",
    )


def dig(value: Any, *path: str | int) -> Any:
    """What stands at the path, None where nothing does."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {name: text for name, text in _map(value).items() if isinstance(text, str)}
