"""The verdicts as JUnit XML: a test case for each definition, which GitLab, Jenkins and others show."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from secrets_manager.commands.check import lines
from secrets_manager.commands.check.checking import Verdict
from secrets_manager.commands.problems import Problem, Severity
from secrets_manager.commands.xml_texts import document, text_of

_SUITE = "secrets-manager check"


def junit(verdicts: Sequence[Verdict]) -> str:
    """The whole document."""
    errors = [[each for each in verdict.problems if each.severity is Severity.ERROR] for verdict in verdicts]
    counts = {"tests": str(len(verdicts)), "failures": str(sum(map(bool, errors))), "errors": "0"}
    root = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **counts, "skipped": "0"})
    for verdict, wrong in zip(verdicts, errors, strict=True):
        suite.append(_case(verdict, wrong))
    return document(root)


def _case(verdict: Verdict, wrong: Sequence[Problem]) -> ET.Element:
    line = {"line": str(verdict.mark.line)} if verdict.mark else {}
    name = text_of(verdict.definition or verdict.file)
    place = {"classname": text_of(verdict.file), "file": text_of(verdict.file)}
    case = ET.Element("testcase", {"name": name, **place, **line})
    if wrong:
        first = {"type": wrong[0].reason, "message": text_of(wrong[0].message)}
        ET.SubElement(case, "failure", first).text = _lines(wrong)
    warnings = [each for each in verdict.problems if each.severity is Severity.WARNING]
    if warnings:
        ET.SubElement(case, "system-out").text = _lines(warnings)
    return case


def _lines(problems: Sequence[Problem]) -> str:
    # A runner may see the document in its log.
    return "\n".join(text_of(lines.plain(str(problem))) for problem in problems)
