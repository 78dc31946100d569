"""Secrets with placeholders, to definitions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from secrets_manager.domain.definition import Ref
from secrets_manager.migrate.argocd_vault_plugin import fields, placeholders, reading, values, vaults
from secrets_manager.migrate.go_template.pieces import Pieces
from secrets_manager.migrate.inputs import Inputs
from secrets_manager.migrate.originals import Json, Original
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.migrate.results import Converted, Made, definition
from secrets_manager.migrate.stores import Stores
from secrets_manager.migrate.telling import noted_at, refused_at

__all__ = ["convert"]

_LEFT_BEHIND = (placeholders.PREFIX, "kubectl.kubernetes.io/last-applied-configuration")
_KNOWN = frozenset(
    (
        placeholders.PATH,
        placeholders.VERSION,
        placeholders.KV_VERSION,
        placeholders.IGNORE,
        placeholders.REMOVE_MISSING,
    )
)
_CONSTANT = (
    "has no placeholder, so it stands in the definition as it did in Git; if it is a secret, move it to Vault"
)


def convert(original: Original, stores: Stores) -> Converted:
    """The definition of a Secret with placeholders."""
    remarks = [*fields.secret(original.version).remarks(original), *_of_metadata(original)]
    if any(remark.refuses for remark in remarks):
        return Converted(original=original, remarks=tuple(remarks))
    try:
        _, backend = stores.find(vaults.key_of(original), "metadata.annotations")
        conversion = _Conversion(original, reading.Reader(original), backend)
        made = conversion.made()
    except Refused as why:
        return Converted(original=original, remarks=(*remarks, why.remark))
    said = dict.fromkeys((*remarks, *conversion.remarks, *conversion.reader.remarks))
    in_order = sorted(said, key=lambda remark: (remark.line, remark.path))
    return Converted(original=original, made=(made,), remarks=tuple(in_order))


def _of_metadata(original: Original) -> Iterator[Remark]:
    """Placeholders where none can be, and annotations that the plug-in does not have."""
    for path in placeholders.leaves_with(original.body):
        if path[0] not in {"data", "stringData"}:
            says = "has a placeholder; a definition fills in values only, so write it out"
            yield refused_at(original, path, says).remark
    for name in original.annotations:
        if name.startswith(placeholders.PREFIX) and name not in _KNOWN:
            yield noted_at(
                original, ("metadata", "annotations", name), "is no annotation that the plug-in has"
            )


@dataclass(slots=True)
class _Conversion:
    """The conversion of one Secret; the parts of its spec as they are found."""

    original: Original
    reader: reading.Reader
    backend: str
    keys: Json = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def made(self) -> Made:
        rendered = [value for value in values.of(self.original) if not self._is_done(value)]
        inputs = Inputs(self.keys)
        for value in rendered:
            self.templates[value.name] = self._template(value, inputs)
        spec: Json = {"name": self.original.key.name}
        if type_ := self.original.body.get("type"):
            spec["type"] = type_
        spec["backend"] = self.backend
        parts = {"keysMap": self.keys, "inputs": inputs.made, "template": self.templates}
        spec |= {name: dict(sorted(part.items())) for name, part in parts.items() if part}
        annotations = {
            name: text
            for name, text in self.original.annotations.items()
            if not name.startswith(_LEFT_BEHIND)
        }
        ref = Ref(self.original.key.namespace, self.original.key.name)
        return Made(
            manifest=definition(ref, spec, self.original.labels, annotations),
            reads=frozenset((self.backend, path) for path in self.reader.paths),
            stores=frozenset({vaults.key_of(self.original)}),
        )

    def _is_done(self, value: values.Value) -> bool:
        """Whether it is dealt with; otherwise it is a template that uses inputs."""
        if value.overridden:
            self._note(value, "stands in stringData too, which wins")
        elif not value.has_placeholder:
            self._note(value, _CONSTANT)
            self.templates[value.name] = _as_it_is(value.text)
        elif (alone := self.reader.alone(value)) is not None and (made := alone.as_key(value)) is not None:
            self.keys[value.name] = made
        else:
            return False
        return True

    def _template(self, value: values.Value, inputs: Inputs) -> str:
        if self.reader.removes_missing:
            raise refused_at(
                self.original,
                value.at,
                "is more than one value, or a changed one, and remove-missing takes it away where a value is "
                "missing; write it in spec.template by hand, with inputs that are optional",
            )
        made = Pieces()
        for part in value.parts:
            if isinstance(part, str):
                made.text(part)
            else:
                read = self.reader.read(part, value)
                made.tag(f"{{{{ {inputs.named(part.key, read.origin)}{read.filters} }}}}")
        return made.source()

    def _note(self, value: values.Value, says: str) -> None:
        self.remarks.append(noted_at(self.original, value.at, says))


def _as_it_is(text: str) -> str:
    made = Pieces()
    made.text(text)
    return made.source()
