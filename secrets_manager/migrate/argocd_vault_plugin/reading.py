"""What placeholders read, as a definition names it: path, key, version, and what changes the value. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from secrets_manager.migrate.argocd_vault_plugin import modifiers, placeholders, vaults
from secrets_manager.migrate.argocd_vault_plugin.modifiers import Change, pointed
from secrets_manager.migrate.argocd_vault_plugin.placeholders import Placeholder
from secrets_manager.migrate.argocd_vault_plugin.values import Value
from secrets_manager.migrate.originals import Json, Original
from secrets_manager.migrate.remarks import Remark
from secrets_manager.migrate.telling import noted_at, refused_at

__all__ = ["Read", "Reader"]

# No stars and braces, since a rule would take them for patterns.
_PART = r"(?!\.{1,2}(?:/|\Z))[^/\s*{}\x00-\x1f\x7f]+"
_PATH = re.compile(rf"/*{_PART}(?:/{_PART})*/*")
_DECODE = "b64decode"


@dataclass(frozen=True, slots=True)
class Read:
    """One placeholder: where its value comes from, and what is done to that.

    ``filters`` is what a template has behind the name; ``optional`` says that a key is left out while its
    value is missing.
    """

    origin: Json = field(repr=False)
    change: Change
    optional: bool = False

    @property
    def filters(self) -> str:
        """The filters of a template, each behind a bar; without any, the value is made a text."""
        return "".join(f" | {each}" for each in self.change.filters or ("text",))

    def as_key(self, value: Value) -> Json | None:
        """The entry of keysMap that makes the value, None where only a template can."""
        if self.change.filters not in {(), (_DECODE,)}:
            return None
        made = dict(self.origin)
        if self.change.filters:
            made["encoding"] = "base64"
        elif self.change.pointer or value.was_encoded:
            made["encoding"] = "json"
        if self.optional:
            made["optional"] = True
        return made


class Reader:
    """Reads the placeholders of one Secret; what it found is in ``paths`` and ``remarks``."""

    def __init__(self, original: Original) -> None:
        """Raises Refused for an annotation that cannot be kept."""
        self.paths: set[str] = set()
        self.remarks: list[Remark] = []
        self._original = original
        self._annotations = original.annotations
        self.removes_missing = placeholders.is_true(self._annotations.get(placeholders.REMOVE_MISSING))
        if vaults.kv_version(original) not in {"1", "2"}:
            raise refused_at(original, _annotation(placeholders.KV_VERSION), "is neither 1 nor 2")
        if self.removes_missing:
            self._note(
                _annotation(placeholders.REMOVE_MISSING),
                "becomes optional, by which a key is also left out while the whole path is gone",
            )

    def alone(self, value: Value) -> Read | None:
        """What is read for a value that is one placeholder, None for any other."""
        (first, *others) = value.parts
        if others or not isinstance(first, Placeholder):
            return None
        return self.read(first, value)

    def read(self, wanted: Placeholder, value: Value) -> Read:
        """What is read for a placeholder. Raises Refused."""
        try:
            change = modifiers.change(wanted.modifiers)
        except modifiers.Unknown as why:
            raise refused_at(self._original, value.at, str(why)) from None
        if value.is_base64:
            change = modifiers.decoded(change)
        for says in change.says:
            self._note(value.at, says)
        if _DECODE in change.filters and change.filters != (_DECODE,):
            self._note(value.at, "decodes base64 in a template, which makes texts and no bytes")
        path, version = self._place(wanted, value)
        if not wanted.key:
            raise refused_at(self._original, value.at, "has a placeholder without a key")
        self.paths.add(path)
        key = f"#/{pointed(wanted.key)}{change.pointer}" if change.pointer else wanted.key
        origin: Json = {"path": path, "key": key} | ({"version": version} if version else {})
        return Read(origin, change, self.removes_missing)

    def _place(self, wanted: Placeholder, value: Value) -> tuple[str, str]:
        """Path and version."""
        version = wanted.version if wanted.path else self._annotations.get(placeholders.VERSION, "")
        at = value.at if wanted.path else _annotation(placeholders.VERSION)
        if version and vaults.kv_version(self._original) == "1":
            self._note(at, "names a version, which version 1 of the engine does not have, and is ignored")
            version = ""
        if version and not (version.isascii() and version.isdecimal()):
            raise refused_at(self._original, at, "names a version that is no number, as those of Vault are")
        path = wanted.path or self._annotations.get(placeholders.PATH, "")
        if not _PATH.fullmatch(path):
            at = value.at if wanted.path else _annotation(placeholders.PATH)
            raise refused_at(self._original, at, "names a path that Vault cannot have")
        return path.strip("/"), version

    def _note(self, at: tuple[str, ...], says: str) -> None:
        self.remarks.append(noted_at(self._original, at, says))


def _annotation(name: str) -> tuple[str, str, str]:
    return ("metadata", "annotations", name)
