"""What is allowed and may not do what was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.commands.definitions import Examined
from secrets_manager.commands.problems import Problem, warning
from secrets_manager.commands.schema.faults import Path
from secrets_manager.commands.schema.rules import KEYS_OF_TYPES
from secrets_manager.domain.definition import ALL_NAMES, SecretSpec
from secrets_manager.domain.wording import in_quotes
from secrets_manager.templates import compile_templates


def hazards(examined: Examined, spec: SecretSpec) -> Iterator[Problem]:
    """Warnings about one definition."""
    for field, reason, message in (*_templates(spec), *_optional(spec)):
        yield warning(examined.manifest, examined.shown, field, reason, message)


def _templates(spec: SecretSpec) -> Iterator[tuple[Path, str, str]]:
    for key in sorted(spec.templates.keys() & spec.keys.keys()):
        told = f"the template of {in_quotes(key)} wins over this entry, whose value only templates see"
        yield ("spec", "keysMap", key), "Overridden", told
    used = compile_templates(spec.templates).wanted if spec.templates else frozenset()
    if ALL_NAMES in used:
        return
    for name in sorted(spec.inputs.keys() - used):
        told = f"no template uses {in_quotes(name)}: it is read for nothing"
        yield ("spec", "inputs", name), "UnusedInput", told


def _optional(spec: SecretSpec) -> Iterator[tuple[Path, str, str]]:
    needed = KEYS_OF_TYPES.get(spec.secret_type, ())
    for key in sorted(spec.may_lack.intersection(needed) - spec.templates.keys()):
        told = f"a Secret of type {spec.secret_type} needs {in_quotes(key)}, and it is optional"
        yield ("spec", "keysMap", key, "optional"), "OptionalKey", told
