"""The addresses of the page, its headers, and what those are told who get nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import pytest

from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.web.doors import TurnedAway
from secrets_manager.daemon.web.server import HttpRequest
from secrets_manager.daemon.web.status_style import CSS_SOURCE
from secrets_manager.domain.errors import ClusterUnavailable
from tests.unit.daemon.status_world import StatusWorld, entry


class Shut:
    """A door that turns everybody away."""

    def __init__(self, away: TurnedAway) -> None:
        self.away = away

    def admit(self, request: HttpRequest, namespaces: Sequence[str]) -> Sight:
        raise self.away


def test_people_get_a_page_and_programs_json() -> None:
    world = StatusWorld(entry("a/b"))
    page, data = world.ask("/?q=b"), world.ask("/status.json?q=b")

    assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
    assert page.body.startswith(b"<!DOCTYPE html>")
    assert (data.status, data.content_type) == (200, "application/json")
    assert [each["name"] for each in json.loads(data.body)["definitions"]] == ["b"]


TARGETS = ["/", "/status.json", "/nothing", "/?bad=1", "/status.json?page=x", "/status.json/", "//", "*"]


@pytest.mark.parametrize("target", TARGETS)
def test_no_answer_is_kept_framed_or_runs_anything(target: str) -> None:
    headers = StatusWorld().ask(target).more_headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))

    assert policy == {
        "default-src": "'none'",
        "style-src": CSS_SOURCE,
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


ELSEWHERE = ["/metrics", "/healthz", "/status.json/", "/../status.json", "/index.html", "*"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nothing_else_is_served(target: str) -> None:
    assert StatusWorld().ask(target).status == 404


def test_another_site_cannot_read_the_page_by_a_name_that_leads_here() -> None:
    answer = StatusWorld(entry("a/canary-4711")).ask("/", host="evil.test:8082")

    assert answer.status == 421
    assert b"canary-4711" not in answer.body


@pytest.mark.parametrize("headers", [{"content_length": "5"}, {"transfer_encoding": "chunked"}])
def test_a_request_with_a_body_is_refused(headers: dict[str, str]) -> None:
    assert StatusWorld().ask("/", **headers).status == 400


def test_a_query_that_is_not_understood_is_answered_with_what_would_be() -> None:
    world = StatusWorld()

    assert b"there is no filter 'redy'; there are namespace, ready" in world.ask("/?redy=1").body
    answer = world.ask("/status.json?page=0")
    assert (answer.status, answer.content_type) == (400, "text/plain; charset=utf-8")
    assert answer.body == b"Not understood: page is a number from 1 to 1000000.\n"


def test_who_needs_a_token_is_told_how_to_send_one() -> None:
    away = TurnedAway(401, "A token is needed", "Send one.", {"WWW-Authenticate": "Bearer"})
    world = StatusWorld(entry("a/canary-4711"), door=Shut(away))
    page, data = world.ask("/"), world.ask("/status.json")

    assert (page.status, data.status) == (401, 401)
    assert page.more_headers["WWW-Authenticate"] == data.more_headers["WWW-Authenticate"] == "Bearer"
    assert b"kubectl port-forward" in page.body
    assert data.body == b"A token is needed: Send one.\n"
    assert b"canary-4711" not in page.body + data.body


def test_an_answer_that_cannot_be_made_in_time_is_not_begun_or_given_up() -> None:
    world = StatusWorld(entry("a/b"))
    world.seconds_left = -0.5
    answer = world.ask("/")

    assert (answer.status, answer.more_headers["Retry-After"]) == (503, "2")


def test_an_answer_that_takes_too_long_says_how_to_ask_for_less() -> None:
    world = StatusWorld(entry("a/b"))
    world.view.left = lambda: 0.0
    answer = world.ask("/")

    assert answer.status == 503
    assert b"Narrow it" in answer.body


def test_a_fault_of_the_page_costs_one_answer_and_a_line_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = StatusWorld(entry("a/b"))

    def fail(*_: object) -> None:
        raise ValueError("canary-4711")

    world.view.page = fail  # type: ignore[assignment,method-assign]
    with caplog.at_level(logging.ERROR):
        answer = world.ask("/")

    assert answer.status == 500
    assert [record.message for record in caplog.records] == ["the status page could not be made"]
    assert "canary-4711" not in answer.body.decode() + repr([vars(record) for record in caplog.records])
    assert world.ask("/status.json").status == 200


def test_an_api_server_that_does_not_say_who_asks_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    away = TurnedAway(503, "Not known who you are", "Try again.")
    away.__cause__ = ClusterUnavailable("no answer: create tokenreviews")
    world = StatusWorld(door=Shut(away))
    with caplog.at_level(logging.WARNING):
        statuses = {world.ask("/").status for _ in range(20)}

    assert statuses == {503}
    assert [(record.message, record.reason) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("the API server does not say who asks for the status page", "ClusterUnavailable")
    ]


def test_json_that_is_too_long_says_how_to_ask_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    world = StatusWorld(*(entry(f"n/d{number}", message="x" * 1000) for number in range(30)))
    monkeypatch.setattr("secrets_manager.daemon.status.as_json.overview_json.__defaults__", (10_000,))
    answer = world.ask("/status.json")

    assert answer.status == 400
    assert b"page=1" in answer.body
