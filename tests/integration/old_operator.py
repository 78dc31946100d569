"""A stand-in of External Secrets: it does with Secrets what that does about ownership, and reads no store.

Its CRD takes anything. It writes the values that it is given, marks its Secrets, owns them unless the object
says otherwise, and at the end of an object deletes the Secret where the object says so.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tests.integration.world import Json
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, KubeApi, secrets
from tests.testbed.waiting import wait_until

__all__ = [
    "FINALIZER",
    "MANAGED",
    "OldOperator",
    "external_secret",
    "external_secrets",
    "install_kind",
    "remove_kind",
]

GROUP = "external-secrets.io"
FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"
MANAGED = "reconcile.external-secrets.io/managed"
DATA_HASH = "reconcile.external-secrets.io/data-hash"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PAUSE = 0.1


def external_secrets(namespace: str, name: str = "") -> str:
    """The path of one of them, or of all."""
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}/externalsecrets"
    return f"{path}/{name}" if name else path


def external_secret(name: str, **target: Any) -> Json:
    """An ExternalSecret; what is given goes to `spec.target`."""
    wanted = {"creationPolicy": "Owner", "deletionPolicy": "Delete", **target}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {"target": wanted},
    }


def install_kind(cluster: TestCluster, kind: str = "ExternalSecret", scope: str = "Namespaced") -> None:
    """Install a kind of the operator, and return when it is served."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    spec = {"group": GROUP, "scope": scope, "names": names, "versions": [version]}
    cluster.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{GROUP}"},
            "spec": spec,
        }
    )
    wait_until(lambda: _served(cluster.api, plural), 30, f"{plural} served")


def remove_kind(cluster: TestCluster, kind: str = "ExternalSecret") -> None:
    """Take the kind away, and all that is left of it."""
    cluster.api.delete(f"{_CRDS}/{kind.lower()}s.{GROUP}")


def _served(api: KubeApi, plural: str) -> bool:
    try:
        api.list(f"/apis/{GROUP}/v1/{plural}")
    except ApiError:
        return False
    return True


class OldOperator:
    """Works in one namespace while it is entered; `values` are those of each of its Secrets."""

    def __init__(self, api: KubeApi, namespace: str, values: Mapping[str, str]) -> None:
        self._api = api
        self._namespace = namespace
        self._values = values
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="old-operator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE):
            try:
                for each in self._api.list(external_secrets(self._namespace)):
                    self._reconcile(each)
            except ApiError:
                # A conflict, or an object that has gone: the next round sees it as it is.
                continue

    def _reconcile(self, each: Json) -> None:
        metadata, target = each["metadata"], each["spec"]["target"]
        path = secrets(self._namespace, metadata["name"])
        finalizers = metadata.get("finalizers", [])
        if metadata.get("deletionTimestamp"):
            self._end(each, path)
        elif FINALIZER not in finalizers:
            self._write(each, finalizers=[*finalizers, FINALIZER])
        else:
            self._sync(each, path, owns=target["creationPolicy"] == "Owner")

    def _end(self, each: Json, path: str) -> None:
        finalizers = each["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            if each["spec"]["target"]["deletionPolicy"] == "Delete" and self._api.find(path):
                self._api.delete(path)
            self._write(each, finalizers=[name for name in finalizers if name != FINALIZER])

    def _write(self, each: Json, **metadata: Any) -> None:
        path = external_secrets(self._namespace, each["metadata"]["name"])
        self._api.put(path, {**each, "metadata": {**each["metadata"], **metadata}})

    def _sync(self, each: Json, path: str, *, owns: bool) -> None:
        there = self._api.find(path)
        wanted = self._wanted(each, there, owns=owns)
        if there is None:
            self._api.post(secrets(self._namespace), wanted)
        elif wanted != there:
            self._api.put(path, wanted)

    def _wanted(self, each: Json, there: Json | None, *, owns: bool) -> Json:
        """The Secret with data and marks of this operator, and whatever else is on it."""
        name = each["metadata"]["name"]
        values = self._values
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        kept = there or {"type": "Opaque", "metadata": {"name": name}}
        metadata = kept["metadata"]
        owner = {
            "apiVersion": each["apiVersion"],
            "kind": each["kind"],
            "name": name,
            "uid": each["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        owners = metadata.get("ownerReferences", [])
        if owns and owner not in owners:
            owners = [*owners, owner]
        digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()
        made = {
            **metadata,
            "labels": {**metadata.get("labels", {}), MANAGED: "true"},
            "annotations": {**metadata.get("annotations", {}), DATA_HASH: digest},
            **({"ownerReferences": owners} if owners else {}),
        }
        return {**kept, "data": data, "metadata": made}
