"""Secrets that other programs trust are never written, taken over, replaced or deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import InvalidSpec, NotOwned, TypeNotAllowed
from secrets_manager.domain.plan import Operation, plan, plan_deletion
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.domain.trusted import CONTENT_TYPES, IDENTITY_TYPES
from tests.builders import desired, observed, spec

TRUSTED = [
    *sorted(IDENTITY_TYPES),
    "helm.sh/release.v1",
    "helm.sh/release.v2",
    "kubernetes.io/something-new",
    "auth.kubernetes.io/token",
    "certificates.k8s.io/signer",
    "Kubernetes.io/service-account-token",
    "rke.cattle.io/machine-plan",
    "fleet.cattle.io/bundle-deployment/v1alpha1",
    "cluster.x-k8s.io/secret",
    "connection.crossplane.io/v1alpha1",
    "timoni.sh/instance",
]
NAMES = [
    "sh.helm.release.v1.app.v1",
    "sh.helm.release.v2.app.v10",
    "node-1.node-password.k3s",
    "tfstate-default-network",
    "timoni.podinfo",
]


@pytest.mark.parametrize("secret_type", TRUSTED)
def test_a_type_that_other_programs_trust_is_refused(secret_type: str) -> None:
    with pytest.raises(TypeNotAllowed) as caught:
        spec(secret_type=secret_type)

    assert repr(secret_type) in caught.value.message


@pytest.mark.parametrize(
    "secret_type",
    [*sorted(CONTENT_TYPES), "Opaque", "example.com/custom", "custom", "istio.io/ca-root", "helm.sh", "a/b"],
)
def test_a_type_that_only_says_what_is_inside_is_written(secret_type: str) -> None:
    assert spec(secret_type=secret_type).secret_type == secret_type


@pytest.mark.parametrize("name", NAMES)
def test_a_name_by_which_a_program_knows_its_own_is_refused(name: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        spec(secret_name=name)

    assert name in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "sh-helm-release",
        "sh.helm.releases",
        "my.sh.helm.release.v1.app.v1",
        "node-password.k3s",
        "tfstate",
        "timoni",
    ],
)
def test_a_secret_whose_name_merely_resembles_a_reserved_name_is_written(name: str) -> None:
    assert spec(secret_name=name).secret_name == name


def _found() -> list[ObservedSecret]:
    """Secrets that carry every mark of ours."""
    named = [replace(observed(), ref=Ref("team", name)) for name in NAMES]
    return [*(observed(type=kind) for kind in TRUSTED), *named]


@pytest.mark.parametrize("found", _found(), ids=lambda found: f"{found.type} {found.ref.name}")
@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize("kind", ["Opaque", "kubernetes.io/tls"])
def test_a_trusted_secret_with_our_marks_is_neither_replaced_nor_recreated(
    found: ObservedSecret, kind: str, *, adopt: bool
) -> None:
    wish = replace(desired(adopt=adopt, recreate=True, type=kind), ref=found.ref)
    decision = plan(wish, found)

    assert decision.operation is Operation.REFUSED
    assert isinstance(decision.refusal, NotOwned)
    assert not decision.recreate
    assert found.ref.name in decision.refusal.message


@pytest.mark.parametrize("found", _found(), ids=lambda found: f"{found.type} {found.ref.name}")
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("only_by_owner", [True, False])
def test_a_trusted_secret_with_our_marks_is_not_deleted(
    found: ObservedSecret, *, wanted: bool, only_by_owner: bool
) -> None:
    decision = plan_deletion("uid-1", found, wanted=wanted, only_by_owner=only_by_owner)

    assert decision.operation is Operation.UNCHANGED
