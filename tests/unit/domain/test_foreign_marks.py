"""Marks by which tools find their own stay on the definition; the author's wishes reach the Secret."""

from __future__ import annotations

import pytest

from secrets_manager.domain import foreign_marks, marks


def words(text: str) -> list[str]:
    """The names in a text."""
    return text.split()


# Each tool's documented marks, by their meaning for the tool.
OWNERS_MARKS = words(
    """
    applyset.kubernetes.io/part-of applyset.kubernetes.io/id applyset.kubernetes.io/tooling
    kubectl.kubernetes.io/last-applied-configuration
    config.k8s.io/owning-inventory cli-utils.sigs.k8s.io/inventory-id config.kubernetes.io/origin
    internal.config.kubernetes.io/index config.kubernetes.io/local-config
    addonmanager.kubernetes.io/mode addon.kops.k8s.io/name kubernetes.io/cluster-service
    kubernetes.io/service-account.name kubernetes.io/service-account.uid
    control-plane.alpha.kubernetes.io/leader deployment.kubernetes.io/revision
    secrets-store.csi.k8s.io/managed app.kubernetes.io/managed-by app.kubernetes.io/created-by
    app.kubernetes.io/instance
    argocd.argoproj.io/instance argocd.argoproj.io/tracking-id argocd.argoproj.io/installation-id
    argocd.argoproj.io/hook argocd.argoproj.io/hook-delete-policy argocd.argoproj.io/sync-wave
    argocd.argoproj.io/sync-options argocd.argoproj.io/compare-options argocd.argoproj.io/refresh
    applications.argoproj.io/app-name
    meta.helm.sh/release-name meta.helm.sh/release-namespace helm.sh/chart helm.sh/hook
    helm.sh/resource-policy werf.io/weight
    kustomize.toolkit.fluxcd.io/name kustomize.toolkit.fluxcd.io/prune helm.toolkit.fluxcd.io/name
    reconcile.fluxcd.io/requestedAt fluxcd.io/sync-gc-mark flux.weave.works/antecedent
    infra.contrib.fluxcd.io/name
    kapp.k14s.io/app kapp.k14s.io/association kapp.k14s.io/identity kapp.k14s.io/original
    kapp.k14s.io/original-diff-md5 packaging.carvel.dev/package-ref
    configsync.gke.io/resource-id configmanagement.gke.io/managed configsync.gke.io/manager
    configmanagement.gke.io/cluster-name cnrm.cloud.google.com/management-conflict-prevention-policy
    internal.kpt.dev/upstream-identifier
    objectset.rio.cattle.io/id objectset.rio.cattle.io/hash objectset.rio.cattle.io/applied
    fleet.cattle.io/bundle-id field.cattle.io/projectId apply.acorn.io/hash
    olm.owner olm.owner.kind olm.managed olm.copiedFrom olm.operatorGroup operators.coreos.com/app.ns
    olm.operatorframework.io/owner-name operator-sdk/primary-resource helm.sdk.operatorframework.io/x
    velero.io/backup-name velero.io/restore-name velero.io/schedule-name k10.kasten.io/appNamespace
    crossplane.io/composite crossplane.io/claim-name crossplane.io/external-name kro.run/owned
    pulumi.com/autonamed pulumi.com/patchForce tfstate tfstateSecretSuffix
    timoni.sh/x
    skaffold.dev/run-id dev.okteto.com/deployed-by garden.io/service
    tanka.dev/environment kubecfg.ksonnet.io/garbage-collect-tag qbec.io/environment
    gitops.jenkins-x.io/pipeline
    moniker.spinnaker.io/application harness.io/release-name app.oam.dev/name Octopus.Deployment.Id
    generate.kyverno.io/policy-name generate.kyverno.io/clone-source cleanup.kyverno.io/ttl
    policies.kyverno.io/last-applied-patches janitor/ttl janitor/expires k8s-ttl-controller.twin.sh/ttl
    sealedsecrets.bitnami.com/managed sealedsecrets.bitnami.com/sealed-secrets-key
    reconcile.external-secrets.io/created-by reconcile.external-secrets.io/data-hash
    external-secrets.io/force-sync
    reflector.v1.k8s.emberstack.com/reflects reflector.v1.k8s.emberstack.com/auto-reflects
    reflector.v1.k8s.emberstack.com/reflected-version reflector.v1.k8s.emberstack.com/reflected-at
    replicator.v1.mittwald.de/replicate-from replicator.v1.mittwald.de/replicated-at
    replicator.v1.mittwald.de/replicated-from-version replicator.v1.mittwald.de/replicated-keys
    kubed.appscode.com/origin kubed.appscode.com/origin.name clustersecret.io/created
    apps.open-cluster-management.io/hosting-subscription work.open-cluster-management.io/appliedmanifestwork
    work.karmada.io/name karmada.io/managed propagationpolicy.karmada.io/name kubefed.io/managed
    clusterctl.cluster.x-k8s.io cluster.x-k8s.io/provider resources.gardener.cloud/managed-by
    resources.gardener.cloud/garbage-collectable-reference
    hnc.x-k8s.io/inherited-from capsule.clastix.io/tenant vcluster.loft.sh/managed-by
    vcluster.loft.sh/object-name
    cert-manager.io/issuer-name cert-manager.io/certificate-name controller.cert-manager.io/fao
    cert-manager.io/next-private-key trust.cert-manager.io/bundle
    install.operator.istio.io/owning-resource
    fluxcd.controlplane.io/name fluxcd.controlplane.io/prune resourceset.fluxcd.controlplane.io/name
    kluctl.io/discriminator kluctl.io/tag-0 kluctl.io/deployment-item-dir
    k0s.k0sproject.io/stack k0s.k0sproject.io/stack-checksum
    action.timoni.sh/prune action.timoni.sh/force timoni.sh/bundle
    pipecd.dev/managed-by pipecd.dev/application pipecd.dev/piped pipecd.dev/resource-key
    projectsveltos.io/reference-kind projectsveltos.io/reference-name projectsveltos.io/owner-kind
    projectsveltos.io/hash
    kots.io/app-slug kots.io/exclude aws.cdk.eks/prune-c8666648720a6db5281710188904f5897ba739577b
    spacelift-stack deploy.razee.io.parent deploy.razee.io/Reconcile
    agent.gitlab.com/id-7 agent.gitlab.com/env-production-1-7 workspaces.gitlab.com/id
    stork.libopenstorage.org/migrationName javaoperatorsdk.io/primary-name
    managed-by.kubestellar.io/policy transport.kubestellar.io/originOwnerReferenceBindingKey
    apps.clusternet.io/config.kind clusternet.io/created-by kubernetes-fleet.io/parent-CRP
    secrets-manager.tuenti.io/adopt secrets-manager.tuenti.io/copied managedBy lastUpdatedAt
"""
)

# Of tools that no table names.
UNKNOWN_OWNERS = words(
    """
    deploy.example.com/managed-by deploy.example.com/managedBy eck.k8s.elastic.co/owner-kind
    eck.k8s.elastic.co/owner-namespace stack.example.com/ownerName x.example.com/owner-references
    banzaicloud.com/last-applied rollout.example.com/last-applied-hash fleet.example.com/part-of
    sync.example.com/replicated-from copy.example.com/copied-from-version sync.example.com/synced_by
    operator.example.com/owning-resource-uid gitops.example.com/tracking-id pkg.example.com/installed-by
    gitops.example.com/inventory-id gitops.example.com/ownedBy gitops.example.com/prune
    tidy.example.com/ttl tidy.example.com/ttlSecondsAfterFinished tidy.example.com/delete-after
    gc.example.com/garbage-collectable addons.k8s.io/anything something.kubernetes.io/anything
    backup.example.com/restored-from mesh.example.com/managed
    kubernetes.azure.com/managedby cloud.example.com/createdby sync.example.com/CopiedFrom
"""
)

WISHES = words(
    """
    argocd.argoproj.io/secret-type argocd.argoproj.io/auto-label-cluster-info
    app.kubernetes.io/name app.kubernetes.io/component app.kubernetes.io/part-of app.kubernetes.io/version
    secrets-store.csi.k8s.io/used kubernetes.io/description
    cnpg.io/reload reloader.stakater.com/match reloader.stakater.com/auto secret.reloader.stakater.com/reload
    replicator.v1.mittwald.de/replicate-to replicator.v1.mittwald.de/replication-allowed
    replicator.v1.mittwald.de/replication-allowed-namespaces replicator.v1.mittwald.de/replicate-to-matching
    replicator.v1.mittwald.de/strip-labels
    reflector.v1.k8s.emberstack.com/reflection-allowed
    reflector.v1.k8s.emberstack.com/reflection-allowed-namespaces
    reflector.v1.k8s.emberstack.com/reflection-auto-enabled
    reflector.v1.k8s.emberstack.com/reflection-auto-namespaces
    kubed.appscode.com/sync kubed.appscode.com/sync-contexts
    velero.io/exclude-from-backup reconcile.fluxcd.io/watch cert-manager.io/allow-direct-injection
    propagate.hnc.x-k8s.io/select propagate.hnc.x-k8s.io/none vcluster.loft.sh/force-sync
    clusterctl.cluster.x-k8s.io/move cluster.x-k8s.io/cluster-name
    cluster.open-cluster-management.io/backup
    jenkins.io/credentials-type jenkins.io/credentials-description grafana_datasource grafana_dashboard
    projectsveltos.io/template kots.io/backup stork.libopenstorage.org/skip-resource
    kargo.akuity.io/cred-type strimzi.io/kind secrets.stackable.tech/class example.com/standby
    istio/multiCluster strimzi.io/cluster eck.k8s.elastic.co/credentials
    team app owner release chart heritage tier environment example.com/team example.com/owner
    example.com/cost-center example.com/owner-email example.org/helm.sh managedby managed-by ttl
    helm.shx example.org/helm.sh/chart nothelm.sh/chart
"""
)


@pytest.mark.parametrize("name", OWNERS_MARKS)
def test_a_documented_mark_of_a_tool_is_not_copied(name: str) -> None:
    assert marks.select_copied({name: "x", "team": "b"}) == {"team": "b"}


@pytest.mark.parametrize("name", UNKNOWN_OWNERS)
def test_a_mark_that_says_whose_an_object_is_is_not_copied_whatever_the_tool(name: str) -> None:
    assert marks.select_copied({name: "x", "team": "b"}) == {"team": "b"}


@pytest.mark.parametrize("name", WISHES)
def test_names_that_are_a_wish_about_the_secret_are_copied(name: str) -> None:
    assert marks.select_copied({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("name", "value", "whose"),
    [
        ("owner", "helm", True),
        ("OWNER", "TILLER", True),
        ("owner", "team-a", False),
        ("managed-by", "argocd.argoproj.io", True),
        ("managed-by", "the platform team", False),
        ("heritage", "deckhouse", True),
        ("heritage", "Helm", False),
    ],
)
def test_a_common_word_is_a_tools_mark_with_the_tools_value_only(
    name: str, value: str, *, whose: bool
) -> None:
    assert foreign_marks.is_copied(name, value) is not whose


@pytest.mark.parametrize("tool", foreign_marks.TOOLS, ids=lambda tool: tool.name)
def test_each_listed_wish_is_a_name_below_the_domains_of_its_tool(tool: foreign_marks.Tool) -> None:
    for wish in tool.wishes:
        domain = wish.partition("/")[0]
        assert any(f".{domain}".endswith(f".{own}") for own in tool.domains), wish
        assert foreign_marks.may_be_copied(wish.replace("*", "any")), wish


@pytest.mark.parametrize("tool", foreign_marks.TOOLS, ids=lambda tool: tool.name)
def test_each_tool_says_where_its_marks_are_written_down(tool: foreign_marks.Tool) -> None:
    assert tool.source.startswith("https://")
    assert tool.domains or tool.names or tool.values
