"""The report of a plan, for people and for programs. No value of an object is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from rich.console import Group, RenderableType
from rich.text import Text

from secrets_manager.commands.files.manifests import Trouble
from secrets_manager.commands.xml_texts import document, text_of
from secrets_manager.domain.wording import printable
from secrets_manager.migrate.plan import Plan, Report
from secrets_manager.migrate.remarks import Remark, Verdict

__all__ = ["as_data", "as_junit", "as_text", "counts"]

_SUITE = "secrets-manager migrate plan"
_STYLES = {
    Verdict.CONVERTED: "green",
    Verdict.NOTED: "yellow",
    Verdict.REFUSED: "red",
    Verdict.SKIPPED: "red",
}


def counts(plan: Plan, troubles: Sequence[Trouble]) -> dict[Verdict, int]:
    """How many objects there are of each verdict."""
    found = Counter(report.verdict for report in plan.reports)
    found[Verdict.SKIPPED] += len(troubles)
    return {verdict: found[verdict] for verdict in Verdict}


def as_data(plan: Plan, troubles: Sequence[Trouble]) -> dict[str, Any]:
    """The report for programs."""
    return {
        "counts": {str(verdict): number for verdict, number in counts(plan, troubles).items()},
        "objects": [_object(report) for report in plan.reports],
        "skipped": [
            {"file": trouble.file, "line": trouble.mark.line if trouble.mark else None, "why": trouble.why}
            for trouble in troubles
        ],
    }


def _object(report: Report) -> dict[str, Any]:
    key = report.original.key
    return {
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "file": report.original.file,
        "line": report.original.line(()),
        "verdict": str(report.verdict),
        "definitions": [str(ref) for ref in report.made],
        "remarks": [
            {"field": remark.path, "line": remark.line, "says": remark.says, "refuses": remark.refuses}
            for remark in report.remarks
        ],
    }


def as_text(plan: Plan, troubles: Sequence[Trouble]) -> RenderableType:
    """The report for people: what was refused or noted, with why, and how many there are of each."""
    lines: list[RenderableType] = []
    for report in plan.reports:
        lines.append(_headline(report))
        lines += [Text(f"    {_said(remark)}") for remark in report.remarks]
    lines += [Text(printable(f"skipped: {_place_of(trouble)} {trouble.why}"), "red") for trouble in troubles]
    summary = ", ".join(f"{number} {verdict}" for verdict, number in counts(plan, troubles).items() if number)
    lines.append(Text(f"{summary or 'no object of another operator'}"))
    return Group(*lines)


def _headline(report: Report) -> Text:
    place = f"{report.original.file}:{report.original.line(())}" if report.original.file else "in the cluster"
    line = Text(f"{report.verdict}", _STYLES[report.verdict])
    return line.append(printable(f": {report.original.key} ({place})"), "default")


def _said(remark: Remark) -> str:
    where = f" (line {remark.line})" if remark.line > 1 else ""
    return printable(f"{remark.path}{where} {remark.says}")


def _place_of(trouble: Trouble) -> str:
    return f"{trouble.file}:{trouble.mark.line}" if trouble.mark else trouble.file


def as_junit(plan: Plan, troubles: Sequence[Trouble]) -> str:
    """A test case for each object and each part that cannot be read, which fails where it is refused."""
    failed = sum(report.verdict is Verdict.REFUSED for report in plan.reports) + len(troubles)
    numbers = {"tests": str(len(plan.reports) + len(troubles)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", {"name": _SUITE, **numbers})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **numbers, "skipped": "0"})
    for report in plan.reports:
        suite.append(_case(report))
    for trouble in troubles:
        case = ET.SubElement(suite, "testcase", {"name": text_of(_place_of(trouble)), "classname": _SUITE})
        ET.SubElement(case, "failure", {"type": "skipped", "message": text_of(trouble.why)})
    return document(root)


def _case(report: Report) -> ET.Element:
    place = {"classname": text_of(report.original.file or _SUITE), "file": text_of(report.original.file)}
    name, line = text_of(str(report.original.key)), str(report.original.line(()))
    case = ET.Element("testcase", {"name": name, **place, "line": line})
    said = "\n".join(text_of(_said(remark)) for remark in report.remarks)
    if report.verdict is Verdict.REFUSED:
        first = next(remark for remark in report.remarks if remark.refuses)
        ET.SubElement(case, "failure", {"type": "refused", "message": text_of(_said(first))}).text = said
    elif said:
        ET.SubElement(case, "system-out").text = said
    return case
