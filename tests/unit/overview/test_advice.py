"""Each reason comes with what to do, as a page and a terminal show it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secrets_manager.domain import errors
from secrets_manager.overview.advice import ADVICE, advice_on

# They are no errors.
NO_ERRORS = {"Synced", "Suspended"}


def reasons(kind: type[errors.SecretsManagerError]) -> Iterator[str]:
    """The names of the errors that are raised: those that are not the parent of another."""
    children = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    for each in children:
        yield from reasons(each)
    if not children:
        yield kind.__name__


def test_there_is_advice_about_every_reason_and_about_nothing_else() -> None:
    assert ADVICE.keys() - NO_ERRORS == set(reasons(errors.SecretsManagerError))


def test_it_is_made_of_sentences_and_an_unknown_reason_has_none() -> None:
    for reason, advice in ADVICE.items():
        assert reason == "Synced" or re.fullmatch(r"[A-Z`].*[.]", advice), reason
    assert advice_on("OfALaterRelease") == ""


def test_a_terminal_gets_the_words_of_a_link() -> None:
    assert advice_on("NotAString") == "Store it as a string, or set `encoding: json`."
    assert not any("](" in advice_on(reason) for reason in ADVICE)
