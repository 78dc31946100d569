"""Answers for CI systems: nothing that a file says becomes a command, a line of its own or invalid XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from secrets_manager.commands.check import lines
from secrets_manager.commands.check.checking import Verdict
from secrets_manager.commands.check.junit import junit
from secrets_manager.commands.files.tree import Mark
from secrets_manager.commands.problems import Problem, Severity
from tests.unit.commands.said import Command

HOSTILE = (
    "::set-output name=a::b\r\n::add-mask::x%0A##[stop-commands]x ##vso[task.setvariable]y\x1b[2J\x00\ufffe,:"
)


def problem(**fields: object) -> Problem:
    made = {
        "file": "d.yaml",
        "mark": Mark(3, 5),
        "definition": "shop/app",
        "reason": "KeyNotFound",
        "message": "m",
    }
    return Problem(**{**made, **fields})  # type: ignore[arg-type]


def test_an_annotation_says_file_line_and_column() -> None:
    assert lines.annotation(problem()) == "::error file=d.yaml,title=KeyNotFound,line=3,col=5::shop/app: m"
    assert lines.annotation(problem(severity=Severity.WARNING, mark=None, definition="")) == (
        "::warning file=d.yaml,title=KeyNotFound::m"
    )


@pytest.mark.parametrize("field", ["file", "definition", "message"])
def test_nothing_in_an_annotation_is_a_command_of_its_own(field: str) -> None:
    line = lines.annotation(problem(**{field: HOSTILE}))

    assert line.startswith("::error file=")
    assert not set(line) & {"\r", "\n", "\x1b", "\x00"}
    assert "%250A" in line
    assert "##[" not in line
    assert "##vso[" not in line
    properties, _, _ = line.removeprefix("::error ").partition("::")
    assert [part.partition("=")[0] for part in properties.split(",")] == ["file", "title", "line", "col"]


def test_a_plain_line_is_no_command() -> None:
    assert lines.plain("  ::error::x") == ".  ::error::x"
    assert lines.plain("a ##[error]x ##vso[y]") == "a #\\#[error]x #\\#vso[y]"
    assert lines.plain("## heading [1]") == "## heading [1]"


def verdicts() -> list[Verdict]:
    bad, known = problem(message=HOSTILE), problem(severity=Severity.WARNING, message="<&]]>")
    return [
        Verdict(file="d.yaml", mark=Mark(1), definition="shop/app", problems=(bad, known, problem())),
        Verdict(file="d.yaml", mark=Mark(9), definition="shop/good", problems=()),
        Verdict(file=HOSTILE, mark=None, definition="", problems=(problem(mark=None, definition=""),)),
        Verdict(file="d.yaml", mark=Mark(20), definition="shop/b", problems=(known,)),
    ]


def test_junit_is_xml_with_a_case_for_each_definition() -> None:
    root = ET.fromstring(junit(verdicts()))  # noqa: S314 - our own

    (suite,) = root
    assert root.tag == "testsuites"
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures"), element.get("errors")) == ("4", "2", "0")
    first, second, third, fourth = suite
    assert (first.get("name"), first.get("classname"), first.get("file"), first.get("line")) == (
        "shop/app",
        "d.yaml",
        "d.yaml",
        "1",
    )
    assert [child.tag for child in first] == ["failure", "system-out"]
    assert first[0].get("type") == "KeyNotFound"
    assert (first[0].text or "").count("\n") == 1
    assert "<&]]>" in (first[1].text or "")
    assert (list(second), [child.tag for child in fourth]) == ([], ["system-out"])
    assert third.get("name") == third.get("classname")
    assert "\\r\\n::add-mask" in (third.get("name") or "")


def test_junit_has_only_letters_that_xml_has() -> None:
    text = junit(verdicts())

    assert all(
        letter in "\t\n\r" or "\x20" <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd"
        for letter in text
    )


# ── through the command line ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command("check", tmp_path, capsys)


BAD = (
    "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\n"
    f"metadata:\n  name: {json.dumps(HOSTILE)}\n"
    f"spec:\n  name: app\n  keysMap: {{}}\n  {json.dumps(HOSTILE)}: 1\n"
)


@pytest.mark.parametrize("form", ["text", "json", "yaml", "github", "junit"])
def test_no_form_gives_a_hostile_name_a_line_of_its_own(check: Command, form: str) -> None:
    name = "::notice::x\n.yaml"
    Path(name).write_text(BAD, encoding="utf-8")
    Path("plain.yaml").write_text(BAD, encoding="utf-8")

    told = check("-f", ".", "-o", form)

    assert told.code == 1
    assert "\x1b" not in told.out
    for line in told.out.splitlines():
        assert "##[" not in line or form in {"json", "yaml", "junit"}
        assert not line.lstrip().startswith("::") or (
            form == "github" and line.startswith(("::error file=", "::warning file="))
        )


def test_json_yaml_and_junit_can_be_read_by_programs(check: Command) -> None:
    Path("d.yaml").write_text(BAD, encoding="utf-8")

    data = json.loads(check("d.yaml", "-o", "json").out)

    assert yaml.safe_load(check("d.yaml", "-o", "yaml").out) == data
    assert {key: data[key] for key in ("definitions", "others", "errors", "warnings")} == {
        "definitions": 1,
        "others": 0,
        "errors": 2,
        "warnings": 0,
    }
    assert data["problems"][0].keys() == {
        "file",
        "line",
        "column",
        "definition",
        "severity",
        "reason",
        "message",
    }
    assert len(ET.fromstring(check("d.yaml", "-o", "junit").out)[0]) == 1  # noqa: S314 - our own
