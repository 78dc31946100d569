"""Each reason of a condition comes with what to do, and the page of reasons knows the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from secrets_manager.domain import errors
from secrets_manager.overview.advice import ADVICE, advice_on

TROUBLESHOOTING = Path(__file__).parents[3] / "docs/troubleshooting.md"
# They are no errors, or no definition has them.
NO_ERRORS = {"Synced", "Suspended"}
OF_THE_PROCESS = {"ConfigError"}


def reasons(kind: type[errors.SecretsManagerError]) -> Iterator[str]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each.__name__
            yield from reasons(each)


def test_the_page_of_reasons_and_the_advice_are_about_the_same_reasons() -> None:
    page = TROUBLESHOOTING.read_text(encoding="utf-8").partition("## Reasons")[2]
    on_page = set(re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE))

    assert on_page - OF_THE_PROCESS == ADVICE.keys() - NO_ERRORS


def test_advice_is_about_reasons_that_there_are() -> None:
    assert ADVICE.keys() - NO_ERRORS <= set(reasons(errors.SecretsManagerError))


def test_each_is_one_sentence_and_an_unknown_reason_has_none() -> None:
    for reason, advice in ADVICE.items():
        assert reason == "Synced" or re.fullmatch(r"[A-Z`].*[.]", advice), reason
    assert advice_on("OfALaterRelease") == ""
