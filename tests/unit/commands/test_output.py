"""Answers reach whoever asks, whatever their texts hold and whatever standard output takes."""

from __future__ import annotations

import errno
import io
import json
import sys

import pytest
import yaml
from rich.text import Text

from secrets_manager.commands import output
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.output import Form
from tests.unit.commands.conftest import Desk

# A command to a terminal in one character, the end of the set, a turn of direction, an escape, and a line.
HOSTILE = "a\x9b31m\x7f\u202e\x1b[2J\u2028\U000e0041\nb"
HIDDEN = set("\x9b\x7f\u202e\x1b\u2028\U000e0041")
FOREIGN = "schlüssel → 🔑"


class Full(io.StringIO):
    """An output that has no place left, even for nothing."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "no space")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "no space")


@pytest.mark.parametrize("tell", [output.tell, output.tell_next])
def test_what_a_program_gets_has_the_same_texts_and_no_command_to_a_terminal(
    tell: object, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {HOSTILE: [HOSTILE, FOREIGN]}
    assert callable(tell)
    for form, loads in ((Form.JSON, json.loads), (Form.YAML, yaml.safe_load)):
        tell(form, data, Text)
        said = capsys.readouterr().out

        assert not HIDDEN.intersection(said)
        assert loads(said) == data


def test_what_is_readable_stays_so_for_programs() -> None:
    assert FOREIGN in output.json_of({"a": FOREIGN})
    assert FOREIGN in output.yaml_of({"a": FOREIGN})


@pytest.mark.parametrize("tell", [output.tell, output.tell_next])
def test_bytes_that_are_no_text_are_escapes_and_no_fault(
    tell: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(tell)
    for form, loads in ((Form.JSON, json.loads), (Form.YAML, yaml.safe_load)):
        tell(form, {"a\udcff": ("b\ud800", FOREIGN, 1)}, Text)

        assert loads(capsys.readouterr().out) == {"a\\udcff": ["b\\ud800", FOREIGN, 1]}


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "cp1252"])
@pytest.mark.parametrize("form", [Form.TEXT, Form.JSON, Form.YAML])
def test_a_sign_that_the_output_has_not_is_an_escape_and_no_fault(
    form: Form, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))

    output.tell(form, {"a": FOREIGN}, lambda: Text(FOREIGN))
    said = raw.getvalue().decode(encoding)

    if form is Form.TEXT:
        assert said.endswith("ssel \\u2192 \\U0001f511\n")
    else:
        assert (json.loads if form is Form.JSON else yaml.safe_load)(said) == {"a": FOREIGN}


@pytest.mark.parametrize("form", ["text", "wide", "json", "yaml"])
def test_an_output_without_place_is_said_to_be_that(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    desk.define("a")
    monkeypatch.setattr(sys, "stdout", Full())

    assert desk.run("status", "-o", form) == Exit.FAULT
    assert desk.err == "secrets-manager: standard output cannot be written to (OSError)\n"
