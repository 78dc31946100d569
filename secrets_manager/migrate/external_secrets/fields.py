"""What becomes of each field of ExternalSecret and of what makes several of them, as data."""

from __future__ import annotations

from secrets_manager.migrate.fields import Field, Table, converted, idle, noted, one_of, refused

__all__ = ["OPERATOR", "cluster_external_secret", "external_secret"]

OPERATOR = "External Secrets"

_OWN_KEYS = (
    "names keys of its own; a definition renames keys by prefix and case only, so name them one by one"
)
_TO_TEMPLATE = "is rendered from elsewhere; write its keys into spec.template by hand"
_DROPPED = (
    "is no field there, and the API server drops it: the Secret is called and stands as spec.target says"
)
_GENERATES = "makes values, or takes them from a generator; secrets-manager makes none"
_FINDS = "searches for secrets; name their paths, since a definition reads no lists"
_LISTED = "reads what a provider says about a secret, not its values; secrets-manager reads values only"


def _remote(path: str) -> tuple[Field, ...]:
    """The fields of one remoteRef."""
    return (
        converted(f"{path}.key"),
        converted(f"{path}.property"),
        converted(f"{path}.version", str, int),
        converted(f"{path}.decodingStrategy"),
        one_of(f"{path}.conversionStrategy", "Default", "Unicode"),
        refused(f"{path}.metadataPolicy", _LISTED, "None", ""),
        noted(
            f"{path}.nullBytePolicy",
            "is not known here; a value with null bytes is written as it is",
            "Ignore",
            "",
        ),
    )


def _store(path: str) -> tuple[Field, ...]:
    return (converted(f"{path}.name"), converted(f"{path}.kind"))


def _rewrite(path: str) -> tuple[Field, ...]:
    return (
        converted(f"{path}.regexp.source"),
        converted(f"{path}.regexp.target"),
        converted(f"{path}.transform.template"),
        refused(f"{path}.merge.**", _OWN_KEYS),
    )


def _spec(spec: str) -> tuple[Field, ...]:
    """The fields of the spec of an ExternalSecret at a path."""
    target = f"{spec}.target"
    template = f"{target}.template"
    return (
        *_store(f"{spec}.secretStoreRef"),
        converted(f"{spec}.refreshInterval", str),
        one_of(f"{spec}.refreshPolicy", "Periodic", "CreatedOnce", "OnChange"),
        refused(
            f"{spec}.syncWindows.**",
            "names times at which it may sync; a definition has none, so use spec.suspend",
        ),
        converted(f"{target}.name"),
        one_of(f"{target}.creationPolicy", "Owner", "Orphan", "Merge", "None"),
        one_of(f"{target}.deletionPolicy", "Retain", "Delete", "Merge"),
        refused(
            f"{target}.immutable", "makes the Secret immutable, so that it could not be kept in step", False
        ),
        refused(
            f"{target}.manifest.**", "makes another object than a Secret; secrets-manager makes Secrets only"
        ),
        converted(f"{template}.type"),
        converted(f"{template}.engineVersion"),
        idle(f"{template}.engine", "is no field of any version, and External Secrets ignores it"),
        one_of(f"{template}.mergePolicy", "Replace", "Merge"),
        converted(f"{template}.data.*"),
        converted(f"{template}.metadata.labels.*"),
        converted(f"{template}.metadata.annotations.*"),
        noted(f"{template}.metadata.name", _DROPPED),
        noted(f"{template}.metadata.namespace", _DROPPED),
        refused(
            f"{template}.metadata.finalizers[]", "puts finalizers on the Secret, which a definition cannot"
        ),
        refused(f"{template}.templateFrom[].**", _TO_TEMPLATE),
        converted(f"{spec}.data[].secretKey"),
        *_remote(f"{spec}.data[].remoteRef"),
        *_store(f"{spec}.data[].sourceRef.storeRef"),
        refused(f"{spec}.data[].sourceRef.generatorRef.**", _GENERATES),
        *_remote(f"{spec}.dataFrom[].extract"),
        refused(f"{spec}.dataFrom[].find.**", _FINDS),
        *_rewrite(f"{spec}.dataFrom[].rewrite[]"),
        *_store(f"{spec}.dataFrom[].sourceRef.storeRef"),
        refused(f"{spec}.dataFrom[].sourceRef.generatorRef.**", _GENERATES),
    )


_OLD = tuple(
    converted(f"spec.dataFrom[].{name}", str, *forms)
    for name, forms in (("key", ()), ("property", ()), ("version", (int,)), ("conversionStrategy", ()))
)
_NEW = Table(OPERATOR, _spec("spec"))
# v1alpha1 names the path in the entry itself.
_V1ALPHA1 = Table(OPERATOR, (*_spec("spec"), *_OLD))
_CLUSTER = Table(
    OPERATOR,
    (
        *_spec("spec.externalSecretSpec"),
        converted("spec.externalSecretName"),
        converted("spec.externalSecretMetadata.labels.*"),
        converted("spec.externalSecretMetadata.annotations.*"),
        converted("spec.namespaces[]"),
        refused(
            "spec.namespaceSelector.**",
            "chooses namespaces by their labels, which no file tells; name them in spec.namespaces",
        ),
        refused(
            "spec.namespaceSelectors[].**",
            "chooses namespaces by their labels, which no file tells; name them in spec.namespaces",
        ),
        idle("spec.refreshTime", "says how often namespaces are looked for, and here they are named"),
    ),
)


def external_secret(version: str) -> Table:
    """The table of ExternalSecret."""
    return _V1ALPHA1 if version == "v1alpha1" else _NEW


def cluster_external_secret(_version: str) -> Table:
    """The table of ClusterExternalSecret."""
    return _CLUSTER
