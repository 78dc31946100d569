"""Errors of MiniJinja and of Python become words of ours, and a broken environment is not used again."""

from __future__ import annotations

import contextlib
import gc
import weakref

import pytest

from secrets_manager.templates import engine
from secrets_manager.templates.faults import Fault, Refused
from tests.unit.templates.words import CANARY


class PanicException(BaseException):
    """As the one that a panic of Rust becomes, which is no Exception."""


@pytest.mark.parametrize("kind", [PanicException, RuntimeError, KeyError, UnicodeEncodeError])
def test_whatever_gets_out_of_minijinja_has_a_word_of_ours(kind: type[BaseException]) -> None:
    error = kind("utf-8", CANARY, 0, 1, CANARY) if kind is UnicodeEncodeError else kind(CANARY)

    assert engine.refusal_of(error).kind == "cannot be rendered"


def test_an_error_of_ours_stays_as_it_is() -> None:
    refused = Refused("x")

    assert engine.refusal_of(refused) is refused


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_is_no_fault_of_a_template(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        engine.refusal_of(kind())


def test_after_a_panic_the_thread_has_an_environment_again() -> None:
    assert engine.render("{{ 1 }}", {}) == "1"

    engine.refusal_of(PanicException())

    assert engine.render("{{ 1 }}", {}) == "1"


def test_what_cannot_be_handed_to_minijinja_is_no_template() -> None:
    with pytest.raises(Fault, match="cannot be rendered"):
        engine.check("\ud800")


def test_no_function_that_shows_everything_is_left() -> None:
    """The scan lets none of them pass; this holds without it."""
    for name in ("debug", "cycler", "joiner", "namespace", "dict"):
        with pytest.raises(Refused):
            engine.render(f"{{{{ {name}() }}}}", {"a": CANARY})


def test_a_small_effort_is_told_from_a_mistake() -> None:
    with pytest.raises(Refused) as steps:
        engine.render("{% for i in range(9) %}{% endfor %}", {}, engine.Effort(9, 9_999))
    with pytest.raises(Refused) as looks:
        engine.render("{% for i in range(9) %}{% endfor %}", {}, engine.Effort(999, 99))
    with pytest.raises(Refused) as mistake:
        engine.render("{{ 1 / 0 }}", {}, engine.Effort(999, 999))

    assert [caught.value.exhausted for caught in (steps, looks, mistake)] == [True, True, False]


class Held(dict[str, object]):
    """A map that can be watched."""


@pytest.mark.parametrize(
    "text", ["{{ a.b }}", "{{ a }}", "{{ a | b64encode }}", "{{ a.c }}", "{{ a | tojson }}", "{{ 1 / 0 }}"]
)
def test_nothing_is_kept_of_the_values_of_the_last_rendering(text: str) -> None:
    values = Held(b=CANARY)
    watched = weakref.ref(values)

    with contextlib.suppress(Refused):
        engine.render(text, {"a": values})
    del values
    gc.collect()

    assert watched() is None
