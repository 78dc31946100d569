"""What the pages say of the program's interface is what would be made from the program now."""

from __future__ import annotations

import re

import pytest

from docsite.references import cell, metrics, reasons, replaced, table
from docsite.references.everything import made
from tests.docs.pages import ROOT


def _text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


MADE = made(_text_of)


@pytest.mark.parametrize("name", MADE)
def test_a_reference_is_that_of_the_program(name: str) -> None:
    file = ROOT / name
    assert file.is_file(), "run `make docs`, and commit what it writes"
    assert file.read_text(encoding="utf-8") == MADE[name], "run `make docs`, and commit what it writes"


def _without(name: str, page: str) -> str:
    return "".join(line for line in page.splitlines(keepends=True) if not line.startswith(f"| `{name}` |"))


def test_a_metric_that_a_page_lacks_gets_a_row_with_its_help() -> None:
    name = "secrets_manager_lease_renewal_errors_total"
    page = _without(name, _text_of("docs/metrics.md"))

    (after,) = metrics.written({"docs/metrics.md": page}.__getitem__).values()

    assert f"| `{name}` | counter | | Renewals of the Lease that failed. |\n" in after


def test_a_metric_that_is_gone_leaves_the_page_and_a_wrong_type_is_mended() -> None:
    page = _text_of("docs/metrics.md")
    row = "| `secrets_manager_leader` | gauge | |"
    assert row in page
    wrong = page.replace(
        row, f"| `secrets_manager_gone` | gauge | | was here |\n{row.replace('gauge', 'counter')}"
    )

    assert metrics.written({"docs/metrics.md": wrong}.__getitem__) == {"docs/metrics.md": page}


def test_every_metric_stands_in_one_table() -> None:
    names = [each.name for each in metrics.exported()]
    page = _text_of("docs/metrics.md")

    assert len(names) > 50
    assert [name for name in names if page.count(f"| `{name}` |") != 1] == []


def test_a_reason_that_a_page_lacks_gets_a_row_with_what_its_error_says() -> None:
    page = _without("NotAMap", _text_of("docs/troubleshooting.md"))

    (after,) = reasons.written({"docs/troubleshooting.md": page}.__getitem__).values()

    assert re.search(
        r"^\| `NotAMap` \| The whole path is asked for, and the source holds", after, re.MULTILINE
    )


def test_the_page_of_fields_says_what_the_api_server_demands() -> None:
    fields = MADE["docs/reference/fields.md"]

    assert "### spec.keysMap.KEY\n" in fields
    assert re.search(
        r"^\| `path` \| string \| .+ \| required; at most 1024 characters; not empty; refused: ",
        fields,
        re.MULTILINE,
    )
    assert "- has both optional and default; choose one of them\n" in fields


def test_the_page_of_commands_has_each_with_its_options_and_the_exit_codes() -> None:
    commands = MADE["docs/reference/commands.md"]

    assert "## status\n" in commands
    assert "### policy test\n" in commands
    assert "| `--request-timeout` `DURATION` | `15s` | For each call to the API server. |\n" in commands
    assert "UNSET" not in commands
    assert re.search(r"^\| `130` \| .+ \|$", commands, re.MULTILINE)


def test_a_page_without_the_marks_of_its_table_is_named() -> None:
    with pytest.raises(ValueError, match=r"docs/x.md needs the lines '<!-- made by `make docs`: y -->'"):
        replaced("docs/x.md", "text", "y", "| a |")


def test_a_cell_is_one_line_and_its_bars_are_escaped_once() -> None:
    assert cell("a\n  b | `c \\| d`") == "a b \\| `c \\| d`"
    assert table(("x", "y"), [("1", "")]) == "| x | y |\n|---|---|\n| 1 | |\n"
