"""Marks of others on a definition: which of its labels and annotations must not reach its Secret.

Tools that apply, package, copy, back up or tidy up objects find their own by labels and annotations. A copy
of such a mark makes the tool believe that the Secret is its own, and prune, overwrite or delete it. Other
names of the same tools are a wish of the author about the Secret itself, and must reach it.

The first rule that applies to a name decides:

1. a name that ``TOOLS`` lists as a wish is copied;
2. one that ``TOOLS`` lists, or whose domain it lists or lies below such a domain, is not;
3. one under ``kubernetes.io`` or ``k8s.io`` is not: Kubernetes reserves them for itself;
4. one without a domain is copied: by the convention of Kubernetes it is private to its author;
5. one whose last part says whose the object is, where it was copied from or when it is to be deleted is not;
6. every other name is copied.

Pure. docs/definitions.md shows the same tables, and a test holds them together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KUBERNETES_DOMAINS = ("kubernetes.io", "k8s.io")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that finds objects by marks.

    Attributes:
        name: what people call it.
        source: where it documents or defines its marks.
        domains: all names below these are its own, and those of their subdomains.
        names: further names; one that ends in ``*`` stands for all that begin so.
        values: names that are its own with this value only, in lower case.
        wishes: names below ``domains`` that are the author's wish about the Secret.

    """

    name: str
    source: str
    domains: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    wishes: tuple[str, ...] = ()


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="secrets-manager and its older releases",
        source="https://github.com/tuenti/secrets-manager",
        domains=("secrets-manager.tuenti.io",),
        names=("managedBy", "lastUpdatedAt"),
    ),
    Tool(
        name="Kubernetes: kubectl and its apply sets, kustomize, add-on manager, volumes, identities",
        source="https://kubernetes.io/docs/reference/labels-annotations-taints/",
        domains=KUBERNETES_DOMAINS,
        wishes=(
            "app.kubernetes.io/component",
            "app.kubernetes.io/name",
            "app.kubernetes.io/part-of",
            "app.kubernetes.io/version",
            "kubernetes.io/description",
            "secrets-store.csi.k8s.io/used",
        ),
    ),
    Tool(
        name="Argo CD",
        source="https://argo-cd.readthedocs.io/en/stable/user-guide/annotations-and-labels/",
        domains=("argocd.argoproj.io", "applications.argoproj.io"),
        values=(("managed-by", "argocd.argoproj.io"),),
        wishes=("argocd.argoproj.io/auto-label-cluster-info", "argocd.argoproj.io/secret-type"),
    ),
    Tool(
        name="Helm and werf",
        source="https://helm.sh/docs/chart_best_practices/labels/",
        domains=("helm.sh", "werf.io"),
        values=(("owner", "helm"), ("owner", "tiller")),
    ),
    Tool(
        name="Flux, Flux Operator and release 1 included",
        source="https://fluxcd.io/flux/components/kustomize/kustomizations/",
        domains=("fluxcd.io", "fluxcd.controlplane.io", "flux.weave.works"),
        wishes=("reconcile.fluxcd.io/watch",),
    ),
    Tool(
        name="kapp and other tools of Carvel",
        source="https://carvel.dev/kapp/docs/latest/apply/",
        domains=("k14s.io", "carvel.dev"),
    ),
    Tool(
        name="Config Sync, Config Connector and kpt",
        source="https://cloud.google.com/kubernetes-engine/enterprise/config-sync/docs/reference/labels-annotations",
        domains=("configsync.gke.io", "configmanagement.gke.io", "cnrm.cloud.google.com", "kpt.dev"),
    ),
    Tool(
        name="Rancher and Fleet",
        source="https://github.com/rancher/wrangler/blob/master/pkg/apply/desiredset.go",
        domains=("cattle.io",),
    ),
    Tool(
        name="Acorn",
        source="https://github.com/acorn-io/baaah/blob/main/pkg/apply/apply.go",
        domains=("acorn.io",),
    ),
    Tool(
        name="Operator Lifecycle Manager, Operator SDK and Java Operator SDK",
        source="https://olm.operatorframework.io/docs/concepts/crds/",
        domains=("operators.coreos.com", "operatorframework.io", "operator-sdk", "javaoperatorsdk.io"),
        names=("olm.*",),
    ),
    Tool(
        name="Velero, Kasten K10 and Stork",
        source="https://velero.io/docs/main/api-types/backup/",
        domains=("velero.io", "kasten.io", "stork.libopenstorage.org"),
        wishes=("stork.libopenstorage.org/skip-resource", "velero.io/exclude-from-backup"),
    ),
    Tool(
        name="Crossplane, Upbound and kro",
        source="https://docs.crossplane.io/latest/managed-resources/managed-resources/",
        domains=("crossplane.io", "upbound.io", "kro.run"),
    ),
    Tool(
        name="Pulumi",
        source="https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/",
        domains=("pulumi.com",),
    ),
    Tool(
        name="Terraform, the backend kubernetes",
        source="https://developer.hashicorp.com/terraform/language/backend/kubernetes",
        names=("tfstate", "tfstateSecretSuffix", "tfstateWorkspace"),
    ),
    Tool(
        name="Skaffold, Okteto, Garden and DevSpace",
        source="https://skaffold.dev/docs/cleanup/",
        domains=("skaffold.dev", "okteto.com", "garden.io", "devspace.sh"),
    ),
    Tool(
        name="Tanka, kubecfg, qbec, Krane and Jenkins X",
        source="https://tanka.dev/garbage-collection/",
        domains=("tanka.dev", "ksonnet.io", "qbec.io", "krane.shopify.io", "gitops.jenkins-x.io"),
    ),
    Tool(
        name="Spinnaker, Harness, Octopus Deploy and KubeVela",
        source="https://spinnaker.io/docs/reference/providers/kubernetes-v2/",
        domains=("spinnaker.io", "harness.io", "oam.dev"),
        names=("Octopus.*",),
    ),
    Tool(
        name="Kluctl",
        source="https://kluctl.io/docs/kluctl/kluctl-project/",
        domains=("kluctl.io",),
    ),
    Tool(
        name="k0s",
        source="https://docs.k0sproject.io/stable/manifests/",
        domains=("k0s.k0sproject.io",),
    ),
    Tool(
        name="Timoni",
        source="https://timoni.sh/resource-management/",
        domains=("timoni.sh",),
    ),
    Tool(
        name="PipeCD",
        source="https://pipecd.dev/docs/user-guide/managing-application/",
        domains=("pipecd.dev",),
    ),
    Tool(
        name="Sveltos",
        source="https://projectsveltos.io/main/deployment_order/tiers/",
        domains=("projectsveltos.io",),
        wishes=("projectsveltos.io/template",),
    ),
    Tool(
        name="KOTS",
        source="https://docs.replicated.com/vendor/snapshots-overview",
        domains=("kots.io",),
        wishes=("kots.io/backup",),
    ),
    Tool(
        name="AWS CDK",
        source="https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_eks-readme.html",
        domains=("aws.cdk.eks",),
    ),
    Tool(
        name="Spacelift",
        source="https://docs.spacelift.io/vendors/kubernetes/",
        names=("spacelift-stack",),
    ),
    Tool(
        name="Razee",
        source="https://github.com/razee-io/kubernetes-util",
        domains=("razee.io",),
        names=("deploy.razee.io.*",),
    ),
    Tool(
        name="GitLab's agent for Kubernetes",
        source="https://docs.gitlab.com/user/clusters/agent/managed_kubernetes_resources/",
        domains=("agent.gitlab.com", "workspaces.gitlab.com"),
    ),
    Tool(
        name="Deckhouse",
        source="https://deckhouse.io/products/kubernetes-platform/documentation/v1/",
        values=(("heritage", "deckhouse"),),
    ),
    Tool(
        name="Kyverno",
        source="https://kyverno.io/docs/policy-types/cluster-policy/generate/",
        domains=("kyverno.io",),
    ),
    Tool(
        name="kube-janitor and TTL controllers",
        source="https://codeberg.org/hjacobs/kube-janitor",
        domains=("janitor", "k8s-ttl-controller.twin.sh"),
    ),
    Tool(
        name="Sealed Secrets",
        source="https://github.com/bitnami-labs/sealed-secrets",
        domains=("sealedsecrets.bitnami.com",),
    ),
    Tool(
        name="External Secrets Operator",
        source="https://external-secrets.io/latest/api/externalsecret/",
        domains=("external-secrets.io",),
    ),
    Tool(
        name="Vault Secrets Operator",
        source="https://developer.hashicorp.com/vault/docs/platform/k8s/vso",
        domains=("secrets.hashicorp.com",),
    ),
    Tool(
        name="Reflector",
        source="https://github.com/emberstack/kubernetes-reflector",
        domains=("reflector.v1.k8s.emberstack.com",),
        wishes=("reflector.v1.k8s.emberstack.com/reflection-*",),
    ),
    Tool(
        name="kubernetes-replicator",
        source="https://github.com/mittwald/kubernetes-replicator",
        domains=("replicator.v1.mittwald.de",),
        wishes=(
            "replicator.v1.mittwald.de/keep-owner-references",
            "replicator.v1.mittwald.de/replicate-to",
            "replicator.v1.mittwald.de/replicate-to-matching",
            "replicator.v1.mittwald.de/replication-allowed",
            "replicator.v1.mittwald.de/replication-allowed-namespaces",
            "replicator.v1.mittwald.de/strip-*",
        ),
    ),
    Tool(
        name="Config Syncer (kubed) and ClusterSecret",
        source="https://config-syncer.com/docs/latest/guides/config-syncer/intra-cluster/",
        domains=("kubed.appscode.com", "clustersecret.io", "clustersecret.com"),
        wishes=("kubed.appscode.com/sync", "kubed.appscode.com/sync-contexts"),
    ),
    Tool(
        name="Open Cluster Management",
        source="https://open-cluster-management.io/docs/concepts/work-distribution/manifestwork/",
        domains=(
            "apps.open-cluster-management.io",
            "policy.open-cluster-management.io",
            "work.open-cluster-management.io",
        ),
    ),
    Tool(
        name="Karmada, KubeFed and KubeAdmiral",
        source="https://karmada.io/docs/userguide/scheduling/resource-propagating/",
        domains=("karmada.io", "kubefed.io", "kubeadmiral.io"),
    ),
    Tool(
        name="Clusternet, KubeStellar and KubeFleet",
        source="https://clusternet.io/docs/tutorials/multi-cluster-apps/",
        domains=("clusternet.io", "kubestellar.io", "kubernetes-fleet.io"),
    ),
    Tool(
        name="Cluster API and Gardener",
        source="https://cluster-api.sigs.k8s.io/reference/api/labels-and-annotations",
        domains=("clusterctl.cluster.x-k8s.io", "gardener.cloud"),
        names=("cluster.x-k8s.io/provider",),
        wishes=("clusterctl.cluster.x-k8s.io/move", "clusterctl.cluster.x-k8s.io/move-hierarchy"),
    ),
    Tool(
        name="Hierarchical namespaces, Capsule and vcluster",
        source="https://github.com/kubernetes-sigs/hierarchical-namespaces",
        domains=("hnc.x-k8s.io", "capsule.clastix.io", "projectcapsule.dev", "loft.sh"),
        wishes=("propagate.hnc.x-k8s.io/*", "vcluster.loft.sh/force-sync"),
    ),
    Tool(
        name="cert-manager and trust-manager",
        source="https://cert-manager.io/docs/reference/annotations/",
        domains=("cert-manager.io",),
        wishes=("cert-manager.io/allow-direct-injection",),
    ),
    Tool(
        name="Istio's installer",
        source="https://istio.io/latest/docs/reference/commands/istioctl/",
        domains=("operator.istio.io",),
    ),
)

_OWNING_VERBS = (
    "applied|cloned|controlled|copied|created|deployed|generated|inherited|installed|managed|mirrored|owned|"
    "propagated|provisioned|reconciled|reflected|replicated|restored|synced"
)
# Of the last part of a name, as words in lower case with dashes between them.
_SAYS_WHOSE = re.compile(
    rf"""
      (?:.+-)? (?:{_OWNING_VERBS}) -? (?:by|from) (?:-.+)?      # managed-by, managedby, copied-from-version
    | managed
    | (?:.+-)? owning (?:-.+)?                                 # owning-inventory, owning-resource
    | owner-? (?:name|namespace|kind|uid|id|ref|refs|reference|references|gvk|group|version|resource
               |key|api-version|type) (?:-.+)?                  # owner alone names a team as often
    | part-of
    | inventory- (?:id|name|namespace)
    | tracking- (?:id|label)
    | last-applied (?:-.+)?
    | garbage-collect.* | gc-.+ | prune
    | ttl (?:-.+)? | delete- (?:after|at|policy)
    """,
    re.VERBOSE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_DOMAINS = frozenset(domain for tool in TOOLS for domain in tool.domains)
_NAMES = tuple(name for tool in TOOLS for name in tool.names)
_WISHES = tuple(name for tool in TOOLS for name in tool.wishes)
_VALUES = frozenset(pair for tool in TOOLS for pair in tool.values)


def may_be_copied(name: str) -> bool:
    """Whether a label or annotation of that name goes from a definition to its Secret, by its name alone."""
    if _is_listed(name, _WISHES):
        return True
    domain, slash, last = name.rpartition("/")
    if _is_listed(name, _NAMES) or belongs_to_tool((domain if slash else name).lower()):
        return False
    return not slash or not says_whose(last)


def is_copied(name: str, value: str) -> bool:
    """Whether this label or annotation of a definition goes to its Secret."""
    return may_be_copied(name) and (name.lower(), value.lower()) not in _VALUES


def belongs_to_tool(domain: str) -> bool:
    """Whether a domain, in lower case, is that of a tool in the table, or lies below it."""
    parts = domain.split(".")
    return any(".".join(parts[start:]) in _DOMAINS for start in range(len(parts)))


def says_whose(last: str) -> bool:
    """Whether the part of a name behind its slash says who owns an object, or when it has to go."""
    words = re.sub(r"[._]", "-", _CAMEL.sub("-", last)).lower()
    return _SAYS_WHOSE.fullmatch(words) is not None


def _is_listed(name: str, listed: tuple[str, ...]) -> bool:
    return any(
        name.startswith(entry.removesuffix("*")) if entry.endswith("*") else name == entry for entry in listed
    )
