"""What becomes of each field of a Secret with placeholders, and of other objects that have them, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Table, converted, refused

__all__ = ["ADVICE", "CONTAINERS", "OPERATOR", "other", "secret"]

OPERATOR = "argocd-vault-plugin"
_SECRET = Table(
    OPERATOR,
    (
        converted("type"),
        converted("data.*"),
        converted("stringData.*"),
        refused("immutable", "makes the Secret immutable, so that it could not be kept in step", False),
    ),
)
# Nothing of other kinds is converted: each placeholder is refused with the advice below.
_OTHER = Table(OPERATOR, ())

_BY_DEFINITION = "put the value into a Secret by a definition, and"
CONTAINERS = f"{_BY_DEFINITION} read it from there by env with secretKeyRef, by envFrom, or from a volume"
# By kind, what to do with a value that is not in a Secret.
ADVICE: dict[str, str] = {
    "ConfigMap": "make a Secret of it by a definition, and mount that, or read it by envFrom with secretRef",
    **dict.fromkeys(
        ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "Rollout", "StatefulSet"),
        CONTAINERS,
    ),
    "Ingress": "write it out where it is no secret, such as a host; a certificate is read from a Secret",
    "": f"write it out where it is no secret; else {_BY_DEFINITION} name that Secret here if the kind can",
}


def secret(_version: str) -> Table:
    """The table of Secret."""
    return _SECRET


def other(_version: str) -> Table:
    """The table of every other kind."""
    return _OTHER
