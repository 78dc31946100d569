"""The page about the path policy shows the sample, and the command says what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from secrets_manager import commands
from secrets_manager.settings import policy_rules
from tests.docs.pages import ROOT, page

PAGE = page("docs/policy.md")


def test_the_rules_on_the_page_are_those_of_the_sample() -> None:
    shown = [fence.text for fence in PAGE.fences("toml")]

    assert (ROOT / "samples/policy/settings.toml").read_text(encoding="utf-8") in shown


def test_the_command_says_what_the_page_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    fences = PAGE.fences("sh", "text")
    pairs = list(zip(fences[::2], fences[1::2], strict=True))
    for command, output in pairs:
        asked, _, otherwise = command.text.partition(" || ")
        code = commands.run(shlex.split(asked)[1:], {}, Path.cwd())
        said = capsys.readouterr().out + (f"exit code {code}\n" if otherwise else "")

        assert bool(code) is bool(otherwise)
        assert said == output.text
    assert len(pairs) == 3


def test_the_limits_are_those_of_the_code() -> None:
    assert f"more than {policy_rules.MOST_RULES} rules" in PAGE.text
    assert f"more than {policy_rules.MOST_PATTERNS:,} patterns".replace(",", " ") in PAGE.text
