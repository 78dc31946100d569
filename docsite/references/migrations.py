"""The tables of fields on the pages about moving in: what becomes of each field of each kind."""

from __future__ import annotations

from collections.abc import Iterator

from docsite.references import Files, TextOf, replaced, table
from secrets_manager.migrate.fields import META, Fate, Table
from secrets_manager.migrate.operators import FILLED_SECRET, KINDS, Kind

PAGES = {
    "external-secrets.io": "docs/moving-from-external-secrets.md",
    "ricoberger.de": "docs/moving-from-vaultsecret.md",
    "secrets.hashicorp.com": "docs/moving-from-vault-secrets-operator.md",
    "spv.no": "docs/moving-from-akv2k8s.md",
    FILLED_SECRET.group: "docs/moving-from-argocd-vault-plugin.md",
}
_REFUSED = "kinds that are refused"
_HEAD = ("field", "becomes", "")


def written(text_of: TextOf) -> Files:
    """The pages with their tables."""
    files: dict[str, str] = {}
    for group, name in PAGES.items():
        page = text_of(name)
        for title, fields in tables(group):
            page = replaced(name, page, title, table(_HEAD, _rows(fields)))
        if refused := dict(_refused(group)):
            page = replaced(name, page, _REFUSED, table(("kind", "why"), refused.items()))
        files[name] = page
    return files


def tables(group: str) -> Iterator[tuple[str, Table]]:
    """The tables of a group with their titles; kinds that have one in common share a title."""
    titles: dict[int, tuple[Table, list[str]]] = {}
    for kind in _kinds(group):
        found = kind.table(_newest(kind))
        if _why_refused(found):
            continue
        titles.setdefault(id(found), (found, []))[1].append(kind.kind)
    for found, kinds in titles.values():
        yield f"fields of {' and '.join(kinds)}", found


def _kinds(group: str) -> Iterator[Kind]:
    return (each for each in (*KINDS.values(), FILLED_SECRET) if each.group == group)


def _refused(group: str) -> Iterator[tuple[str, str]]:
    """The kinds of which nothing is ever made, and why."""
    for kind in _kinds(group):
        if why := _why_refused(kind.table(_newest(kind))):
            yield f"`{kind.kind}`", why


def _why_refused(fields: Table) -> str:
    """Why no object of the kind is converted, "" if some are."""
    rows = [row for row in fields.fields if row not in META]
    return rows[0].says if [row.path for row in rows] == ["spec.**"] else ""


def _newest(kind: Kind) -> str:
    return kind.versions[0]


def _rows(fields: Table) -> Iterator[tuple[str, ...]]:
    for row in fields.fields:
        if row not in META:
            says = row.says
            if row.unless and row.fate in {Fate.NOTED, Fate.REFUSED}:
                usual = ", ".join(f"`{str(value).lower()}`" for value in row.unless if value != "")
                says += f" (not where it is {usual})" if usual else ""
            yield f"`{row.path}`", str(row.fate), says
