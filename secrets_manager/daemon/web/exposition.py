"""The form of the metrics that a client asks for, and its content type. Pure.

A client that asks for no form gets Prometheus' text format 0.0.4, as from the Go version. A client that
accepts OpenMetrics, as Prometheus does, gets that unless it prefers the text.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics

# Each of our names is a legacy one, which every scheme but "dots" leaves as it is.
_ESCAPINGS = frozenset({"allow-utf-8", "underscores", "values"})
_WITH_ESCAPING = "1.0.0"
# Fast rather than small: a scrape must not keep a core busy.
_GZIP_LEVEL = 1
_LONGEST_HEADER = 4096
_OPEN_METRICS, _PLAIN = "application/openmetrics-text", "text/plain"
_WILD = {"*/*": {_PLAIN: 1}, "text/*": {_PLAIN: 2}, "application/*": {_OPEN_METRICS: 2}}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write the metrics."""

    media_type: str
    version: str
    write: Callable[[CollectorRegistry], bytes]
    # Whether a range without a version means this one.
    usual: bool = True

    def content_type(self, escaping: str = "") -> str:
        """The value of the header, with the scheme of escaping that the client asked for, "" for none."""
        said = f"; escaping={escaping}" if escaping else ""
        return f"{self.media_type}; version={self.version}; charset=utf-8{said}"


@dataclass(frozen=True, slots=True)
class Range:
    """One item of an Accept header, in lower case; ``weight`` is its q, from 0 to 1."""

    media_type: str
    parameters: Mapping[str, str]
    weight: float

    @property
    def escaping(self) -> str:
        """The scheme of escaping to answer with; versions before 1.0.0 have none."""
        asked = self.parameters.get("escaping")
        if asked is None or self.parameters.get("version") != _WITH_ESCAPING:
            return ""
        return asked if asked in _ESCAPINGS else "underscores"

    def fits(self, form: Form) -> int:
        """How closely this range describes the form: 0 not at all, more for a closer one."""
        if self.media_type in _WILD:
            # A client that takes anything did not ask for a form in particular.
            return _WILD[self.media_type].get(form.media_type, 0) if form.usual else 0
        if self.media_type != form.media_type:
            return 0
        version = self.parameters.get("version")
        if version is None:
            return 3 if form.usual else 0
        return 4 if version == form.version else 0


OPEN_METRICS = Form(_OPEN_METRICS, "1.0.0", generate_open_metrics)
TEXT = Form(_PLAIN, "0.0.4", generate_latest)
TEXT_WITH_UTF_8 = Form(_PLAIN, "1.0.0", generate_latest, usual=False)
# Of two forms with the same weight the first is chosen.
_FORMS = (OPEN_METRICS, TEXT_WITH_UTF_8, TEXT)


def choose_form(accept: str) -> tuple[Form, str]:
    """The form for an Accept header ("" for none), and its content type.

    A client that accepts none of the forms gets the text, as any scraper can read it.
    """
    best, weight, content_type = TEXT, 0.0, TEXT.content_type()
    ranges = list(_ranges(accept))
    for form in _FORMS:
        # Of the ranges that a form is in, the closest one says how much it is liked.
        closest = max(ranges, key=lambda one: one.fits(form), default=None)
        if closest is None or not closest.fits(form):
            continue
        if closest.weight > weight:
            best, weight, content_type = form, closest.weight, form.content_type(closest.escaping)
    return best, content_type


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip: by its name, or by ``*`` where it is not named."""
    weights = {one.media_type: one.weight for one in _ranges(accept_encoding)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def compress(body: bytes) -> bytes:
    """The body as gzip, the same for the same body."""
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def _ranges(header: str) -> Iterator[Range]:
    """The items of a header; malformed ones are left out."""
    for item in header[:_LONGEST_HEADER].lower().split(","):
        name, *rest = (part.strip() for part in item.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        weight = _weight(parameters.pop("q", "1"))
        if name and weight is not None:
            yield Range(name, parameters, weight)


def _weight(text: str) -> float | None:
    try:
        weight = float(text)
    except ValueError:
        return None
    return weight if math.isfinite(weight) and 0 <= weight <= 1 else None
