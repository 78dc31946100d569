"""What a person can do about each reason of a condition, in a sentence. docs/troubleshooting.md has more."""

from __future__ import annotations

_NOTHING = "Nothing: it is tried again by itself."

ADVICE: dict[str, str] = {
    "Synced": "",
    "Suspended": "`secrets-manager resume` lets the daemon keep the Secret in step again.",
    # It passes by itself, or when the backend or the cluster is well again.
    "BackendUnavailable": "Check that the pod of the daemon reaches the backend.",
    "BackendThrottled": "Raise the limit of the backend, or the period between polls.",
    "BackendSealed": "Unseal Vault; it is tried again by itself.",
    "BackendTimeout": "Find out why the backend or the way to it is slow; it is tried again by itself.",
    "BackendTLS": "Let the daemon trust the certificate, or renew it: see the settings for ca-cert.",
    "SessionExpired": "Nothing, unless it stays: a login is under way.",
    "AuthFailed": "Renew the credentials of the daemon, or the role that it logs in with.",
    "ForbiddenByNetwork": "Allow the address of the daemon in the firewall of the backend.",
    "SourceOutdated": "Nothing, unless it stays: a standby lags, or a backup was restored.",
    "NoAnswerYet": _NOTHING,
    "ClusterUnavailable": "Check the health of the API server; it is tried again by itself.",
    "ClusterUnauthorized": "Renew the token of the daemon's ServiceAccount, or restart its pod.",
    "Conflict": "Find out who else writes this Secret; it is tried again by itself.",
    "NamespaceTerminating": "Nothing: the namespace is being deleted.",
    "NotLeading": "Nothing: another replica leads.",
    "Superseded": "Nothing: the definition was made again meanwhile.",
    "InternalError": "Report it, with the message.",
    # The definition has to change.
    "InvalidSpec": "Correct the field that the message names.",
    "InvalidPath": "Write the path in full, without `..` and empty parts.",
    "InvalidVersion": "Write a version that the backend shows, in quotes, or leave it out.",
    "PathNotAllowed": "Ask the operator of the daemon for a rule; `policy test` says which one decides.",
    "InvalidKey": "Use letters, digits, `-`, `_` and `.`, or exclude or rename the key.",
    "InvalidTemplate": "Correct what the message names in spec.template.",
    "TypeNotAllowed": "Choose the type Opaque, or one that only says what is inside.",
    "UnknownBackend": "Correct the name, or ask the operator of the daemon to add that backend.",
    # What the backend holds has to change.
    "SourceNotFound": "Write the value; for KV version 2 the path needs `data/` after the mount.",
    "SourceDeleted": "Undelete it in the backend, or write a new version.",
    "SourceDestroyed": "Write a new version in the backend, or name another one.",
    "SourceDisabled": "Switch the secret on in the backend.",
    "SourceExpired": "Renew it in the backend, or correct its dates.",
    "KeyNotFound": "Check the key, upper and lower case included; one that may be missing can be optional.",
    "NotAString": "Store it as a text, or set `encoding: json`.",
    "DecodeError": "Store what the encoding says, or change the encoding.",
    "CheckFailed": "Store a right value, or change spec.checks.",
    "NothingSelected": "Check the patterns of include and exclude, or set `optional: true`.",
    "TemplateFailed": "Store what the message names, or let the template do without it.",
    "SourceGone": "Write the path again, or delete the definition.",
    "ManySourcesGone": "Bring the paths back if a backup was restored; else delete the definitions.",
    "WouldShrink": "Bring the keys back, or set `onShrink: Allow` if they are to go.",
    "EngineMismatch": "Check the mount: a backend speaks one version of KV, and the other needs its own.",
    "SourceTooLarge": "Store less at one path.",
    "NotAMap": "Name a key, or store a JSON object.",
    "PermissionDenied": "Extend the rights of the daemon in the backend to this path.",
    "DynamicSecretUnsupported": "Use a path that holds a value, and does not make one at each read.",
    # The Secret is in the way.
    "NotOwned": "Delete it, choose another spec.name, or set secrets-manager.tuenti.io/adopt to true.",
    "TargetConflict": "Give one of the two definitions another spec.name.",
    "TypeConflict": "Delete the Secret, or set secrets-manager.tuenti.io/recreate to true.",
    "ImmutableTarget": "Delete the Secret, or set secrets-manager.tuenti.io/recreate to true.",
    "TooLarge": "Split it into several Secrets.",
    "InvalidForType": "Give the key that the type demands, or another type.",
    "QuotaExceeded": "Raise the ResourceQuota of the namespace.",
    "AdmissionDenied": "Ask those who run the policy or webhook that the message names.",
    "Forbidden": "Grant the daemon the right that the message names.",
    "RejectedByCluster": "Correct the field that the message names.",
    "NotRestarted": "Grant the right, or name the workload, that the message says is missing.",
    "Contested": "Let only one of the writers that the message names write the Secret.",
}


def advice_on(reason: str) -> str:
    """What to do about a reason, "" for one of another release."""
    return ADVICE.get(reason, "")
