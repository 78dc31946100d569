"""VaultStaticSecret, to definitions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.wished_marks import OURS
from secrets_manager.migrate import durations, marks
from secrets_manager.migrate.go_template import VAULT_SECRETS_OPERATOR
from secrets_manager.migrate.go_values import Source, Templates
from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.reading import flag, items, located, needed, text, texts
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.migrate.results import Converted, Made, definition
from secrets_manager.migrate.single import converted
from secrets_manager.migrate.stores import Stores
from secrets_manager.migrate.vault_secrets_operator import fields, logins, transformations
from secrets_manager.migrate.vault_secrets_operator.transformations import Shape

__all__ = ["convert"]

_DESTINATION = "spec.destination"
_RAW = f"{transformations.AT}.excludeRaw"
# What the operator sets itself, over what an object wishes.
_SET_BY_OPERATOR = OURS | {"app.kubernetes.io/name", "app.kubernetes.io/component"}
_ADOPT = "secrets-manager.tuenti.io/adopt"
_WORKLOADS = {name: name for name in ("Deployment", "DaemonSet", "StatefulSet")} | {"argo.Rollout": "Rollout"}
# How often the operator looks where nothing is said, unless it compares no values.
_USUAL_PERIOD = "1m"
_RAW_SAYS = (
    "is not true, so the Secret has a key `_raw` with all that Vault answered; a definition never makes it, "
    "so look whether a workload reads it"
)
_TAKEN_OVER = (
    "is not true, so somebody else makes the Secret and the operator fills it; the definition takes it over, "
    "keeps it when it goes, and makes it where it is not there. Set spec.type to the type of the Secret"
)


def convert(original: Original, stores: Stores) -> Converted:
    """The definition of a VaultStaticSecret."""
    of_fields = fields.static_secret(original.version).remarks(original)
    return converted(original, of_fields, _Conversion(original, stores))


@dataclass(slots=True)
class _Conversion:
    """The conversion of one object, and what is to be said about it."""

    original: Original
    stores: Stores
    remarks: list[Remark] = field(default_factory=list)

    def made(self) -> Made:
        surroundings = self.stores.surroundings
        origin = self._origin()
        store = logins.store_of(self.original, surroundings)
        backend = self.stores.names[store.key]
        shape = transformations.shape(self.original, surroundings)
        made: Json = {"name": needed(self.original, f"{_DESTINATION}.name")}
        if type_ := self._text("destination", "type"):
            made["type"] = type_
        made["backend"] = backend
        made |= self._life() | self._refresh() | self._sources(origin, shape)
        made |= self._wishes() | self._restart()
        labels, annotations = self._marks(made)
        ref = Ref(self.original.key.namespace, self.original.key.name)
        return Made(
            manifest=definition(ref, made, labels, annotations),
            reads=frozenset({(backend, origin["path"])}),
            stores=frozenset({store.key}),
        )

    def _text(self, *at: str) -> str:
        return text(self.original.spec, *at)

    def _note(self, path: str, says: str) -> None:
        self.remarks.append(located(self.original, note(path, says)))

    @property
    def _creates(self) -> bool:
        return flag(self.original.spec, "destination", "create")

    def _origin(self) -> Json:
        """Path and version; the order of the path is that of the API of Vault."""
        mount, path = (needed(self.original, f"spec.{name}").strip("/") for name in ("mount", "path"))
        kind = needed(self.original, "spec.type")
        if kind not in {logins.KV1, logins.KV2}:
            raise Refused("spec.type", f"is none that is known here; it may be {logins.KV1} or {logins.KV2}")
        made: Json = {"path": f"{mount}/{path}" if kind == logins.KV1 else f"{mount}/data/{path}"}
        version = dig(self.original.spec, "version") or 0
        if version > 0 and kind == logins.KV2:
            made["version"] = str(version)
        elif version:
            self._note("spec.version", "is without effect there too: the engine has no such version")
        return made

    def _life(self) -> Json:
        if self._creates:
            return {}
        self._note(f"{_DESTINATION}.create", _TAKEN_OVER)
        return {"onDelete": "Retain"}

    def _refresh(self) -> Json:
        after = self._text("refreshAfter")
        period, remarks = durations.period(after, "spec.refreshAfter") if after else (None, ())
        for remark in remarks:
            self._note(remark.path, remark.says)
        compares = flag(self.original.spec, "hmacSecretData", usual=True)
        if not compares:
            says = "is false, so the operator leaves alone what others change; a definition puts it back"
            self._note("spec.hmacSecretData", says)
        if period is None and not compares:
            says = "is absent, so it is read once; a definition keeps the Secret in step with the backend"
            self._note("spec.refreshAfter", says)
            return {}
        return {"refreshPeriod": period or _USUAL_PERIOD}

    def _sources(self, origin: Json, shape: Shape) -> Json:
        made: Json = {}
        if not shape.writes_no_source:
            made["dataFrom"] = [origin | shape.filters]
        elif not shape.templates:
            says = "leaves out all keys, and no template makes one, so there is nothing to convert"
            raise Refused(f"{transformations.AT}.excludes", says)
        if not flag(self.original.spec, "destination", "transformation", "excludeRaw"):
            self._note(_RAW, _RAW_SAYS)
        templates = Templates(Source(origins=(origin,)), replace(VAULT_SECRETS_OPERATOR, texts=self._known()))
        for key, template in shape.templates.items():
            templates.add(key, template.text, template.at)
        for remark in templates.remarks:
            self._note(remark.path, remark.says)
        return made | templates.spec

    def _known(self) -> dict[str, str]:
        """What templates may ask of the object itself."""
        kinds = {"Labels": self.original.labels, "Annotations": self.original.annotations}
        return {f"{kind}.{name}": value for kind, found in kinds.items() for name, value in found.items()}

    def _wishes(self) -> Json:
        made: Json = {}
        for kind in ("labels", "annotations"):
            at = f"{_DESTINATION}.{kind}"
            wished = texts(self.original.spec, "destination", kind)
            if wished and not self._creates:
                self._note(at, "is without effect, since destination.create is not true")
                continue
            own = sorted(wished.keys() & _SET_BY_OPERATOR) if kind == "labels" else []
            if own:
                self._note(at, f"has {', '.join(own)}, which the operator sets itself, so it is left out")
            if kept := {name: value for name, value in sorted(wished.items()) if name not in own}:
                made[kind] = kept
        return {"metadata": made} if made else {}

    def _restart(self) -> Json:
        targets = items(self.original.spec, "rolloutRestartTargets")
        if not targets:
            return {}
        if not flag(self.original.spec, "hmacSecretData", usual=True):
            says = (
                "is without effect, since hmacSecretData is false; set spec.restart if you wish for restarts"
            )
            self._note("spec.rolloutRestartTargets", says)
            return {}
        made = [self._workload(target, number) for number, target in enumerate(targets)]
        return {"restart": {"workloads": made}}

    def _workload(self, target: object, number: int) -> Json:
        kind = text(target, "kind")
        if kind not in _WORKLOADS:
            at = f"spec.rolloutRestartTargets[{number}].kind"
            raise Refused(at, f"is none that is restarted; it may be {', '.join(_WORKLOADS)}")
        return {"kind": _WORKLOADS[kind], "name": text(target, "name")}

    def _marks(self, made: Json) -> tuple[dict[str, str], dict[str, str]]:
        """Labels and annotations of the definition, of which the operator copied none to the Secret."""
        labels, annotations = (
            marks.kept(found, fields.OWN_MARKS) for found in (self.original.labels, self.original.annotations)
        )
        metadata = made.get("metadata", {})
        wished = {*metadata.get("labels", {}), *metadata.get("annotations", {})}
        for remark in marks.newly_copied(labels | annotations, wished):
            self._note(remark.path, remark.says)
        if not self._creates or flag(self.original.spec, "destination", "overwrite"):
            annotations[_ADOPT] = "true"
        return labels, annotations
