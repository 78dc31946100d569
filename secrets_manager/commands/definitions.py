"""Definitions in files as the daemon would see them, once they were applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secrets_manager.cluster import manifests
from secrets_manager.commands.files.manifests import Manifest
from secrets_manager.commands.problems import Problem, of_error, of_fault
from secrets_manager.commands.schema.validation import schema_faults
from secrets_manager.domain.definition import Definition, SecretSpec
from secrets_manager.domain.errors import InvalidTemplate
from secrets_manager.domain.wording import one_line
from secrets_manager.sync.template_cache import TemplateCache

DEFAULT_NAMESPACE = "default"
_LONGEST_NAME = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A definition in a file, and all that can be said against it without a backend and without a cluster.

    ``named`` says that it, or the caller, names its namespace. ``spec`` is None where it cannot be used.
    """

    manifest: Manifest
    definition: Definition
    named: bool
    problems: tuple[Problem, ...] = ()

    @property
    def spec(self) -> SecretSpec | None:
        """The wish, if it can be used."""
        found = self.definition.spec
        return found if isinstance(found, SecretSpec) and not self.problems else None

    @property
    def shown(self) -> str:
        """Namespace and name, for messages."""
        return shown(self.definition)


def shown(definition: Definition) -> str:
    """Namespace and name of a definition, which are foreign texts."""
    return one_line(str(definition.ref), _LONGEST_NAME)


def examine(manifest: Manifest, namespace: str | None) -> Examined:
    """``namespace`` is that of a definition that names none."""
    raw = manifest.raw
    said = _namespace(raw)
    definition = manifests.definition(_placed(raw, said or namespace or DEFAULT_NAMESPACE))
    name = shown(definition)
    problems = [of_fault(manifest, name, fault) for fault in schema_faults(raw)]
    if not problems:
        problems = _daemons(manifest, definition, name)
    return Examined(
        manifest=manifest,
        definition=definition,
        named=bool(said or namespace),
        problems=tuple(problems),
    )


def _namespace(raw: dict[str, Any]) -> str:
    metadata = raw.get("metadata")
    found = metadata.get("namespace") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""


def _placed(raw: dict[str, Any], namespace: str) -> dict[str, Any]:
    metadata = raw.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    # What a server gives an object does not come with a file.
    return {**raw, "metadata": {**kept, "namespace": namespace, "generation": 1}}


def _daemons(manifest: Manifest, definition: Definition, name: str) -> list[Problem]:
    """What the daemon says of it before it reads anything."""
    if not isinstance(definition.spec, SecretSpec):
        return [of_error(manifest, name, definition.spec)]
    try:
        TemplateCache().of(definition.ref, definition.spec)
    except InvalidTemplate as error:
        return [of_error(manifest, name, error)]
    return []
