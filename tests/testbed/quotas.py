"""A quota that is full from the moment it is made.

The API server learns of quotas from a watch of its own, so that requests right after a change of one meet the
old state.
"""

from __future__ import annotations

from tests.testbed.kube_api import ApiError, KubeApi, namespaces, secrets
from tests.testbed.waiting import wait_until

__all__ = ["lift_quota", "no_more_secrets"]


def no_more_secrets(api: KubeApi, namespace: str, quota: str, timeout: float = 30.0) -> None:
    """Make a quota in the namespace that refuses every new Secret; it does so on return."""
    body = {"metadata": {"name": quota}, "spec": {"hard": {"secrets": "0"}}}
    api.post(f"{namespaces(namespace)}/resourcequotas", body)
    wait_until(lambda: _refuses(api, namespace), timeout, "the quota in effect")


def lift_quota(api: KubeApi, namespace: str, quota: str, timeout: float = 30.0) -> None:
    """Delete the quota; new Secrets are taken on return."""
    api.delete(f"{namespaces(namespace)}/resourcequotas/{quota}")
    wait_until(lambda: not _refuses(api, namespace), timeout, "the quota gone")


def _refuses(api: KubeApi, namespace: str) -> bool:
    try:
        api.post(f"{secrets(namespace)}?dryRun=All", {"metadata": {"name": "probe"}})
    except ApiError as error:
        if "exceeded quota" in error.message:
            return True
        # Not yet counted: the API server refuses everything until it has.
        if "status unknown for quota" in error.message:
            return False
        raise
    return False
