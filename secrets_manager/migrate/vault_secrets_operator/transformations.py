"""What a VaultStaticSecret does to its values: templates and filters, its own or of others. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from secrets_manager.migrate.originals import Json, Key, Original
from secrets_manager.migrate.reading import flag, items, located, mapping, text
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.migrate.surroundings import Surroundings
from secrets_manager.migrate.vault_secrets_operator import fields
from secrets_manager.migrate.vault_secrets_operator.filters import globs

__all__ = ["AT", "Shape", "remarks", "shape"]

AT = "spec.destination.transformation"
_KIND = "SecretTransformation"


@dataclass(frozen=True, slots=True)
class Template:
    """A Go template, and the field of the VaultStaticSecret that has or names it."""

    text: str
    at: str


@dataclass(slots=True)
class Shape:
    """Templates by key of the Secret, and the patterns of the keys that are written beside them."""

    templates: dict[str, Template] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)
    excludes: list[str] = field(default_factory=list)

    @property
    def writes_no_source(self) -> bool:
        """Whether no key of the path is written as it is."""
        return "*" in self.excludes

    @property
    def filters(self) -> Json:
        """The fields of an entry of dataFrom."""
        every = {"include": sorted(set(self.includes)), "exclude": sorted(set(self.excludes))}
        return {name: patterns for name, patterns in every.items() if patterns}


def remarks(original: Original, _surroundings: Surroundings) -> tuple[Remark, ...]:
    """What is to be said of a SecretTransformation."""
    found = list(fields.secret_transformation(original.version).remarks(original))
    for name in ("includes", "excludes"):
        try:
            _patterns(original.spec, name, f"spec.{name}")
        except Refused as why:
            found.append(located(original, why.remark))
    return tuple(found)


def shape(original: Original, surroundings: Surroundings) -> Shape:
    """What becomes of the values of a VaultStaticSecret. Raises Refused, about one of its fields."""
    return _Gathering(original, surroundings).shape()


@dataclass(slots=True)
class _Gathering:
    original: Original
    surroundings: Surroundings
    made: Shape = field(default_factory=Shape)
    # Names of templates, which are those of no other.
    names: set[str] = field(default_factory=set)

    def shape(self) -> Shape:
        own = mapping(self.original.spec, "destination", "transformation")
        self._filter(own, AT, own)
        for key, template in sorted(mapping(own, "templates").items()):
            name = text(template, "name") or f"{self.original.key.namespace}/{self.original.key.name}/{key}"
            self._add(key, name, template, f"{AT}.templates[{key!r}]")
        seen: set[Key] = set()
        for number, ref in enumerate(items(own, "transformationRefs")):
            at = f"{AT}.transformationRefs[{number}]"
            found = self._found(ref, at)
            if found.key in seen:
                raise Refused(at, f"names {found.key} a second time")
            seen.add(found.key)
            self._filter(found.spec, at, ref)
            self._take(found, ref, at)
        return self.made

    def _found(self, ref: Any, at: str) -> Original:
        namespace = text(ref, "namespace") or self.original.key.namespace
        key = Key(_KIND, namespace, text(ref, "name"))
        found = self.surroundings.objects.get(key)
        if found is None:
            raise Refused(at, f"names {key}, which is not among the files; add the file that it is in")
        if any(remark.refuses for remark in remarks(found, self.surroundings)):
            raise Refused(at, f"names {key}, which is refused itself")
        return found

    def _filter(self, spec: Any, at: str, ref: Any) -> None:
        """The filters of an object, unless the reference passes over them."""
        if not flag(ref, "ignoreIncludes"):
            self.made.includes += _patterns(spec, "includes", f"{at}.includes")
        if not flag(ref, "ignoreExcludes"):
            self.made.excludes += _patterns(spec, "excludes", f"{at}.excludes")

    def _take(self, found: Original, ref: Any, at: str) -> None:
        """The templates that a reference names, or all whose keys are no names yet."""
        templates = mapping(found.spec, "templates")
        wanted = items(ref, "templateRefs")
        for number, each in enumerate(wanted):
            name = text(each, "name")
            where = f"{at}.templateRefs[{number}]"
            if not mapping(templates, name):
                raise Refused(where, f"names a template that {found.key} does not have")
            template = templates[name]
            self._add(text(each, "keyOverride") or name, text(template, "name") or name, template, where)
        for key, template in sorted(templates.items()) if not wanted else ():
            if key not in self.names:
                name = text(template, "name") or f"{found.key.namespace}/{found.key.name}/{key}"
                self._add(key, name, template, at)

    def _add(self, key: str, name: str, template: Any, at: str) -> None:
        if name in self.names:
            raise Refused(at, "has a template with the name of another one, which the operator refuses too")
        if key in self.made.templates:
            raise Refused(at, f"makes the key {key!r}, which another template makes too; keep one of them")
        self.names.add(name)
        self.made.templates[key] = Template(text(template, "text"), at)


def _patterns(spec: Any, name: str, at: str) -> list[str]:
    found = enumerate(items(spec, name))
    return [
        glob for number, each in found if isinstance(each, str) for glob in globs(each, f"{at}[{number}]")
    ]
