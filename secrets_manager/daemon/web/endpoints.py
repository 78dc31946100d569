"""/metrics, /healthz and /readyz: what programs ask."""

from __future__ import annotations

from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry

from secrets_manager.daemon.web import exposition
from secrets_manager.daemon.web.health import Health, ProbeResult
from secrets_manager.daemon.web.scrapes import Scrapes
from secrets_manager.daemon.web.server import HttpAnswer, HttpRequest
from secrets_manager.runtime.deadline import current_remaining

_TEXT = "text/plain; charset=utf-8"


class Endpoints:
    """The answer of each path."""

    option = "metrics-addr"

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._scrapes = Scrapes(registry)
        self._probes = {"/healthz": health.liveness, "/readyz": health.readiness}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request; its query counts only for probes, which then may be ``verbose``."""
        path, _, query = request.target.partition("?")
        if path == "/metrics":
            return self._metrics(request)
        if (probe := self._probes.get(path)) is not None:
            return _probe(probe(), verbose="verbose" in parse_qs(query, keep_blank_values=True))
        return HttpAnswer(404, _TEXT, b"not found\n")

    def _metrics(self, request: HttpRequest) -> HttpAnswer:
        form, content_type = exposition.choose_form(request.header("accept"))
        headers = {"Vary": "Accept, Accept-Encoding"}
        if compressed := exposition.takes_gzip(request.header("accept-encoding")):
            headers["Content-Encoding"] = "gzip"
        body = self._scrapes.body(form, compressed=compressed, timeout=current_remaining())
        if body is None:
            return HttpAnswer(503, _TEXT, b"busy: the metrics are being written for other clients\n")
        return HttpAnswer(200, content_type, body, headers)


def _probe(verdict: ProbeResult, *, verbose: bool) -> HttpAnswer:
    return HttpAnswer(200 if verdict.good else 503, _TEXT, verdict.text(verbose=verbose).encode())
