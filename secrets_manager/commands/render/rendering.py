"""A definition to the Secret that the daemon would write, by the daemon's own code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from secrets_manager.cluster.write.bodies import new_secret
from secrets_manager.commands.definitions import Examined
from secrets_manager.commands.engine.engine import Engine
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import SecretSpec
from secrets_manager.domain.location import Origin
from secrets_manager.domain.secret import LAST_UPDATE, DesiredSecret

# The time of a write is not part of what is rendered.
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A Secret that would be written.

    ``read`` says that its values were read. ``open_paths`` are whole paths whose keys are not known, since
    they were not.
    """

    examined: Examined
    desired: DesiredSecret
    body: dict[str, Any] = field(repr=False)
    read: bool
    open_paths: tuple[str, ...] = ()

    def source_of(self, key: str) -> str:
        """What gives a key, in words."""
        spec = self.examined.definition.spec
        assert isinstance(spec, SecretSpec)  # noqa: S101 - it was rendered
        if key in spec.templates:
            return "template"
        if key not in spec.keys:
            return "dataFrom"
        return f"{_place(spec.keys[key])}, key {spec.keys[key].key!r}"


def render(examined: Examined, spec: SecretSpec, engine: Engine, *, reads: bool) -> Rendered:
    """The Secret; raises what a reconcile of the daemon raises."""
    definition = examined.definition
    if (refused := engine.refused(definition, spec)) is not None:
        raise refused[1]
    data: Mapping[str, bytes]
    data, open_paths = (engine.data(definition, spec), ()) if reads else placeholders(spec)
    desired = engine.desired(definition, data)
    return Rendered(
        examined=examined, desired=desired, body=_body(desired), read=reads, open_paths=open_paths
    )


def placeholders(spec: SecretSpec) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The keys that are known without reading anything, and the whole paths that may give others."""
    data = dict.fromkeys(sorted({*spec.keys, *spec.templates}), b"")
    return data, tuple(map(_place, spec.data_from))


def _place(source: Origin) -> str:
    backend = "" if source.backend == DEFAULT_BACKEND else f"{source.backend}: "
    version = f" version {source.version}" if source.version else ""
    return f"{backend}{source.path}{version}"


def _body(desired: DesiredSecret) -> dict[str, Any]:
    """What the daemon would send, without the marks that only a write gives it: its time, and its owner."""
    body = new_secret(desired, _SOME_TIME)
    metadata = body["metadata"]
    del metadata["ownerReferences"]
    del metadata["annotations"][LAST_UPDATE]
    if not metadata["annotations"]:
        del metadata["annotations"]
    return body
