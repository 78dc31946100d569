"""Every error the program raises, in two families that decide what happens next.

The class name is the ``reason`` of a condition, an Event and a log line, so a name here is part of the
interface. No vendor exception crosses its layer: each edge maps its own errors onto this tree once.

::

    SecretsManagerError
    ├─ TemporaryError             retried with back-off
    │  ├─ BackendFault            the whole backend suffers: counts for its circuit breaker
    │  │    BackendUnavailable · BackendThrottled · BackendSealed · BackendTimeout · BackendTLS
    │  │    SessionExpired · AuthFailed · ForbiddenByNetwork
    │  ├─ ClusterFault            the API server refused or did not answer
    │  │    ClusterUnavailable · ClusterUnauthorized · Conflict · NamespaceTerminating · NotLeading
    │  ├─ SourceOutdated          an older version of one path than before
    │  ├─ NoAnswerYet             one path takes longer than is usual, and gets more time
    │  └─ InternalError           a fault of this program
    └─ PermanentError             a person must act; looked at again on the slow lane
       ├─ ConfigError             the daemon's own settings
       ├─ DefinitionError         the SecretDefinition itself
       │    InvalidSpec · InvalidPath · PathNotAllowed · InvalidKey · TypeNotAllowed
       ├─ SourceError             what the backend holds
       │  │ SourceNotFound · SourceDeleted · SourceDestroyed · SourceDisabled · SourceExpired
       │  │ DynamicSecretUnsupported · EngineMismatch · PermissionDenied
       │  └─ KeyFault             one key of it
       │       KeyNotFound · NotAString · DecodeError
       └─ TargetError             the Secret that should be written
            NotOwned · TargetConflict · TypeConflict · ImmutableTarget · TooLarge · InvalidForType
            QuotaExceeded · AdmissionDenied · Forbidden · RejectedByCluster

Messages name the object, the key and what was found (its type, never its value). They are shown to
everyone who may read the SecretDefinition, so no value, token or vendor error body may be put in one.
"""

from __future__ import annotations

from typing import Self


class SecretsManagerError(Exception):
    """Base of all errors of this program.

    Two errors are equal when they are of one kind and say the same, so that a definition which is still
    wrong in the same way compares as unchanged.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    @property
    def reason(self) -> str:
        """The CamelCase word that conditions, Events, metrics and log lines carry."""
        return type(self).__name__

    @property
    def message(self) -> str:
        """One sentence for a person; holds no secret."""
        return str(self)

    def bare(self) -> Self:
        """Let go of traceback, cause and context, and return the same error.

        Their frames hold what was being handled when it was raised, values included. So this is called where
        an error is no longer on its way up but becomes a value that is kept.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class TemporaryError(SecretsManagerError):
    """The same attempt may succeed later without anybody changing anything."""


class PermanentError(SecretsManagerError):
    """Retrying is pointless until a person changes the definition, the source, a right or the target."""


# ── backend-wide faults ──────────────────────────────────────────────────────────────────────────────


class BackendFault(TemporaryError):
    """The backend as a whole cannot serve; every object that needs it is affected alike.

    ``retry_after`` is the pause in seconds that the backend asked for, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BackendUnavailable(BackendFault):
    """No usable answer: connection refused or reset, DNS, 5xx, or a reply that is not the backend's."""


class BackendThrottled(BackendFault):
    """The backend asked us to slow down (429)."""


class BackendSealed(BackendFault):
    """Vault is sealed (503) or not initialised (501)."""


class BackendTimeout(BackendFault):
    """The call did not end within ``config.backend-timeout``, counted over the whole call."""


class BackendTLS(BackendFault):
    """The backend's certificate was not accepted, or TLS could not be agreed."""


class SessionExpired(BackendFault):
    """The token died while in use; a new login is under way."""


class AuthFailed(BackendFault):
    """The backend refused our credentials."""


class ForbiddenByNetwork(BackendFault):
    """The backend's network rules do not let this machine in."""


class SourceOutdated(TemporaryError):
    """The backend gave an older version of a path than before: a standby that lags, or a restored backup."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the backend gave an older version of path {path!r} than before")


class NoAnswerYet(TemporaryError):
    """A path takes many times as long as is usual: it is left for now, and asked again with all its time."""


# ── faults of the API server ─────────────────────────────────────────────────────────────────────────


class ClusterFault(TemporaryError):
    """The API server refused or did not answer; ``retry_after`` is the pause in seconds it asked for."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClusterUnavailable(ClusterFault):
    """No usable answer from the API server: connection, timeout, 429, 5xx, or not JSON."""


class ClusterUnauthorized(ClusterFault):
    """The API server does not accept our identity (401), also after reading the token again."""


class Conflict(ClusterFault):
    """The object changed since it was read (409); the whole chain starts again."""


class NamespaceTerminating(ClusterFault):
    """The namespace is being deleted; nothing can be created in it and nobody needs to know."""


class NotLeading(ClusterFault):
    """This replica may not write, because it does not lead or cannot lead long enough for the write."""


class InternalError(TemporaryError):
    """A fault of this program. The message tells where, and nothing of the data at hand."""


# ── a person must act ────────────────────────────────────────────────────────────────────────────────


class ConfigError(PermanentError):
    """The daemon's settings are wrong. The message lists every fault, one a line.

    ``exit_code`` is the status the process ends with (see the drop-in contract).
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class DefinitionError(PermanentError):
    """The SecretDefinition asks for something that cannot be."""


class InvalidSpec(DefinitionError):
    """A field of the spec is missing, of the wrong type or not a legal value."""


class InvalidPath(DefinitionError):
    """A path that no backend call is made for: ``..``, control characters, an illegal name."""


class PathNotAllowed(DefinitionError):
    """The daemon's path policy does not let this namespace read this path."""

    def __init__(self, namespace: str, path: str) -> None:
        super().__init__(f"path policy does not let namespace {namespace!r} read path {path!r}")


class InvalidKey(DefinitionError):
    """A data key that Kubernetes does not accept in a Secret."""


class TypeNotAllowed(DefinitionError):
    """A Secret type that would let the author of a definition mint credentials of others."""

    def __init__(self, secret_type: str) -> None:
        super().__init__(f"Secrets of type {secret_type!r} are not written: they grant other identities")


class SourceError(PermanentError):
    """The backend answered, and what it holds cannot be used."""


class SourceNotFound(SourceError):
    """Nothing was ever stored at this path, or we may not know of it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path {path!r} does not exist in the backend")


class SourceDeleted(SourceError):
    """What was at this path is soft-deleted; ``version`` is "" where a deletion takes all versions."""

    def __init__(self, path: str, version: str = "") -> None:
        what = f"version {version} of path {path!r}" if version else f"path {path!r}"
        super().__init__(f"{what} is deleted in the backend")


class SourceDestroyed(SourceError):
    """The newest version at this path was destroyed for good."""

    def __init__(self, path: str, version: str) -> None:
        super().__init__(f"version {version} of path {path!r} is destroyed in the backend")


class SourceDisabled(SourceError):
    """The secret exists in the backend and is switched off."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is disabled in the backend")


class SourceExpired(SourceError):
    """The secret is past its expiry date or not valid yet, and the settings refuse such values.

    Where they do not, this class's name is the reason of a condition that is nevertheless Ready.
    """

    def __init__(self, caution: str) -> None:
        super().__init__(f"{caution}, and azure-kv.strict-expiry is on")


class DynamicSecretUnsupported(SourceError):
    """Reading this path makes a new leased credential each time; polling it would never end."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path {path!r} hands out leased (dynamic) secrets, which cannot be polled")


class KeyFault(SourceError):
    """One key of a path cannot be used; ``path`` and ``key`` name it as the definition does."""

    def __init__(self, path: str, key: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.key = key


class KeyNotFound(KeyFault):
    """The path exists and has no such key, or the key is null."""

    def __init__(self, path: str, key: str) -> None:
        super().__init__(path, key, f"path {path!r} has no key {key!r}")


class NotAString(KeyFault):
    """The value is a number, bool, list or map; only strings can be written to a Secret."""

    def __init__(self, path: str, key: str, found: str) -> None:
        super().__init__(path, key, f"key {key!r} of path {path!r} is a {found}, not a string")


class DecodeError(KeyFault):
    """The value is not what the definition's ``encoding`` says."""

    def __init__(self, path: str, key: str, encoding: str) -> None:
        super().__init__(path, key, f"key {key!r} of path {path!r} is not valid {encoding}")


class EngineMismatch(SourceError):
    """The reply has not the shape of the configured engine: KV1 read as KV2, or not a KV path."""

    def __init__(self, path: str, engine: str) -> None:
        super().__init__(f"the reply for path {path!r} has not the shape of engine {engine!r}")


class PermissionDenied(SourceError):
    """The token is alive and its policies do not let it read this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the backend's policy does not let us read path {path!r}")


class TargetError(PermanentError):
    """The Secret cannot be written as asked."""


class NotOwned(TargetError):
    """A Secret of that name exists and carries no mark of ours."""


class TargetConflict(TargetError):
    """Another, older SecretDefinition keeps this Secret."""


class TypeConflict(TargetError):
    """The existing Secret has another type, and a Secret's type cannot be changed."""


class ImmutableTarget(TargetError):
    """The existing Secret is marked immutable."""


class TooLarge(TargetError):
    """The values are larger in sum than Kubernetes accepts."""


class InvalidForType(TargetError):
    """The data lacks a key that the Secret's type demands, or the key's content is not of that kind."""


class QuotaExceeded(TargetError):
    """A ResourceQuota of the namespace leaves no room."""


class AdmissionDenied(TargetError):
    """An admission policy or webhook refused the Secret."""


class Forbidden(TargetError):
    """RBAC does not grant the daemon this call."""


class RejectedByCluster(TargetError):
    """The API server found the object invalid for a reason we did not foresee (400, 413, 422)."""
