"""What becomes of each field of VaultStaticSecret and SecretTransformation, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Field, Table, converted, idle, noted

__all__ = ["OPERATOR", "OWN_MARKS", "secret_transformation", "static_secret"]

OPERATOR = "the Vault Secrets Operator"
# Marks that mean something to the operator alone.
OWN_MARKS = "secrets.hashicorp.com/"

_DESTINATION = "spec.destination"
_TRANSFORMATION = f"{_DESTINATION}.transformation"
_CALLED = "is what templates call; one that calls another is refused by its own name"


def _template(path: str) -> tuple[Field, ...]:
    return (converted(f"{path}.name"), converted(f"{path}.text"))


_STATIC_SECRET = Table(
    OPERATOR,
    (
        converted("spec.vaultAuthRef"),
        converted("spec.namespace"),
        converted("spec.mount"),
        converted("spec.path"),
        converted("spec.type"),
        converted("spec.version", int),
        converted("spec.refreshAfter"),
        converted("spec.hmacSecretData", bool),
        converted("spec.rolloutRestartTargets[].kind"),
        converted("spec.rolloutRestartTargets[].name"),
        noted(
            "spec.syncConfig.instantUpdates",
            "has Vault tell of changes; the daemon reads at each spec.refreshPeriod, so set a short one",
            False,
        ),
        converted(f"{_DESTINATION}.name"),
        converted(f"{_DESTINATION}.create", bool),
        converted(f"{_DESTINATION}.overwrite", bool),
        converted(f"{_DESTINATION}.type"),
        converted(f"{_DESTINATION}.labels.*"),
        converted(f"{_DESTINATION}.annotations.*"),
        *_template(f"{_TRANSFORMATION}.templates.*"),
        converted(f"{_TRANSFORMATION}.transformationRefs[].namespace"),
        converted(f"{_TRANSFORMATION}.transformationRefs[].name"),
        converted(f"{_TRANSFORMATION}.transformationRefs[].templateRefs[].name"),
        converted(f"{_TRANSFORMATION}.transformationRefs[].templateRefs[].keyOverride"),
        converted(f"{_TRANSFORMATION}.transformationRefs[].ignoreIncludes", bool),
        converted(f"{_TRANSFORMATION}.transformationRefs[].ignoreExcludes", bool),
        converted(f"{_TRANSFORMATION}.includes[]"),
        converted(f"{_TRANSFORMATION}.excludes[]"),
        converted(f"{_TRANSFORMATION}.excludeRaw", bool),
        idle(f"{_TRANSFORMATION}.resync", "what it refers to becomes part of the definition"),
    ),
)
_SECRET_TRANSFORMATION = Table(
    OPERATOR,
    (
        *_template("spec.templates.*"),
        idle("spec.sourceTemplates[].name", _CALLED),
        idle("spec.sourceTemplates[].text", _CALLED),
        converted("spec.includes[]"),
        converted("spec.excludes[]"),
    ),
)


def static_secret(_version: str) -> Table:
    """The table of VaultStaticSecret."""
    return _STATIC_SECRET


def secret_transformation(_version: str) -> Table:
    """The table of SecretTransformation."""
    return _SECRET_TRANSFORMATION
