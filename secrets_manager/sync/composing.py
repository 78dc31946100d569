"""The data of a Secret, of what the sources of its definition gave. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from secrets_manager.domain.checks import MAX_SECRET_BYTES, check_data
from secrets_manager.domain.definition import ALL_NAMES, SecretSpec
from secrets_manager.domain.value_checks import check_values
from secrets_manager.sync.gathering import Gathered
from secrets_manager.templates import CompiledTemplates


def secret_data(
    spec: SecretSpec, gathered: Gathered, templates: CompiledTemplates | None
) -> Mapping[str, bytes]:
    """The data, all keys or none, in the order of names.

    Raises TemplateFailed, TargetError when a Secret of its type cannot hold the data, and CheckFailed.
    """
    data = gathered.data if templates is None else _with_templates(gathered, templates)
    check_data(spec.secret_type, data)
    if spec.checks:
        check_values(spec.checks, data, spec.may_lack)
    return data


def _with_templates(gathered: Gathered, templates: CompiledTemplates) -> Mapping[str, bytes]:
    taken = sum(len(value) for key, value in gathered.data.items() if key not in templates.texts)
    rendered = templates.render(_names(gathered, templates), MAX_SECRET_BYTES - taken)
    return dict(sorted({**gathered.data, **rendered}.items()))


def _names(gathered: Gathered, templates: CompiledTemplates) -> dict[str, object]:
    """The values of the names that the templates use, inputs before keys of the same name."""
    used = templates.wanted
    if ALL_NAMES in used:
        everything = {**{key: _text(value) for key, value in gathered.data.items()}, **gathered.inputs}
        return {**everything, ALL_NAMES: dict(sorted(everything.items()))}
    keys = {name: _text(gathered.data[name]) for name in used & gathered.data.keys()}
    return {**keys, **{name: gathered.inputs[name] for name in used & gathered.inputs.keys()}}


def _text(value: bytes) -> object:
    """The text, or the bytes themselves where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
