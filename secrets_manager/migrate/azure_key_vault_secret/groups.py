"""AzureKeyVaultSecrets to definitions: all that make one Secret become one definition. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.wording import in_quotes
from secrets_manager.migrate.azure_key_vault_secret import fields, parts
from secrets_manager.migrate.azure_key_vault_secret.parts import NAME, OPAQUE, Parts
from secrets_manager.migrate.inputs import Inputs
from secrets_manager.migrate.originals import Json, Original, dig
from secrets_manager.migrate.remarks import Refused, Remark
from secrets_manager.migrate.results import Companion, Converted, Made, definition
from secrets_manager.migrate.stores import Stores
from secrets_manager.migrate.telling import noted_at, refused_at

__all__ = ["convert_all"]

Path = tuple[str | int, ...]
_OBJECT = ("spec", "vault", "object")
_OUTPUT = ("spec", "output", "secret")
_SECRET = (*_OUTPUT, "name")
_LEFT_BEHIND = ("akv2k8s.io/", "kubectl.kubernetes.io/last-applied-configuration")


def convert_all(originals: Sequence[Original], stores: Stores) -> list[Converted]:
    """What all objects became, one for each Secret; objects that make none stand alone."""
    groups: dict[tuple[str, str, str], list[Original]] = {}
    for each in sorted(originals, key=lambda one: one.key):
        secret = parts.secret_of(each)
        of_one = (each.key.namespace, secret, "" if secret else each.key.name)
        groups.setdefault(of_one, []).append(each)
    return [_converted(group, stores) for group in groups.values()]


@dataclass(slots=True)
class _Share:
    """One object of a group: ``parts`` is None where it is refused."""

    original: Original
    remarks: list[Remark]
    parts: Parts | None = None

    @property
    def refused(self) -> bool:
        return any(remark.refuses for remark in self.remarks)

    def refuse(self, path: Path, says: str) -> None:
        self.remarks.append(refused_at(self.original, path, says).remark)

    def note(self, path: Path, says: str) -> None:
        self.remarks.append(noted_at(self.original, path, says))


def _share(original: Original, stores: Stores) -> _Share:
    share = _Share(original, list(fields.azure_key_vault_secret(original.version).remarks(original)))
    if not share.refused:
        try:
            share.parts = parts.of(original, stores)
            share.remarks += share.parts.remarks
        except Refused as why:
            share.remarks.append(why.remark)
    return share


def _converted(group: Sequence[Original], stores: Stores) -> Converted:
    shares = [_share(each, stores) for each in group]
    if not any(share.refused for share in shares):
        _refuse_clashes(shares)
    if first := next((share for share in shares if share.refused), None):
        says = f"is that of {first.original.key} too, which is refused; without it the Secret would lack keys"
        for share in shares:
            if not share.refused:
                share.refuse(_SECRET, says)
        made: tuple[Made, ...] = ()
    else:
        made = (_made(shares),)
    (original, remarks), *others = ((share.original, tuple(share.remarks)) for share in shares)
    companions = tuple(Companion(original=other, remarks=said) for other, said in others)
    return Converted(original=original, made=made, remarks=remarks, companions=companions)


def _refuse_clashes(shares: Sequence[_Share]) -> None:
    """Refuse those that cannot make one Secret, or of which the last that writes would win."""
    writers: dict[str, _Share] = {}
    for share in shares:
        if len(shares) > 1 and (type_ := parts.type_of(share.original)) != OPAQUE:
            says = f"is {in_quotes(type_)}, which akv2k8s makes of one object only; name another Secret"
            share.refuse((*_OUTPUT, "type"), says)
        for name in sorted(share.parts.names if share.parts else ()):
            if other := writers.get(name):
                says = f"gives the key {in_quotes(name)}, as {other.original.key} does; remove one"
                share.refuse((*_OUTPUT, "dataKey"), says)
            writers.setdefault(name, share)


def _made(shares: Sequence[_Share]) -> Made:
    found = [share.parts for share in shares if share.parts is not None]
    first = found[0].original
    secret = parts.secret_of(first)
    spec: Json = {"name": secret}
    if type_ := dig(first.spec, "output", "secret", "type"):
        spec["type"] = type_
    spec["backend"] = found[0].backend
    spec |= _sources(found)
    ref = Ref(first.key.namespace, first.key.name if len(shares) == 1 else secret)
    if len(shares) > 1:
        _note_wholes(shares)
    return Made(
        manifest=definition(ref, spec, _marks(shares, "labels"), _marks(shares, "annotations")),
        reads=frozenset((each.backend, each.path) for each in found),
        stores=frozenset(each.vault for each in found),
    )


def _sources(found: Sequence[Parts]) -> Json:
    """What is read and written, without the fields that are empty."""
    inputs = Inputs(name for each in found for name in each.keys)
    keys: Json = {}
    wholes: list[Json] = []
    templates: Json = {}
    checks: Json = {}
    for each in found:
        beside = {"backend": each.backend} if each.backend != found[0].backend else {}
        keys |= {name: origin | beside for name, origin in each.keys.items()}
        wholes += [each.whole | beside] if each.whole is not None else []
        if each.rendered is not None:
            name = inputs.named(each.rendered.name, each.rendered.origin | beside)
            templates |= {key: text.replace(NAME, name) for key, text in each.rendered.templates.items()}
        checks |= each.checks
    made = {"keysMap": keys, "inputs": inputs.made, "template": templates, "checks": checks}
    sources: Json = {name: dict(sorted(part.items())) for name, part in made.items() if part}
    return ({"dataFrom": wholes} if wholes else {}) | sources


def _note_wholes(shares: Iterable[_Share]) -> None:
    for share in shares:
        if share.parts is not None and share.parts.whole is not None:
            says = (
                "gives keys that are not known here; one that another object gives too comes from that, and "
                "with akv2k8s from the one that wrote last"
            )
            share.note((*_OBJECT, "type"), says)


def _marks(shares: Iterable[_Share], kind: str) -> dict[str, str]:
    """Labels or annotations of all objects; of different values of one, that of the first by name."""
    found: dict[str, str] = {}
    for share in shares:
        marks = share.original.labels if kind == "labels" else share.original.annotations
        for name, text in marks.items():
            if name.startswith(_LEFT_BEHIND):
                continue
            if found.setdefault(name, text) != text:
                share.note(
                    ("metadata", kind, name), "has another value on an object of the same Secret, which wins"
                )
    return found
