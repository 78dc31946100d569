"""Which tool applies an object, and so may undo what is changed by hand; pure."""

from __future__ import annotations

from secrets_manager.cluster.base import Json

# A label or annotation, or the beginning of one, and the tool that puts it on what it applies.
_KEEPERS = (
    ("kustomize.toolkit.fluxcd.io/", "Flux"),
    ("helm.toolkit.fluxcd.io/", "Flux"),
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("meta.helm.sh/release-name", "Helm"),
)


def keeper_of(raw: Json) -> str:
    """The tool that applied an object, as its marks say; "" if none is known."""
    metadata = raw.get("metadata")
    parts = metadata if isinstance(metadata, dict) else {}
    names = [
        str(name)
        for kind in ("labels", "annotations")
        for name in (parts[kind] if isinstance(parts.get(kind), dict) else ())
    ]
    return next((tool for mark, tool in _KEEPERS if any(name.startswith(mark) for name in names)), "")
