"""The content of OpenBao in a test: engines, values, policies, logins, tokens; each in one call.

Knows only how to make requests, not how the server runs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.testbed.cluster import TestCluster

__all__ = ["AppRole", "OpenBaoSetup"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRole:
    """The credentials of a login by AppRole."""

    name: str
    role_id: str
    secret_id: str = field(repr=False)


class OpenBaoSetup:
    """The calls that set the scene, as root; a server mixes this in and provides `request`."""

    @abstractmethod
    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        token: str | None = None,
        namespace: str | None = None,
    ) -> Json:
        """Call the API path (without /v1/)."""

    # -- engines and values

    def engines(self) -> set[str]:
        """The mounted engines, each with its trailing slash."""
        return set(self.request("GET", "sys/mounts")["data"])

    def enable_engine(self, mount: str, kind: str, options: Mapping[str, str] | None = None) -> None:
        """Mount an engine (`kind` "kv" with the option version "1" or "2", for example)."""
        self.request("POST", f"sys/mounts/{mount}", {"type": kind, "options": dict(options or {})})

    def write_kv2(self, path: str, data: Json, *, mount: str = "secret", namespace: str | None = None) -> int:
        """Write a new version (any JSON values) and return its number."""
        answer = self.request("POST", f"{mount}/data/{path}", {"data": data}, namespace=namespace)
        version: int = answer["data"]["version"]
        return version

    def delete_kv2(self, path: str, *, mount: str = "secret") -> None:
        """Soft-delete the newest version."""
        self.request("DELETE", f"{mount}/data/{path}")

    def destroy_kv2(self, path: str, versions: Sequence[int], *, mount: str = "secret") -> None:
        """Destroy these versions for good; the path goes on to exist."""
        self.request("PUT", f"{mount}/destroy/{path}", {"versions": list(versions)})

    def purge_kv2(self, path: str, *, mount: str = "secret") -> None:
        """Remove the path with all its versions."""
        self.request("DELETE", f"{mount}/metadata/{path}")

    def write_kv1(self, path: str, data: Json, *, mount: str = "kv1") -> None:
        """Replace the value of a KV1 path."""
        self.request("POST", f"{mount}/{path}", data)

    def delete_kv1(self, path: str, *, mount: str = "kv1") -> None:
        """Remove a KV1 path."""
        self.request("DELETE", f"{mount}/{path}")

    def create_namespace(self, name: str) -> None:
        """Make a namespace below the root one."""
        self.request("PUT", f"sys/namespaces/{name}")

    # -- policies and logins

    def policy(self, name: str, hcl: str) -> str:
        """Write a policy and return its name."""
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": hcl})
        return name

    def read_policy(self, name: str, *paths: str) -> str:
        """Write a policy that may read these API paths (globs allowed) and return its name."""
        return self.policy(name, "".join(f'path "{path}" {{ capabilities = ["read"] }}\n' for path in paths))

    def has_auth(self, kind: str) -> bool:
        """Whether the server has this auth method; OpenBao has fewer than Vault."""
        return kind in self.request("GET", "sys/plugins/catalog")["data"]["auth"]

    def enable_auth(self, path: str, kind: str) -> None:
        """Mount an auth method."""
        self.request("POST", f"sys/auth/{path}", {"type": kind})

    def approle(self, name: str, policies: Sequence[str], **options: object) -> AppRole:
        """An AppRole with these policies and a first secret_id; options are the role's (`token_ttl`)."""
        role = f"auth/approle/role/{name}"
        self.request("POST", role, {"token_policies": list(policies), **options})
        role_id: str = self.request("GET", f"{role}/role-id")["data"]["role_id"]
        return AppRole(name=name, role_id=role_id, secret_id=self.secret_id(name))

    def secret_id(self, name: str, *, num_uses: int = 0, ttl: str = "0s") -> str:
        """A further secret_id of an AppRole; `num_uses` 0 and `ttl` 0s mean without a bound."""
        body = {"num_uses": num_uses, "ttl": ttl}
        made: str = self.request("POST", f"auth/approle/role/{name}/secret-id", body)["data"]["secret_id"]
        return made

    def configure_kubernetes_auth(self, cluster: TestCluster, *, path: str = "kubernetes") -> None:
        """Let OpenBao check service-account tokens with this cluster's TokenReview."""
        namespace = cluster.create_namespace()
        review = {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
        reviewer = cluster.service_account(namespace, "openbao", cluster_rules=[review])
        config = {
            "kubernetes_host": cluster.url,
            "kubernetes_ca_cert": cluster.ca_file.read_text(),
            "token_reviewer_jwt": reviewer.token,
            "disable_local_ca_jwt": True,
        }
        self.request("POST", f"auth/{path}/config", config)

    def kubernetes_role(
        self,
        name: str,
        *,
        service_account: str,
        namespace: str,
        policies: Sequence[str],
        **options: object,
    ) -> None:
        """A role that this service account may take with its token; options are those of the role."""
        bound = {
            "bound_service_account_names": [service_account],
            "bound_service_account_namespaces": [namespace],
        }
        self.request(
            "POST", f"auth/kubernetes/role/{name}", {**bound, "token_policies": list(policies), **options}
        )

    # -- tokens

    def create_token(self, policies: Sequence[str], **options: object) -> str:
        """A token with these policies; options are the API's own (`ttl`, `period`, `renewable`)."""
        made: str = self.request("POST", "auth/token/create", {"policies": list(policies), **options})[
            "auth"
        ]["client_token"]
        return made

    def lookup(self, token: str) -> Json:
        """The properties of a token; BaoError 403 when it is dead."""
        found: Json = self.request("POST", "auth/token/lookup", {"token": token})["data"]
        return found

    def revoke(self, token: str) -> None:
        """Kill a token."""
        self.request("POST", "auth/token/revoke", {"token": token})

    def revoke_logins(self, path: str = "approle") -> None:
        """Kill every token that was given out by a login at this auth path."""
        self.request("PUT", f"sys/leases/revoke-prefix/auth/{path}")
