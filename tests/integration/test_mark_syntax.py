"""The program and the API server agree on which labels and annotations a Secret can carry."""

from __future__ import annotations

from functools import partial
from typing import Any

from secrets_manager.domain.wished_marks import WishedMarks
from tests.builders import attempt
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, secrets

LONGEST = "x" * 63
NAMES = (
    *("a", "A.b_c-9", LONGEST, f"{LONGEST}x", "", "/", "/x", "a/", "a/b", "a/b/c", "-a", "a-", ".a", "a."),
    *("_a", "a b", "ä", "a\n", "\u212aelvin", "Example.com/a", "example.com/A", "d_d/x", "-d/x", "d-/x"),
    *("d..e/x", "d./x", ".d/x", f"{'d' * 253}/x", f"{'d' * 254}/x", f"{'d' * 64}.e/x", "kubernetes.io/x"),
)
VALUES = ("", "a", "A.b_c-9", LONGEST, f"{LONGEST}x", "-a", "a-", ".a", "a b", "ä", "a/b", "a\n", "1")


def test_names_of_labels_and_annotations(cluster: TestCluster, namespace: str) -> None:
    for kind in ("labels", "annotations"):
        _agree(cluster, namespace, [{kind: {name: "x"}} for name in NAMES])


def test_values_of_labels(cluster: TestCluster, namespace: str) -> None:
    _agree(cluster, namespace, [{"labels": {"team": value}} for value in VALUES])


def _agree(cluster: TestCluster, namespace: str, tried: list[dict[str, Any]]) -> None:
    ours = [attempt(partial(WishedMarks, **each)) is None for each in tried]
    theirs = [_takes(cluster, namespace, each) for each in tried]

    assert {True, False} == set(theirs)
    assert [each for each, a, b in zip(tried, ours, theirs, strict=True) if a != b] == []


def _takes(cluster: TestCluster, namespace: str, metadata: dict[str, Any]) -> bool:
    """Whether the API server takes a Secret with these."""
    try:
        cluster.api.post(f"{secrets(namespace)}?dryRun=All", {"metadata": {"name": "tried", **metadata}})
    except ApiError as error:
        if error.status != 422:
            raise
        return False
    return True
