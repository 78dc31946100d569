"""What may come from outside, for property tests: any JSON, documents with some damage, bytes cut anywhere.

Documents with a little damage get past the first check, which documents made at random hardly ever do.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]

# Half of a surrogate pair has no UTF-8: it cannot arrive in JSON that orjson has read.
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, document: Any) -> Any:
    """``document`` with one to three of its parts replaced by anything, or left out."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(_paths(result))))
        if not path:
            return draw(ANY_JSON)
        holder = result
        for step in path[:-1]:
            holder = holder[step]
        if draw(st.booleans()):
            holder[path[-1]] = draw(ANY_JSON)
        else:
            del holder[path[-1]]
    return result


def perhaps_damaged(document: Any) -> st.SearchStrategy[Any]:
    """``document`` as it is, or damaged."""
    return st.just(document) | damaged(document)


@st.composite
def mangled(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with some bytes cut out, changed or put in, or only its beginning."""
    result = content
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(result)))
        end = draw(st.sampled_from([start, min(len(result), start + 1), len(result)]))
        result = result[:start] + draw(st.binary(max_size=3)) + result[end:]
    return result


@st.composite
def pieces(draw: st.DrawFn, content: bytes) -> list[bytes]:
    """``content`` cut at any places, empty pieces left out."""
    places = sorted(draw(st.lists(st.integers(0, len(content)), max_size=8)))
    bounds = [0, *places, len(content)]
    return [part for a, b in itertools.pairwise(bounds) if (part := content[a:b])]


def nested(depth: int, kernel: str = "1") -> bytes:
    """The JSON of so many maps within each other."""
    return ('{"a":' * depth + kernel + "}" * depth).encode()


def texts_in(document: Any) -> Iterator[str]:
    """Every text in a JSON document, keys excepted."""
    if isinstance(document, str):
        yield document
    for part in _parts(document):
        yield from texts_in(document[part])


def as_bytes(document: Any) -> bytes:
    """The document as it goes over the wire."""
    return json.dumps(document, ensure_ascii=False).encode()


def _paths(document: Any, prefix: Path = ()) -> Iterator[Path]:
    yield prefix
    for part in _parts(document):
        yield from _paths(document[part], (*prefix, part))


def _parts(document: Any) -> list[Any]:
    if isinstance(document, dict):
        return list(document)
    return list(range(len(document))) if isinstance(document, list) else []
