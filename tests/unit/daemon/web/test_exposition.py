"""Which form of the metrics a client gets for what it says it accepts."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.web.exposition import (
    OPEN_METRICS,
    TEXT,
    TEXT_WITH_UTF_8,
    choose_form,
    compress,
    takes_gzip,
)

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)

ACCEPTS = {
    "nothing said": ("", PLAIN),
    "anything": ("*/*", PLAIN),
    "any text": ("text/*", PLAIN),
    "a browser": ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PLAIN),
    "something else": ("application/json", PLAIN),
    "text": ("text/plain", PLAIN),
    "text of the classic version": ("text/plain; version=0.0.4", PLAIN),
    "text of the new version": ("text/plain; version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
    "text of an unknown version": ("text/plain; version=7", PLAIN),
    "protobuf first": (
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
            "text/plain;version=0.0.4;q=0.3"
        ),
        PLAIN,
    ),
    "OpenMetrics": ("application/openmetrics-text", OPEN),
    "OpenMetrics with its version": ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPEN),
    "OpenMetrics, its version in quotes": ('application/openmetrics-text;version="1.0.0"', OPEN),
    "OpenMetrics in capitals": ("Application/OpenMetrics-Text;Version=1.0.0", OPEN),
    "OpenMetrics before its time": ("application/openmetrics-text; version=0.0.1", PLAIN),
    "OpenMetrics to come": ("application/openmetrics-text; version=2.0.0", PLAIN),
    "OpenMetrics to come, or ours": (
        "application/openmetrics-text; version=2.0.0, application/openmetrics-text; version=1.0.0; q=0.1",
        OPEN,
    ),
    "OpenMetrics or text alike": ("text/plain, application/openmetrics-text", OPEN),
    "text rather than OpenMetrics": ("application/openmetrics-text;q=0.5, text/plain", PLAIN),
    "text, the weights in capitals": ("application/openmetrics-text;Q=0.5, text/plain", PLAIN),
    "OpenMetrics rather than text": ("text/plain;q=0.5, application/openmetrics-text;q=0.6", OPEN),
    "anything rather than OpenMetrics": ("application/openmetrics-text;q=0.2, */*;q=0.9", PLAIN),
    "anything but OpenMetrics": ("application/openmetrics-text;q=0, */*", PLAIN),
    "nothing at all": ("*/*;q=0", PLAIN),
    "a weight that is none": ("application/openmetrics-text;q=high, text/plain;q=0.1", PLAIN),
    "rubbish": (";;,=,q=1,\x00", PLAIN),
    "Prometheus 2": (PROMETHEUS_2, OPEN),
    "Prometheus 3": (PROMETHEUS_3, f"{OPEN}; escaping=allow-utf-8"),
    "an escaping for a version that has none": ("text/plain;version=0.0.4;escaping=allow-utf-8", PLAIN),
    "an escaping without a version": ("application/openmetrics-text;escaping=allow-utf-8", OPEN),
    "text of the new version, escaped": (
        "text/plain;version=1.0.0;escaping=underscores",
        "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
    ),
    "an escaping that would change names": (
        "application/openmetrics-text;version=1.0.0;escaping=dots",
        f"{OPEN}; escaping=underscores",
    ),
}


@pytest.mark.parametrize(("accept", "content_type"), ACCEPTS.values(), ids=ACCEPTS)
def test_the_form_follows_what_the_client_accepts(accept: str, content_type: str) -> None:
    assert choose_form(accept)[1] == content_type


@given(st.text(st.characters(max_codepoint=255)) | st.text("text/plainoemrcs-*;,=q.01 ", max_size=200))
def test_any_accept_header_gets_one_of_our_forms(accept: str) -> None:
    form, content_type = choose_form(accept)

    assert form in {OPEN_METRICS, TEXT, TEXT_WITH_UTF_8}
    assert content_type.startswith(f"{form.media_type}; version={form.version}; charset=utf-8")
    assert content_type.isprintable()
    takes_gzip(accept)


ENCODINGS = {
    "": False,
    "gzip": True,
    "GZIP": True,
    "deflate, gzip;q=1.0, *;q=0.5": True,
    "gzip;q=0": False,
    "gzip;q=0.0, *": False,
    "*": True,
    "*;q=0": False,
    "identity": False,
    "br, zstd": False,
}


@pytest.mark.parametrize(("header", "taken"), ENCODINGS.items())
def test_gzip_is_used_where_it_is_taken(header: str, *, taken: bool) -> None:
    assert takes_gzip(header) is taken


def test_the_same_body_is_compressed_to_the_same_bytes() -> None:
    assert compress(b"a" * 1000) == compress(b"a" * 1000)
    assert gzip.decompress(compress(b"a" * 1000)) == b"a" * 1000
