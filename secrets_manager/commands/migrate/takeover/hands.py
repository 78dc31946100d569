"""How the objects of each operator take their hands off a Secret: one table; pure.

Facts of External Secrets: its finalizer deletes the Secret where ``deletionPolicy`` is ``Delete``, and with
``creationPolicy: Owner`` the object owns the Secret. The other operators delete no Secret themselves; the
ownerReference of the object lets the garbage collector do it, which an orphaning delete takes off first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.migrate.originals import dig

__all__ = ["KINDS", "OldKind", "kind_of", "letting_go", "marks_of_operators", "put_back", "taken_from"]

Fields = Mapping[str, str]


def _nothing_to_change() -> Fields:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class OldKind:
    """A kind whose objects can be taken away from their Secrets.

    Attributes:
        operator: what people call it.
        group, kind, plural, versions: as the API has it; the versions that are understood.
        names_secret: where its spec names the Secret; an object without it has the name of its Secret.
        lets_go: fields of ``spec.target`` to set before it is deleted.
        domain: that of the marks which the operator puts on Secrets.

    """

    operator: str
    group: str
    kind: str
    plural: str
    versions: tuple[str, ...]
    names_secret: tuple[str, ...] = ()
    lets_go: Fields = field(default_factory=_nothing_to_change)
    domain: str

    def resource(self, version: str) -> Resource:
        """Where its objects are."""
        return Resource(f"apis/{self.group}/{version}", self.plural)

    def secret_of(self, raw: Json) -> str:
        """The name of the Secret that an object makes."""
        named = dig(raw, "spec", *self.names_secret) if self.names_secret else None
        return named if isinstance(named, str) and named else str(dig(raw, "metadata", "name"))


KINDS: tuple[OldKind, ...] = (
    OldKind(
        operator="External Secrets",
        group="external-secrets.io",
        kind="ExternalSecret",
        plural="externalsecrets",
        versions=("v1", "v1beta1"),
        names_secret=("target", "name"),
        lets_go={"creationPolicy": "Orphan", "deletionPolicy": "Retain"},
        domain="external-secrets.io",
    ),
    OldKind(
        operator="Vault Secrets Operator",
        group="secrets.hashicorp.com",
        kind="VaultStaticSecret",
        plural="vaultstaticsecrets",
        versions=("v1beta1",),
        names_secret=("destination", "name"),
        domain="secrets.hashicorp.com",
    ),
)


def kind_of(api_version: str, kind: str) -> OldKind | None:
    """The kind in the table, whatever the version."""
    group = api_version.partition("/")[0]
    return next((each for each in KINDS if (each.group, each.kind) == (group, kind)), None)


def taken_from(kind: OldKind, raw: Json) -> dict[str, str | None]:
    """What the fields are now that `letting_go` sets; None for one that is not there."""
    return {name: _text(dig(raw, "spec", "target", name)) for name in kind.lets_go}


def letting_go(kind: OldKind, raw: Json) -> Json | None:
    """The change of the spec after which a delete leaves the Secret; None where nothing is to change."""
    missing = {name: text for name, text in kind.lets_go.items() if dig(raw, "spec", "target", name) != text}
    return {"target": missing} if missing else None


def put_back(kind: OldKind, raw: Json, before: Mapping[str, object]) -> Json | None:
    """The change of the spec that undoes `letting_go`; None where it is undone, or was never done."""
    wanted = {name: _text(before.get(name)) for name in kind.lets_go if name in before}
    now = taken_from(kind, raw)
    # What somebody else set since stays.
    changed = {
        name: text for name, text in wanted.items() if now[name] == kind.lets_go[name] and now[name] != text
    }
    return {"target": changed} if changed else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def marks_of_operators(names: Iterable[str]) -> list[str]:
    """Those of some labels or annotations that an operator of the table puts on Secrets."""
    return [name for name in names if any(_is_below(name.partition("/")[0], kind.domain) for kind in KINDS)]


def _is_below(domain: str, top: str) -> bool:
    return domain == top or domain.endswith(f".{top}")
