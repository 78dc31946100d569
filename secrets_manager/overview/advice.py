"""What a person can do about each reason, in Markdown. `make docs` writes it into docs/troubleshooting.md.

Links are those of that page; a terminal is shown their words.
"""

from __future__ import annotations

import re

_NOT_REPORTED = "Nothing; it is not reported."
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")

ADVICE: dict[str, str] = {
    "Synced": "",
    "Suspended": "`secrets-manager resume` lets the daemon keep the Secret in step again.",
    # It passes by itself, or when the backend or the cluster is well again.
    "BackendUnavailable": "Check that the daemon's pod reaches the backend; the message says what failed.",
    "BackendThrottled": "Raise the limit that the message names, or `-reconcile-period`.",
    "BackendSealed": "Unseal Vault.",
    "BackendTimeout": "Find out why the backend or the way to it is slow.",
    "BackendTLS": (
        "Set `vault.ca-cert`, `vault.tls-server-name`, or `azure-kv.ca-cert`; or renew the certificate, if "
        "it has expired."
    ),
    "SessionExpired": "Nothing, unless it stays: a login is under way.",
    "AuthFailed": (
        "Renew the secret id or the role, or what the code `AADSTS…` of Entra ID in the message is about. "
        "The login is tried again after 5, 10 and then every 30 s, and at once when the content of a "
        "credential file changes."
    ),
    "ForbiddenByNetwork": (
        "Allow the daemon's address in the firewall of the key vault, or use a private endpoint."
    ),
    "SourceOutdated": (
        "Nothing: the older version is believed once three polls saw it, and if it changes at each of them, "
        "once ten polls saw nothing newer."
    ),
    "NoAnswerYet": _NOT_REPORTED,
    "ClusterUnavailable": (
        "Check the health of the API server, and what stands in between; 429 means that it is busy. A "
        "proxy's 403 means: allow the address, or put it into `NO_PROXY`; its 407 means that it wants "
        "credentials. If other definitions are in step, the trouble is this object's own: a Secret that can "
        "no longer be decrypted answers 500, and must be deleted."
    ),
    "ClusterUnauthorized": (
        "Restart the pod, if the ServiceAccount was made again. With a kubeconfig, renew its token or "
        "certificate, or see [what its plugin says](#the-plugin-of-a-kubeconfig)."
    ),
    "Conflict": "Find out who else writes this Secret.",
    "NamespaceTerminating": _NOT_REPORTED,
    "NotLeading": _NOT_REPORTED,
    "Superseded": _NOT_REPORTED,
    "InternalError": "Report it with the message, which says where.",
    # The definition has to change.
    "InvalidSpec": "Correct the field that the message names.",
    "InvalidPath": "Write the path in full.",
    "InvalidVersion": (
        "Write a version that `status.sources` or the backend shows, in quotes; or leave it out."
    ),
    "PathNotAllowed": (
        "Ask the operator of the daemon, who can ask "
        "[`policy test`](policy.md#ask-what-the-policy-says) which rule decides."
    ),
    "InvalidKey": (
        "Use letters, digits, `-`, `_` and `.`; [exclude or rename](definitions.md#fields) a key of the path."
    ),
    "InvalidTemplate": (
        "Correct what the message names by key, line and kind; see [the language](templates.md)."
    ),
    "TypeNotAllowed": "Choose `Opaque`, or a type that only says what is inside.",
    "UnknownBackend": "Correct the name, or ask the operator of the daemon to add the backend.",
    # What the backend holds has to change.
    "SourceNotFound": "Write the value; for KV version 2 the path needs `data/` after the mount.",
    "SourceDeleted": "Undelete it or write a new version; an older one is never used silently.",
    "SourceDestroyed": "Write a new version; or name another one.",
    "SourceDisabled": "Switch the secret on in the backend.",
    "SourceExpired": "Renew it, or correct its dates.",
    "KeyNotFound": (
        "Check upper and lower case; an empty `key` means `data`. A key that may be absent can be "
        "[`optional` or have a `default`](definitions.md#fields)."
    ),
    "NotAString": "Store it as a string, or set [`encoding: json`](definitions.md#json).",
    "DecodeError": "Pad it, remove blanks, and check what the message names; or change the encoding.",
    "CheckFailed": "Store a right value, or change the check.",
    "NothingSelected": (
        "Check the patterns, upper and lower case included; set `optional: true` if it is right."
    ),
    "TemplateFailed": (
        "Store what is missing, or say with `default` or `if` what the template does without it. The message "
        "has key, line and kind, and never a value."
    ),
    "SourceGone": "Write the path again, or delete the definition.",
    "ManySourcesGone": (
        "Bring the paths back, if the backend was restored from an old backup; if they are to be gone, "
        "delete the Secrets or the definitions."
    ),
    "WouldShrink": (
        "Bring the keys back; or set [`onShrink`](definitions.md#when-sources-lose-something) to `Allow` if "
        "they are to go; or take a key off the Secret that was added by hand."
    ),
    "EngineMismatch": (
        "Check that the mount is one for keys and values. A backend speaks one version, `kv1` or `kv2`: "
        "mounts of the other need [a backend of their own](backends.md) at the same address."
    ),
    "SourceTooLarge": "Store less at one path.",
    "NotAMap": "Name a key, or store a JSON object.",
    "PermissionDenied": (
        "Extend the policy in Vault, or the role or access policy of the key vault, to this path."
    ),
    "DynamicSecretUnsupported": "Use a static path: one that holds a value, and makes none at each read.",
    # The Secret is in the way.
    "NotOwned": 'Delete it, choose another name, or set `secrets-manager.tuenti.io/adopt: "true"`.',
    "TargetConflict": "Give one of the two definitions another `spec.name`.",
    "TypeConflict": 'Delete the Secret, or set `secrets-manager.tuenti.io/recreate: "true"`.',
    "ImmutableTarget": 'Delete the Secret, or set `secrets-manager.tuenti.io/recreate: "true"`.',
    "TooLarge": "Split it into several Secrets.",
    "InvalidForType": "Give the key or content that the message names, or another type.",
    "QuotaExceeded": (
        "Raise the ResourceQuota of the namespace; the definition is reconciled again within 5 minutes."
    ),
    "AdmissionDenied": "Ask those who run the policy or webhook that the message names.",
    "Forbidden": (
        "Grant the daemon [the right](security-rbac.md) that the message names; the definition is reconciled "
        "again within 5 minutes."
    ),
    "RejectedByCluster": "Correct the field that the message names.",
    "NotRestarted": "Grant [the right](restarts.md#rights), or make the workload, that the message names.",
    "Contested": (
        "Let only one of the two write the fields that the message names; it also names who writes them, "
        "from `metadata.managedFields`."
    ),
    # The process ends before it connects.
    "ConfigError": "Mend each fault of the message: [settings](configuration.md#when-something-is-wrong).",
}


def advice_on(reason: str) -> str:
    """What to do about a reason, as a terminal shows it; "" for one of another release."""
    return _LINK.sub(r"\1", ADVICE.get(reason, ""))
