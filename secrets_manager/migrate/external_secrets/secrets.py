"""ExternalSecret and ClusterExternalSecret, to definitions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.foreign_marks import is_copied
from secrets_manager.migrate import durations
from secrets_manager.migrate.external_secrets import fields, sources, templates
from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.reading import located, text, texts
from secrets_manager.migrate.remarks import Refused, Remark, note, refusal
from secrets_manager.migrate.results import Converted, Made, definition
from secrets_manager.migrate.stores import Stores

__all__ = ["convert", "convert_cluster"]

# Marks that mean something to those who apply or to External Secrets itself, and nothing on a definition.
_LEFT_BEHIND = ("external-secrets.io/", "kubectl.kubernetes.io/last-applied-configuration")
_FORCE_SYNC = "force-sync"
_USUAL_INTERVAL = "1h"
_MERGES = (
    "adds keys to a Secret that somebody else makes; a definition makes a Secret of its own, so name another "
    "Secret, or read all keys in one definition"
)
_MAKES_NONE = "makes no Secret, so there is nothing to convert"
_GOES_IN_PARTS = (
    "takes keys away whose path is gone, and the Secret when all paths are; a definition would delete the "
    "Secret with the first, so it keeps it. Set spec.onSourceGone to Delete if that is wished"
)
_TAKES_AWAY = (
    "takes keys away whose secret is gone; a definition keeps the Secret whole until each source is back, "
    "unless a key is optional"
)


def convert(original: Original, stores: Stores) -> Converted:
    """The definition of an ExternalSecret."""
    remarks = list(fields.external_secret(original.version).remarks(original))
    if any(remark.refuses for remark in remarks):
        return Converted(original=original, remarks=tuple(remarks))
    ref = Ref(original.key.namespace, original.key.name)
    wanted = _Wanted(original, "spec", ref, original.labels, original.annotations)
    return _made(original, [wanted], stores, remarks)


def convert_cluster(original: Original, stores: Stores) -> Converted:
    """The definitions of a ClusterExternalSecret, one in each namespace that it names."""
    remarks = list(fields.cluster_external_secret(original.version).remarks(original))
    if any(remark.refuses for remark in remarks):
        return Converted(original=original, remarks=tuple(remarks))
    meta = dig(original.spec, "externalSecretMetadata")
    labels, annotations = (texts(dig(meta, name)) for name in ("labels", "annotations"))
    name = text(original.spec, "externalSecretName") or original.key.name
    namespaces = dig(original.spec, "namespaces")
    named = [each for each in namespaces if isinstance(each, str)] if isinstance(namespaces, list) else []
    if not named:
        nothing = refusal("spec.namespaces", "names no namespace, so there is nothing to convert")
        return Converted(original=original, remarks=(*remarks, located(original, nothing)))
    wanted = [
        _Wanted(original, "spec.externalSecretSpec", Ref(namespace, name), labels, annotations)
        for namespace in sorted(set(named))
    ]
    return _made(original, wanted, stores, remarks)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One ExternalSecret as it is, or would be made: where its spec stands, and what it is called."""

    original: Original
    at: str
    ref: Ref
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def spec(self) -> Json:
        found = dig(self.original.body, *self.at.split("."))
        return found if isinstance(found, dict) else {}


def _made(original: Original, wanted: list[_Wanted], stores: Stores, remarks: list[Remark]) -> Converted:
    conversions = [_Conversion(each, stores) for each in wanted]
    try:
        made = tuple(conversion.made() for conversion in conversions)
    except Refused as why:
        return Converted(original=original, remarks=(*remarks, located(original, why.remark)))
    said = (remark for conversion in conversions for remark in conversion.remarks)
    return Converted(original=original, made=made, remarks=(*remarks, *dict.fromkeys(said)))


@dataclass(slots=True)
class _Conversion:
    """The conversion of one ExternalSecret, and what is to be said about it."""

    wanted: _Wanted
    stores: Stores
    remarks: list[Remark] = field(default_factory=list)

    def made(self) -> Made:
        spec = self.wanted.spec
        read = sources.gather(spec, self.wanted.at, self.wanted.ref.namespace, self.stores)
        parts = templates.parts(spec, self.wanted.at, self.wanted.original.version, read)
        self._note(*read.remarks, *parts.remarks)
        made: Json = {"name": text(spec, "target", "name") or self.wanted.ref.name}
        if type_ := text(spec, "target", "template", "type"):
            made["type"] = type_
        if read.backend:
            made["backend"] = read.backend
        made |= self._life(spec, paths=len(read.paths))
        made |= self._refresh(spec)
        made |= parts.spec
        labels, annotations = self._marks(spec, made)
        manifest = definition(self.wanted.ref, made, labels, annotations)
        return Made(manifest=manifest, reads=read.paths, stores=frozenset(read.stores))

    def _note(self, *remarks: Remark) -> None:
        self.remarks.extend(located(self.wanted.original, remark) for remark in remarks)

    def _life(self, spec: Json, *, paths: int) -> Json:
        made: Json = {}
        at = f"{self.wanted.at}.target"
        creation = text(spec, "target", "creationPolicy") or "Owner"
        if creation == "Orphan":
            made["onDelete"] = "Retain"
        elif creation != "Owner":
            raise Refused(f"{at}.creationPolicy", _MERGES if creation == "Merge" else _MAKES_NONE)
        deletion = text(spec, "target", "deletionPolicy") or "Retain"
        if deletion == "Delete" and paths == 1:
            made["onSourceGone"] = "Delete"
        elif deletion == "Delete":
            self._note(note(f"{at}.deletionPolicy", _GOES_IN_PARTS))
        elif deletion != "Retain":
            self._note(note(f"{at}.deletionPolicy", _TAKES_AWAY))
        return made

    def _refresh(self, spec: Json) -> Json:
        policy = text(spec, "refreshPolicy")
        if policy in {"CreatedOnce", "OnChange"}:
            self._note(
                note(
                    f"{self.wanted.at}.refreshPolicy",
                    "leaves the Secret alone once it is written; a definition keeps it in step, unless "
                    "spec.suspend is true",
                )
            )
            return {}
        at = f"{self.wanted.at}.refreshInterval"
        period, remarks = durations.period(text(spec, "refreshInterval") or _USUAL_INTERVAL, at)
        self._note(*remarks)
        if period is None:
            self._note(
                note(at, "is 0: it reads once; a definition keeps the Secret in step with the backend")
            )
            return {}
        return {"refreshPeriod": period}

    def _marks(self, spec: Json, made: Json) -> tuple[dict[str, str], dict[str, str]]:
        """Labels and annotations of the definition; those that only the Secret gets go into ``made``.

        Without a template External Secrets copies its object's own to the Secret, as the daemon does; with
        one, only those of the template are there.
        """
        labels, annotations = (_kept(marks) for marks in (self.wanted.labels, self.wanted.annotations))
        template = dig(spec, "target", "template")
        if not isinstance(template, dict):
            return labels, annotations
        wished = {name: texts(dig(template, "metadata", name)) for name in ("labels", "annotations")}
        for kind, marks in wished.items():
            if any("{{" in text for text in marks.values()):
                raise Refused(
                    f"{self.wanted.at}.target.template.metadata.{kind}",
                    "has templates; labels and annotations of a definition are plain texts",
                )
        if found := {kind: dict(sorted(marks.items())) for kind, marks in wished.items() if marks}:
            made["metadata"] = found
        more = sorted(name for name, text in {**labels, **annotations}.items() if is_copied(name, text))
        new = [name for name in more if name not in {**wished["labels"], **wished["annotations"]}]
        if new:
            self._note(
                note(
                    "metadata",
                    f"has {', '.join(new)}, which the Secret gets too; before, it had not",
                )
            )
        return labels, annotations


def _kept(marks: Mapping[str, str]) -> dict[str, str]:
    every = marks.items()
    return {name: text for name, text in every if not name.startswith(_LEFT_BEHIND) and name != _FORCE_SYNC}
