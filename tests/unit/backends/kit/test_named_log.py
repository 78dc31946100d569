"""Lines of a backend name it."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.backends.kit.named_log import NamedLog


def test_each_line_has_the_name_of_its_backend_and_the_fields_of_its_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, two = (NamedLog(logging.getLogger("attic"), name) for name in ("one", "two"))
    with caplog.at_level(logging.DEBUG):
        one.warning("login failed", extra={"operation": "login"})
        two.info("logged in")
        two.debug("called", extra={"backend": "attic", "reason": "Answered"})
    said = [(record.__dict__["backend"], record.__dict__.get("operation")) for record in caplog.records]

    assert said == [("one", "login"), ("two", None), ("two", None)]
    assert caplog.records[2].__dict__["reason"] == "Answered"
