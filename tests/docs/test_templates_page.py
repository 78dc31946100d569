"""Every template on the page gives what the page says, and every word of the language is on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.templates import compile_templates, compiled, engine, scanning, tags, views, vocabulary
from tests.docs.pages import page, plain

PAGE = page("docs/templates.md")
(VALUES,) = (json.loads(fence.text) for fence in PAGE.fences("json"))
LIMITS = "".join(PAGE.text.partition("## Limits")[2])


def _examples() -> Iterator[tuple[str, str]]:
    for line in PAGE.prose().splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        if len(cells) > 3 and cells[1].startswith(" `{"):
            template, result = (cell.strip()[1:-1].replace("\\|", "|") for cell in cells[1:3])
            yield template, result.replace("⏎", "\n")


@pytest.mark.parametrize(("template", "result"), list(_examples()))
def test_an_example_gives_what_the_page_says(template: str, result: str) -> None:
    assert compile_templates({"k": template}).render(VALUES)["k"].decode() == result


def test_every_filter_test_and_function_is_on_the_page() -> None:
    shown = " ".join(template for template, _ in _examples())

    assert vocabulary.FILTERS - {"escape"} <= set(re.findall(r"(?:\| |filter )(\w+)", shown))
    assert set(re.findall(r"(\w+)\(", shown)) >= vocabulary.FUNCTIONS
    (tests,) = (line for line in PAGE.text.splitlines() if line.startswith("The tests, after `is`"))
    assert set(plain(tests)) - {"is"} == vocabulary.TESTS


@pytest.mark.parametrize("what", ["include", "macro", "autoescape", "block", "call", "do"])
def test_what_the_page_rules_out_is_refused(what: str) -> None:
    with pytest.raises(InvalidTemplate, match=f"'{what}' is no statement"):
        compile_templates({"k": f"{{% {what} x %}}"})


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (compiled.MOST_TEMPLATES, "100, with"),
        (compiled.LONGEST, "65 536 letters"),
        (compiled.MOST_RESULT, "1 MiB"),
        (engine.LARGE.steps, "30 000;"),
        (engine.LARGE.looks, "8 MiB"),
        (engine.SMALL.steps, "2 000 steps or"),
        (engine.SMALL.looks, "1 MiB | 8"),
        (compiled.MOST_LARGE, "8 |\n"),
        (views.LOOK, "64 bytes and the length"),
        (tags.LONGEST_TAG, "500 |"),
        (scanning.DEEPEST_BLOCKS, "32 each"),
        (tags.DEEPEST_BRACKETS, "32 each "),
        (scanning.MOST_ELIFS, "100 in one"),
        (scanning.MOST_GROWTH, "6 |"),
    ],
)
def test_the_limits_are_those_of_the_code(limit: int, text: str) -> None:
    number = int("".join(re.findall(r"^\d+|(?<=\d) \d+", text)).replace(" ", ""))

    assert limit == number * (2**20 if "MiB" in text else 1)
    assert text in LIMITS


def test_the_messages_are_those_of_the_program() -> None:
    (shown,) = (fence.text.splitlines() for fence in PAGE.fences("text"))

    with pytest.raises(InvalidTemplate) as invalid:
        compile_templates({"url": "{% include 'x' %}"})
    with pytest.raises(TemplateFailed) as failed:
        compile_templates({"url": "a\n\n{{ db.pasword }}"}).render(VALUES)
    assert [invalid.value.message, failed.value.message] == shown
