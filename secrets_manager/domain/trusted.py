"""Secrets that other programs trust by their type or name: never written, taken over, replaced or deleted.

The author of a definition could otherwise have credentials minted (a service account's token), gain access (a
bootstrap token), or make a program act on a state that it takes for its own (a release of Helm, the plan of a
Rancher node). The Secret that is wanted and the Secret that is found are both checked before anything is
decided. Pure.
"""

from __future__ import annotations

import re

from secrets_manager.domain.foreign_marks import belongs_to_tool

# Types below a reserved domain that only describe what is inside:
# https://kubernetes.io/docs/concepts/configuration/secret/#secret-types, and those of volume plugins, which
# hold the password of a storage, or manifests to apply elsewhere.
CONTENT_TYPES = frozenset(
    {
        "addons.cluster.x-k8s.io/resource-set",
        "addons.projectsveltos.io/cluster-profile",
        "kubernetes.io/basic-auth",
        "kubernetes.io/cephfs",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/glusterfs",
        "kubernetes.io/iscsi-chap",
        "kubernetes.io/rbd",
        "kubernetes.io/scaleio",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/storageos",
        "kubernetes.io/tls",
    }
)
# They make the control plane mint, or accept, credentials of other identities.
IDENTITY_TYPES = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})

# Cluster API knows kubeconfigs and bootstrap data of machines by types below this domain.
_STATE_DOMAIN = ".x-k8s.io"

# Helm reads its releases by name, whatever type and labels they have; Terraform, OpenTofu and Timoni do so
# with their state, k3s and RKE2 with the passwords of nodes.
RESERVED_NAMES = ("sh.helm.release.*", "tfstate-*", "timoni.*", "*.node-password.k3s", "*.node-password.rke2")
_RESERVED_NAME = re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in RESERVED_NAMES))


def why_refused(secret_type: str) -> str:
    """Why Secrets of that type are never written, as half a sentence; "" when they may be.

    Every type below a domain that Kubernetes reserves, or of a tool that manages objects, is refused, except
    for those that only describe their content.
    """
    if secret_type in IDENTITY_TYPES:
        return "they grant the identity of another account"
    domain, slash, _ = secret_type.lower().partition("/")
    if secret_type in CONTENT_TYPES or not slash:
        return ""
    if belongs_to_tool(domain) or f".{domain}".endswith(_STATE_DOMAIN):
        return "another program uses them as its credentials or state"
    return ""


def is_trusted_type(secret_type: str) -> bool:
    """Whether Secrets of that type are a credential or the state of another program."""
    return bool(why_refused(secret_type))


def is_trusted_name(name: str) -> bool:
    """Whether a program takes a Secret of that name for its own by the name alone."""
    return _RESERVED_NAME.fullmatch(name) is not None
