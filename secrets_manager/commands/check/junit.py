"""The verdicts as JUnit XML: a test case for each definition, which GitLab, Jenkins and others show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from secrets_manager.commands.check import lines
from secrets_manager.commands.check.checking import Verdict
from secrets_manager.commands.problems import Problem, Severity
from secrets_manager.domain.wording import printable

_SUITE = "secrets-manager check"
# What XML 1.0 cannot hold, in any spelling.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict]) -> str:
    """The whole document."""
    errors = [[each for each in verdict.problems if each.severity is Severity.ERROR] for verdict in verdicts]
    counts = {"tests": str(len(verdicts)), "failures": str(sum(map(bool, errors))), "errors": "0"}
    root = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **counts, "skipped": "0"})
    for verdict, wrong in zip(verdicts, errors, strict=True):
        suite.append(_case(verdict, wrong))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(verdict: Verdict, wrong: Sequence[Problem]) -> ET.Element:
    line = {"line": str(verdict.mark.line)} if verdict.mark else {}
    name = _text(verdict.definition or verdict.file)
    place = {"classname": _text(verdict.file), "file": _text(verdict.file)}
    case = ET.Element("testcase", {"name": name, **place, **line})
    if wrong:
        first = {"type": wrong[0].reason, "message": _text(wrong[0].message)}
        ET.SubElement(case, "failure", first).text = _lines(wrong)
    warnings = [each for each in verdict.problems if each.severity is Severity.WARNING]
    if warnings:
        ET.SubElement(case, "system-out").text = _lines(warnings)
    return case


def _lines(problems: Sequence[Problem]) -> str:
    # A runner may see the document in its log.
    return "\n".join(_text(lines.plain(str(problem))) for problem in problems)


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("?", printable(text))
