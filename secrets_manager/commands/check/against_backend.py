"""A definition against what the backends hold: each path and key that is not there is told by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice

from secrets_manager.commands.definitions import Examined
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.commands.problems import Problem, of_error
from secrets_manager.commands.schema.faults import Path
from secrets_manager.domain.definition import OPAQUE, Definition, SecretSpec
from secrets_manager.domain.errors import (
    KeyFault,
    KeyNotFound,
    SecretsManagerError,
    SourceNotFound,
    TemporaryError,
)
from secrets_manager.domain.location import Location
from secrets_manager.domain.wording import in_quotes

# Of one definition, which may name a thousand keys.
_MOST = 20


def problems(examined: Examined, spec: SecretSpec, engine: Engine) -> Iterator[Problem]:
    """Why the Secret cannot be made of what the backends hold now; names alone, and no value."""
    try:
        engine.data(examined.definition, spec)
    except TemporaryError as error:
        yield of_error(examined.manifest, examined.shown, error)
    except SecretsManagerError as error:
        parts = list(islice(_parts(examined, spec, engine), _MOST))
        yield from parts or [of_error(examined.manifest, examined.shown, error)]


def _parts(examined: Examined, spec: SecretSpec, engine: Engine) -> Iterator[Problem]:
    """The faults of the parts of the spec, each by itself. What was read is at hand."""
    for field, location, part in _each(spec):
        try:
            engine.data(examined.definition, part)
        except SecretsManagerError as error:
            place = (*field, "key" if isinstance(error, KeyFault) and len(field) > 2 else "path")
            problem = of_error(examined.manifest, examined.shown, error, place)
            near = _near(examined.definition, location, error, engine)
            yield replace(problem, message=f"{problem.message}{near}")


def _each(spec: SecretSpec) -> Iterator[tuple[Path, Location, SecretSpec]]:
    """Each source alone, in a spec of its own, with the field that names it."""
    bare = replace(spec, keys={}, data_from=(), inputs={}, templates={}, checks={}, secret_type=OPAQUE)
    for key, source in spec.keys.items():
        yield ("spec", "keysMap", key), source.location, replace(bare, keys={key: source})
    for place, entry in enumerate(spec.data_from):
        yield ("spec", "dataFrom", place), entry.location, replace(bare, data_from=(entry,))
    for name, wanted in spec.inputs.items():
        yield ("spec", "inputs", name), wanted.location, replace(bare, inputs={name: wanted})


def _near(definition: Definition, location: Location, error: SecretsManagerError, engine: Engine) -> str:
    """A hint at a name that is there and nearly the same."""
    if isinstance(error, KeyNotFound):
        known, asked = engine.keys_at(definition, location), error.key
    elif isinstance(error, SourceNotFound) and not error.hint:
        known, asked = engine.paths_beside(definition, location), location.path.strip("/")
    else:
        return ""
    near = get_close_matches(asked, known, n=1)
    return f"; did you mean {in_quotes(near[0])}?" if near else ""
