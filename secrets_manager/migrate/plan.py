"""From objects of other operators to definitions, backends, rules, and a report of each object. Pure.

Nothing that is found is passed over: each object has a verdict, and each of its fields is converted, changes
nothing, or has a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from secrets_manager.cluster import specs
from secrets_manager.domain.definition import Ref, is_subdomain
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.domain.foreign_marks import is_copied
from secrets_manager.domain.wording import in_quotes
from secrets_manager.migrate import rules
from secrets_manager.migrate.argocd_vault_plugin import placeholders
from secrets_manager.migrate.fields import shown
from secrets_manager.migrate.operators import GROUPS, Kind, kind_of
from secrets_manager.migrate.originals import Json, Key, Original
from secrets_manager.migrate.remarks import Remark, Verdict, refusal, verdict_of
from secrets_manager.migrate.results import Backend, Converted, Made
from secrets_manager.migrate.stores import Store, Stores
from secrets_manager.migrate.surroundings import NOTHING_SAID, Options, Surroundings
from secrets_manager.settings.checks import DNS_LABEL
from secrets_manager.templates import compile_templates

__all__ = ["Plan", "Report", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one object: its verdict, why, and the definitions that it made."""

    original: Original
    verdict: Verdict
    remarks: tuple[Remark, ...]
    made: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the objects became, each part in an order that does not depend on that of the files."""

    definitions: tuple[Made, ...]
    backends: Mapping[str, Backend]
    origins: Mapping[str, tuple[Key, ...]]
    rules: tuple[rules.Rule, ...]
    reports: tuple[Report, ...]


def plan(originals: Iterable[Original], options: Options = NOTHING_SAID) -> Plan:
    """The plan for all objects."""
    objects, reports = _known(originals)
    surroundings = Surroundings({each.key: each for each in objects}, options)
    own = _stores(objects)
    stores = Stores((*own, *_logins(objects, surroundings)), surroundings)
    converted = [_without_marks_of_tools(_checked(each)) for each in _converted(objects, stores)]
    converted = _without_clashes(converted)
    made = sorted((each for one in converted for each in one.made), key=lambda each: each.ref)
    reports += [report for one in converted for report in _reports(one)]
    reports += [_report(store.original, store.remarks) for store in own]
    reports += _parts(objects, surroundings)
    used = {backend for each in made for backend, _ in each.reads}
    tables = {name: table for name, table in stores.tables().items() if name in used}
    return Plan(
        definitions=tuple(made),
        backends=tables,
        origins={name: stores.of_backend(name) for name in tables},
        rules=rules.keeping(stores, made),
        reports=tuple(sorted(reports, key=_place)),
    )


def _place(report: Report) -> tuple[str, int, Key]:
    return report.original.file, report.original.line(()), report.original.key


def _kind(original: Original) -> Kind | None:
    return kind_of(original.group, original.key.kind, original.body)


def _known(originals: Iterable[Original]) -> tuple[list[Original], list[Report]]:
    """Those that can be looked at, each key once, and reports of the others."""
    found: dict[Key, Original] = {}
    reports: list[Report] = []
    for original in originals:
        why = _why_not(original)
        if not why and original.key in found:
            first = found[original.key]
            why = refusal(
                "metadata.name", f"is that of another object, in {first.file}, line {first.line(())}"
            )
        if why:
            reports.append(_report(original, (why.at(original.line(())),)))
        else:
            found[original.key] = original
    return list(found.values()), reports


def _why_not(original: Original) -> Remark | None:
    kind = _kind(original)
    if kind is None:
        return refusal("kind", "is none that can be converted")
    if kind.versions and original.version not in kind.versions:
        return refusal("apiVersion", f"is none that is known here; it may be {', '.join(kind.versions)}")
    if not original.key.name:
        return refusal("metadata.name", "is missing")
    if kind.group in GROUPS and (path := next(placeholders.leaves_with(original.body), None)):
        return refusal(shown(path), "has a placeholder of argocd-vault-plugin; fill it in first")
    return None


def _stores(objects: Iterable[Original]) -> list[Store]:
    kinds = ((each, _kind(each)) for each in objects)
    return [kind.store(each) for each, kind in kinds if kind is not None and kind.store is not None]


def _logins(objects: Iterable[Original], surroundings: Surroundings) -> list[Store]:
    kinds = ((each, _kind(each)) for each in objects)
    found = (kind.logins(each, surroundings) for each, kind in kinds if kind is not None and kind.logins)
    return [store for stores in found for store in stores]


def _parts(objects: Iterable[Original], surroundings: Surroundings) -> list[Report]:
    kinds = ((each, _kind(each)) for each in objects)
    return [_report(each, kind.part(each, surroundings)) for each, kind in kinds if kind and kind.part]


def _converted(objects: Iterable[Original], stores: Stores) -> list[Converted]:
    """What each object became, those of a kind that is converted together at once."""
    together: dict[Kind, list[Original]] = {}
    found: list[Converted] = []
    for each in objects:
        kind = _kind(each)
        if kind is not None and kind.convert is not None:
            found.append(kind.convert(each, stores))
        elif kind is not None and kind.convert_all is not None:
            together.setdefault(kind, []).append(each)
    for kind, originals in together.items():
        if kind.convert_all is not None:
            found += kind.convert_all(originals, stores)
    return found


def _checked(one: Converted) -> Converted:
    """Refused where a definition that was made is none that the daemon takes."""
    for made in one.made:
        if not DNS_LABEL.fullmatch(made.ref.namespace) or not is_subdomain(made.ref.name):
            says = "would become a definition whose name or namespace the API server does not take"
            return one.refused(refusal("metadata", says))
        try:
            compile_templates(specs.secret_spec(made.manifest["spec"]).templates)
        except DefinitionError as error:
            return one.refused(refusal("spec", f"would become a definition that cannot be: {error}"))
        for _, path in sorted(made.reads):
            if not {"", ".", ".."}.isdisjoint(path.removeprefix("/").removesuffix("/").split("/")):
                says = f"reads {in_quotes(path)}, which has an empty, '.' or '..' part; name it without"
                return one.refused(refusal("spec", says))
    return one


def _without_marks_of_tools(one: Converted) -> Converted:
    """Of an object as a cluster has it, the marks of the tool that applied it are none of its definition.

    With them the tool would take the definition for one that it applied once, and delete it. In a file that
    people wrote they are its author's wish.
    """
    sources = (one.original, *(each.original for each in one.companions))
    live = [source for source in sources if source.metadata.get("uid")]
    marks = {pair for source in live for pair in (*source.labels.items(), *source.annotations.items())}
    dropped = {pair for pair in marks if not is_copied(*pair)}
    if not dropped:
        return one
    return replace(one, made=tuple(replace(each, manifest=_unmarked(each, dropped)) for each in one.made))


def _unmarked(made: Made, dropped: set[tuple[str, str]]) -> Json:
    metadata = dict(made.manifest["metadata"])
    for kind in ("labels", "annotations"):
        kept = {name: text for name, text in metadata.pop(kind, {}).items() if (name, text) not in dropped}
        if kept:
            metadata[kind] = kept
    return {**made.manifest, "metadata": metadata}


def _without_clashes(converted: list[Converted]) -> list[Converted]:
    """Two objects cannot become one definition, nor make one Secret; the later one is refused."""
    names: dict[tuple[str, str, str], Key] = {}
    kept: list[Converted] = []
    for one in sorted(converted, key=lambda each: each.original.key):
        clash = next((names[claim] for claim in _claims(one) if claim in names), None)
        if clash is not None:
            says = f"makes the same definition or Secret as {clash}; make one object of the two"
            kept.append(one.refused(refusal("spec", says)))
            continue
        names |= dict.fromkeys(_claims(one), one.original.key)
        kept.append(one)
    return kept


def _claims(one: Converted) -> list[tuple[str, str, str]]:
    return [
        (what, made.ref.namespace, name)
        for made in one.made
        for what, name in (("definition", made.ref.name), ("Secret", made.manifest["spec"]["name"]))
    ]


def _reports(one: Converted) -> Iterator[Report]:
    yield _report(one.original, one.remarks, one.made)
    for other in one.companions:
        yield _report(other.original, other.remarks, one.made)


def _report(original: Original, remarks: tuple[Remark, ...], made: tuple[Made, ...] = ()) -> Report:
    return Report(
        original=original,
        verdict=verdict_of(remarks),
        remarks=remarks,
        made=tuple(each.ref for each in made),
    )
