"""The values of a Secret as they stand in its file, each with its texts and placeholders. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from secrets_manager.domain.decoding import Encoding, decode
from secrets_manager.migrate.argocd_vault_plugin import placeholders
from secrets_manager.migrate.argocd_vault_plugin.placeholders import Placeholder
from secrets_manager.migrate.originals import Original, dig
from secrets_manager.migrate.telling import refused_at

__all__ = ["Value", "of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A key of the Secret.

    Attributes:
        name: the key.
        at: where it stands.
        parts: what the value of the Secret is made of.
        is_base64: the value is what the base64 stands for that the parts make.
        was_encoded: the parts stood in base64.
        overridden: another field gives the key.

    """

    name: str
    at: tuple[str, str]
    parts: tuple[str | Placeholder, ...] = field(repr=False)
    is_base64: bool = False
    was_encoded: bool = False
    overridden: bool = False

    @property
    def has_placeholder(self) -> bool:
        """Whether anything is filled in."""
        return any(isinstance(part, Placeholder) for part in self.parts)

    @property
    def text(self) -> str:
        """The text of a value in which nothing is filled in."""
        return "".join(part for part in self.parts if isinstance(part, str))


def of(original: Original) -> list[Value]:
    """All values, by name. Raises Refused."""
    names_path = placeholders.PATH in original.annotations
    plain, encoded = (dig(original.body, name) or {} for name in ("stringData", "data"))
    found = [
        _plain(original, name, text or "", names_path=names_path) for name, text in sorted(plain.items())
    ]
    found += [
        _encoded(original, name, text or "", names_path=names_path, overridden=name in plain)
        for name, text in sorted(encoded.items())
    ]
    return found


def _plain(original: Original, name: str, text: str, *, names_path: bool) -> Value:
    at = ("stringData", name)
    inner = placeholders.decoded(text)
    parts = placeholders.of_text(inner or text, names_path=names_path)
    if inner is not None and any(isinstance(part, Placeholder) for part in parts):
        raise refused_at(
            original, at, "is base64 of a text with placeholders; write that text itself, or move it to data"
        )
    return Value(name=name, at=at, parts=tuple(placeholders.of_text(text, names_path=names_path)))


def _encoded(original: Original, name: str, text: str, *, names_path: bool, overridden: bool) -> Value:
    at = ("data", name)
    parts = placeholders.of_text(text, names_path=names_path)
    if any(isinstance(part, Placeholder) for part in parts):
        if len(parts) > 1:
            raise refused_at(
                original,
                at,
                "has text around a placeholder in base64; write it in stringData, without base64",
            )
        return Value(name=name, at=at, parts=tuple(parts), is_base64=True, overridden=overridden)
    parts = placeholders.of_text(_text(original, at, text), names_path=names_path)
    return Value(name=name, at=at, parts=tuple(parts), was_encoded=True, overridden=overridden)


def _text(original: Original, at: tuple[str, str], text: str) -> str:
    try:
        return decode(text, Encoding.BASE64).decode()
    except UnicodeDecodeError:
        why = "is bytes that are no text, which a definition cannot hold; move it to Vault, in base64"
    except ValueError:
        why = "is not base64, so no Secret could be made of it"
    raise refused_at(original, at, why)
