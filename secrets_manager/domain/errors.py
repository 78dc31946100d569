"""Every error the program raises, in two families that decide what happens next.

The class name is the ``reason`` of a condition, an Event and a log line, so a name here is part of the
interface. No vendor exception crosses its layer: each edge maps its own errors onto this tree once.

::

    SecretsManagerError
    ├─ TemporaryError             retried with back-off
    │  ├─ BackendFault            the backend, or the part of it that the path is in, cannot serve
    │  │    BackendUnavailable · BackendThrottled · BackendSealed · BackendTimeout · BackendTLS
    │  │    SessionExpired · AuthFailed · ForbiddenByNetwork
    │  ├─ ClusterFault            the API server refused or did not answer
    │  │    ClusterUnavailable · ClusterUnauthorized · Conflict · NamespaceTerminating · NotLeading
    │  │    Superseded
    │  ├─ SourceOutdated          an older version of one path than before
    │  ├─ NoAnswerYet             one path takes longer than is usual, and gets more time
    │  └─ InternalError           a fault of this program
    └─ PermanentError             a person must act; reconciled again on the slow lane
       ├─ ConfigError             the daemon's own settings
       ├─ DefinitionError         the SecretDefinition itself
       │    InvalidSpec · InvalidPath · InvalidVersion · PathNotAllowed · UnknownBackend · InvalidKey
       │    TypeNotAllowed · InvalidTemplate
       ├─ SourceError             what the backend holds
       │  │ SourceNotFound · SourceDeleted · SourceDestroyed · SourceDisabled · SourceExpired
       │  │ DynamicSecretUnsupported · EngineMismatch · PermissionDenied · SourceTooLarge
       │  │ NotAMap · CheckFailed · NothingSelected · TemplateFailed · WouldShrink
       │  │ SourceGone · ManySourcesGone
       │  └─ KeyFault             one key of it
       │       KeyNotFound · NotAString · DecodeError
       └─ TargetError             the Secret that should be written
            NotOwned · TargetConflict · TypeConflict · ImmutableTarget · TooLarge · InvalidForType
            QuotaExceeded · AdmissionDenied · Forbidden · RejectedByCluster · Contested
            NotRestarted

Messages name the object, the key and what was found (its type, never its value). They are shown to
everyone who may read the SecretDefinition, so no value, token or vendor error body may be put in one.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Self

from secrets_manager.domain.backend_name import DEFAULT_BACKEND


class SecretsManagerError(Exception):
    """Base of all errors of this program.

    ``backend`` is the name of the backend that it comes from, with which the text begins; "" where it is the
    default one's or none's.

    Two errors are equal when they are of one kind and say the same, so that a definition which is still
    wrong in the same way compares as unchanged.
    """

    backend = ""

    def __str__(self) -> str:
        said = super().__str__()
        return f"backend {self.backend}: {said}" if self.backend else said

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

    def of_backend(self, name: str) -> Self:
        """Name the backend that it comes from, unless that is the default one; return the same error."""
        if name != DEFAULT_BACKEND:
            self.backend = name
        return self

    def bare(self) -> Self:
        """Let go of traceback, cause and context, and return the same error.

        Their frames hold the data that was being handled when it was raised, values included. So this is
        called where an error is no longer on its way up but becomes a value that is kept.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class TemporaryError(SecretsManagerError):
    """The same attempt may succeed later without any change by a person."""


class PermanentError(SecretsManagerError):
    """Retrying is pointless until a person changes the definition, the source, a right or the target."""


# ── faults of the backend ────────────────────────────────────────────────────────────────────────────


class Reach(Enum):
    """The parts of the backend that a fault is evidence about.

    PATH: the path that was read, and wider parts only together with other faults. ALL: the needs of every
    path, a connection or a login. NOTHING: the backend was not asked.
    """

    PATH = "path"
    ALL = "all"
    NOTHING = "nothing"


class BackendFault(TemporaryError):
    """The backend cannot serve: as a whole, or the part of it that a path is in.

    ``retry_after`` is the pause in seconds that the backend asked for, or None; ``reach`` is what the fault
    is evidence about, by default what the class says.
    """

    usual_reach: ClassVar[Reach] = Reach.PATH

    def __init__(self, message: str, *, retry_after: float | None = None, reach: Reach | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reach = reach or self.usual_reach


class BackendUnavailable(BackendFault):
    """No usable answer: connection refused or reset, DNS, 5xx, or a reply that is not the backend's."""


class BackendThrottled(BackendFault):
    """The backend asked us to slow down (429)."""


class BackendSealed(BackendFault):
    """Vault is sealed (503) or not initialised (501)."""

    usual_reach = Reach.ALL


class BackendTimeout(BackendFault):
    """The call did not end within ``config.backend-timeout``, counted over the whole call."""


class BackendTLS(BackendFault):
    """The backend's certificate was not accepted, or TLS could not be agreed."""

    usual_reach = Reach.ALL


class SessionExpired(BackendFault):
    """The token died while in use; a new login is under way."""

    usual_reach = Reach.ALL


class AuthFailed(BackendFault):
    """The backend refused our credentials."""

    usual_reach = Reach.ALL


class ForbiddenByNetwork(BackendFault):
    """The backend's network rules do not let this machine in."""

    usual_reach = Reach.ALL


class SourceOutdated(TemporaryError):
    """The backend gave an older version of a path than before: a standby that lags, or a restored backup."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the backend returned an older version of path {path!r} than before")


class NoAnswerYet(TemporaryError):
    """A path takes many times as long as usual: it is left for now and read again with the full timeout.

    ``turned_away`` says that it was not read, since too many other slow paths are being read.
    """

    def __init__(self, message: str, *, turned_away: bool = False) -> None:
        super().__init__(message)
        self.turned_away = turned_away


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
    """The namespace is being deleted; nothing can be created in it, and it is not reported."""


class NotLeading(ClusterFault):
    """This replica may not write, because it does not lead or cannot lead long enough for the write."""


class Superseded(ClusterFault):
    """The definition was deleted or created again during its reconcile: nothing is written for it."""


class InternalError(TemporaryError):
    """A fault of this program. The message says where, and nothing about the data at hand."""


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


class InvalidVersion(DefinitionError):
    """A version that the backend cannot have; no call is made for it."""

    def __init__(self, path: str, version: str, why: str) -> None:
        super().__init__(f"version {version!r} of path {path!r}: {why}")


class PathNotAllowed(DefinitionError):
    """The daemon's path policy does not let this namespace read this path.

    ``rule`` is the number of the rule that denies it, if one does. What rules say is about others, too, and
    is not told.
    """

    def __init__(self, namespace: str, path: str, rule: int | None = None) -> None:
        by = "" if rule is None else f": rule {rule} denies it"
        super().__init__(f"the path policy does not allow namespace {namespace!r} to read path {path!r}{by}")


class UnknownBackend(DefinitionError):
    """The definition names a backend that the settings do not know."""

    def __init__(self, name: str) -> None:
        self.name = name[:63]
        super().__init__(f"the settings of the daemon have no backend named {self.name!r}")


class InvalidKey(DefinitionError):
    """A data key that Kubernetes does not accept in a Secret, or that two keys of a whole path would be."""


class TypeNotAllowed(DefinitionError):
    """A Secret type by which other programs trust a Secret as a credential or state of their own."""

    def __init__(self, secret_type: str, why: str = "they grant the identity of another account") -> None:
        super().__init__(f"Secrets of type {secret_type!r} are never written: {why}")


class InvalidTemplate(DefinitionError):
    """A text of spec.template is not in the language, or uses a name that nobody provides.

    ``key`` is "" where all of them are meant; ``kind`` is a phrase that holds no value, or a whole sentence
    where there is no key; ``line`` counts from 1.
    """

    def __init__(self, key: str, kind: str, line: int = 0) -> None:
        super().__init__(f"{_template(key, (line,) if line else ())}{kind}" if key else kind)


class SourceError(PermanentError):
    """The backend answered, and its content cannot be used."""


class SourceNotFound(SourceError):
    """Nothing was ever stored at this path, or the daemon may not see it; ``hint`` names a likely cause.

    Or there is no such version of it, if the definition names one. ``doubtful`` says that what should
    hold the path may be missing itself, or did not answer for itself.
    """

    def __init__(self, path: str, hint: str = "", *, version: str = "", doubtful: bool = False) -> None:
        what = f"version {version} of path {path!r}" if version else f"path {path!r}"
        super().__init__(f"{what} does not exist in the backend" + (f"; {hint}" if hint else ""))
        self.hint = hint
        self.doubtful = doubtful


class SourceDeleted(SourceError):
    """The data at this path is soft-deleted; ``version`` is "" where a deletion takes all versions."""

    def __init__(self, path: str, version: str = "") -> None:
        what = f"version {version} of path {path!r}" if version else f"path {path!r}"
        super().__init__(f"{what} is deleted in the backend")


class SourceDestroyed(SourceError):
    """The newest version at this path, or the one that the definition names, was destroyed for good."""

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

    def __init__(self, caution: str, table: str = "azure-kv") -> None:
        super().__init__(f"{caution}, and {table}.strict-expiry is on")


class DynamicSecretUnsupported(SourceError):
    """Reading this path makes a new leased credential each time; polling it would never end."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path {path!r} hands out leased (dynamic) secrets, which cannot be polled")


class SourceTooLarge(SourceError):
    """The data at this path is more than the daemon examines; ``parts`` is what was counted."""

    def __init__(
        self, path: str, most: int, parts: str = "values, names, lists and maps", verb: str = "holds"
    ) -> None:
        super().__init__(f"path {path!r} {verb} more than {most} {parts}")


class NotAMap(SourceError):
    """The whole path is asked for, and the source holds one text that has no keys of its own."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path {path!r} holds a text that is no JSON object, so it has no keys to take")


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
    """The value is not what the definition's ``encoding`` says.

    With ``inside``, the key is a pointer that leads into such a value.
    """

    def __init__(self, path: str, key: str, encoding: str, *, inside: bool = False) -> None:
        verb = "points into a value that is" if inside else "is"
        super().__init__(path, key, f"key {key!r} of path {path!r} {verb} not valid {encoding}")


class CheckFailed(SourceError):
    """The value of a data key is not what the definition's ``checks`` demand."""

    def __init__(self, data_key: str, found: str) -> None:
        super().__init__(
            f"data key {data_key!r} {found}, though spec.checks demands it; the Secret stays as it is"
        )


class NothingSelected(SourceError):
    """A whole path has no key, or none that passes ``include`` and ``exclude``."""

    def __init__(self, path: str, *, filtered: bool) -> None:
        found = "no key that passes include and exclude" if filtered else "no key"
        super().__init__(f"path {path!r} has {found}; set optional to true if that is right")


class TemplateFailed(SourceError):
    """A template cannot be rendered with the values that were read.

    ``kind`` is a phrase that holds no value; ``lines`` count from 1 and are those where it may have been.
    """

    def __init__(self, key: str, kind: str, *lines: int) -> None:
        super().__init__(f"{_template(key, lines)}{kind}; the Secret stays as it is")


class WouldShrink(SourceError):
    """The Secret would lose keys or values that its sources gave before; ``what`` they lost is a sentence."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}, and spec.onShrink is Refuse: the Secret stays as it is; bring them back in the "
            "backend, or set spec.onShrink to Allow if that is right"
        )


class SourceGone(SourceError):
    """The path is gone from the backend for certain, and the Secret was deleted because of that."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"path {path!r} is gone from the backend, and the Secret was deleted, as spec.onSourceGone wishes"
            "; it is made again when the path is there"
        )


class ManySourcesGone(SourceError):
    """The path is gone from the backend, and so are so many others that the Secret stays all the same."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"path {path!r} is gone from the backend, and so are most of those whose Secrets would go too: "
            "the Secret stays, since the backend may have lost them by accident; delete the Secret "
            "yourself if that is right"
        )


class EngineMismatch(SourceError):
    """The reply is not one of the configured engine: KV1 read as KV2, or not a KV path."""

    def __init__(self, path: str, engine: str) -> None:
        super().__init__(f"the reply for path {path!r} is not a {engine} reply")


class PermissionDenied(SourceError):
    """The token is alive and its policies do not let it read this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the backend's policy does not allow the daemon to read path {path!r}")


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


class Contested(TargetError):
    """Another writer undoes each repair of the Secret.

    Where only labels, annotations or owners are fought over, or the data is right, this class's name is the
    reason of a condition that is nevertheless Ready.
    """


class NotRestarted(TargetError):
    """Workloads could not be restarted after a change of the Secret, or could not be if it changed now.

    The Secret itself is right: this class's name is the reason of a condition that is Ready.
    """


def is_absence(error: SecretsManagerError) -> bool:
    """Whether the backend says that the path holds nothing: it was never written, deleted or destroyed.

    A path that does not exist for a reason that can be named, such as a wrong form, is a mistake instead.
    """
    if isinstance(error, SourceNotFound):
        return not error.hint
    return isinstance(error, (SourceDeleted, SourceDestroyed))


def is_sure_absence(error: SecretsManagerError) -> bool:
    """Whether that word is good enough to delete something because of it, if it is said again and again."""
    return is_absence(error) and not (isinstance(error, SourceNotFound) and error.doubtful)


def _template(key: str, lines: tuple[int, ...]) -> str:
    """What a message about a template begins with."""
    place = " or ".join(str(line) for line in lines[:3]) + (" or later" if len(lines) > 3 else "")
    return f"spec.template[{key[:253]}]{f', line {place}' if lines else ''}: "
