"""For each alert the fault that it is about: what is done to real servers and daemons, and what it says then.

The fault of one alert may be that of another, too, and an alert may have several. Each is made once, and
mended in the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.integration.alert_backends import DAY, own_rights
from tests.integration.alert_fleet import DEFINITIONS, PODS, Fleet
from tests.integration.world import CONFIG_RULES
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

__all__ = ["FAULTS", "Fault"]

Labels = Mapping[str, str]
Act = Callable[[Fleet], object]

_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One trouble.

    Attributes:
        says: what is shown, for the name of the test.
        alerts: the labels that each alert about it has besides its name and severity.
        begin: makes it.
        end: mends it.
        lasting: the alerts among them that a mended fault does not end within a test, with the reason.

    """

    says: str
    alerts: Mapping[str, Callable[[Fleet], Labels]]
    begin: Act
    end: Act
    lasting: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.says


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────


def _of(job: str, **more: str) -> Callable[[Fleet], Labels]:
    return lambda _: {"job": job, "namespace": PODS, **more}


def _backend(name: str) -> Callable[[Fleet], Labels]:
    return _of("backends", backend=name)


def _vault(name: str, **more: str) -> Callable[[Fleet], Labels]:
    return lambda fleet: {**_backend(name)(fleet), "vault_address": fleet.world.openbao.url, **more}


# ── the daemon ───────────────────────────────────────────────────────────────────────────────────────


def _crash_again_and_again(fleet: Fleet) -> None:
    for _ in range(3):
        fleet.restart("restarting")
    fleet.crash("restarting")


def _take_lease_away(fleet: Fleet) -> None:
    """A replica that starts where its right on the Lease was taken away."""
    place, account = fleet.spaces["election"], fleet.accounts["election"]
    fleet.world.cluster.api.delete(f"{_RBAC}/namespaces/{place}/roles/{place}-{account.name}")
    fleet.restart("election")


def _give_lease_back(fleet: Fleet) -> None:
    place, account = fleet.spaces["election"], fleet.accounts["election"]
    rules = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]
    body = {"metadata": {"name": f"{place}-{account.name}"}, "rules": rules}
    fleet.world.cluster.api.post(f"{_RBAC}/namespaces/{place}/roles", body)


def _second_by_hand(fleet: Fleet) -> None:
    """Somebody starts a second one by hand, without an election and without a look at certificates."""
    fleet.start("pair", "b", VAULT_SKIP_VERIFY="true")


def _stop_second(fleet: Fleet) -> None:
    fleet.crash("pair", "b")
    fleet.prometheus.forget(fleet.daemons["pair-b"].port)


def _slow_down(fleet: Fleet) -> None:
    fleet.bao_proxy.on("GET", "/v1/secret/data/.*").delay(1.6)


def _refuse_writes(fleet: Fleet) -> None:
    """The API server refuses to write Secrets, and there is something to write."""
    fleet.api_proxies["apiserver"].on("PUT|PATCH|POST", "/api/v1/.*/secrets.*").kubernetes_error(
        503, "ServiceUnavailable"
    )
    fleet.write("apiserver", "a", "2")


def _take_watch_away(fleet: Fleet) -> None:
    _allow(fleet, lambda verb: verb != "watch")
    fleet.api_proxies["apiserver"].drop_connections()


def _allow(fleet: Fleet, may: Callable[[str], bool]) -> None:
    """Leave the account of a daemon only these of its verbs."""
    rules = [{**rule, "verbs": [verb for verb in rule["verbs"] if may(verb)]} for rule in CONFIG_RULES]
    rules = [rule for rule in rules if rule["verbs"]]
    account = fleet.accounts["apiserver"]
    path = f"{_RBAC}/clusterroles/{account.namespace}-{account.name}"
    fleet.world.cluster.api.patch(path, {"rules": rules})


DAEMON = (
    Fault(
        says="a daemon is killed three times, and then for good",
        alerts={
            "SecretsManagerDown": _of("restarting"),
            "SecretsManagerRestarting": _of("restarting", pod="restarting-a", instance="restarting-a:8080"),
        },
        begin=_crash_again_and_again,
        end=lambda fleet: fleet.restart("restarting"),
        lasting={"SecretsManagerRestarting": "it counts the starts of an hour"},
    ),
    Fault(
        says="the right on the Lease is taken away",
        alerts={
            "SecretsManagerNotReady": _of("election"),
            "SecretsManagerNobodyLeads": _of("election"),
        },
        begin=_take_lease_away,
        end=_give_lease_back,
    ),
    Fault(
        says="a second daemon runs without election, and verifies no certificate",
        alerts={
            "SecretsManagerSeveralLead": _of("pair"),
            "SecretsManagerVaultUnverified": _of("pair", backend="default"),
        },
        begin=_second_by_hand,
        end=_stop_second,
    ),
    Fault(
        says="a backend takes its time",
        alerts={
            "SecretsManagerBackendSlow": _of("slow", backend="default"),
            "SecretsManagerBehind": _of("slow"),
        },
        begin=_slow_down,
        end=lambda fleet: fleet.bao_proxy.clear(),
    ),
    Fault(
        says="the API server takes no Secrets",
        alerts={"SecretsManagerApiServerFailing": _of("apiserver")},
        begin=_refuse_writes,
        end=lambda fleet: fleet.api_proxies["apiserver"].clear(),
    ),
    Fault(
        says="the API server cannot be reached, and there is nothing to write",
        alerts={"SecretsManagerApiServerFailing": _of("cutoff")},
        begin=lambda fleet: fleet.api_proxies["cutoff"].refuse(),
        end=lambda fleet: fleet.api_proxies["cutoff"].accept(),
    ),
    Fault(
        says="the right to watch is taken away",
        alerts={"SecretsManagerWatchesReplaced": _of("apiserver")},
        begin=_take_watch_away,
        end=lambda fleet: _allow(fleet, lambda _: True),
        lasting={"SecretsManagerWatchesReplaced": "a watch is tried again once in half a minute"},
    ),
)

# ── definitions ──────────────────────────────────────────────────────────────────────────────────────


def _purge_sources(fleet: Fleet) -> None:
    for name in DEFINITIONS["definitions"][1:]:
        fleet.world.openbao.purge_kv2(f"{fleet.world.prefix}/definitions-{name}")


def _write_sources(fleet: Fleet) -> None:
    for name in DEFINITIONS["definitions"][1:]:
        fleet.write("definitions", name, "1")


def _change_without_right_to_restart(fleet: Fleet) -> None:
    """Change a value twice, each time until the restart for it was refused."""
    running = fleet.daemons["definitions-a"]
    for value in ("2", "3"):
        before = running.metric("secrets_manager_restarts_total", kind="Deployment") or 0.0
        fleet.write("definitions", "a", value)
        wait_until(
            lambda before=before: (
                (running.metric("secrets_manager_restarts_total", kind="Deployment") or 0.0) > before
            ),  # type: ignore[misc]
            what="a restart that is refused",
        )


DEFINED = (
    Fault(
        says="sources of definitions are deleted",
        alerts={
            "SecretsManagerDefinitionFailing": lambda fleet: {
                "job": "definitions",
                "namespace": fleet.spaces["definitions"],
                "name": "b",
            },
            "SecretsManagerManyDefinitionsFailing": lambda _: {"job": "definitions"},
        },
        begin=_purge_sources,
        end=_write_sources,
    ),
    Fault(
        says="a value changes, and the right to restart workloads is missing",
        alerts={"SecretsManagerRestartsFailing": _of("definitions", kind="Deployment", result="Forbidden")},
        begin=_change_without_right_to_restart,
        end=lambda _: None,
    ),
)

# ── backends ─────────────────────────────────────────────────────────────────────────────────────────


def _limit_calls(fleet: Fleet) -> None:
    body = {"path": f"{fleet.servers.mounts['throttled']}/", "rate": 1, "interval": "30s"}
    fleet.world.openbao.request("POST", f"sys/quotas/rate-limit/{fleet.world.prefix}", body)


def _lift_limit(fleet: Fleet) -> None:
    fleet.world.openbao.request("DELETE", f"sys/quotas/rate-limit/{fleet.world.prefix}")


def _break_mount(fleet: Fleet) -> None:
    fleet.servers.part_proxy.on("GET", f"/v1/{fleet.servers.mounts['part']}/.*").vault_error(500, "internal")


def _revoke(fleet: Fleet) -> None:
    """Revoke the secret id of a role, and every token that was given out for it."""
    _withdraw(fleet, "revoked")
    bao, name = fleet.world.openbao, fleet.servers.roles["revoked"].name
    for accessor in bao.request("LIST", "auth/token/accessors")["data"]["keys"]:
        if _role_of(bao, accessor) == name:
            bao.request("POST", "auth/token/revoke-accessor", {"accessor": accessor})


def _role_of(bao: OpenBao, accessor: str) -> str:
    found = bao.request("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
    return str((found["meta"] or {}).get("role_name", ""))


def _withdraw(fleet: Fleet, backend: str) -> None:
    role = fleet.servers.roles[backend]
    path = f"auth/approle/role/{role.name}/secret-id/destroy"
    fleet.world.openbao.request("POST", path, {"secret_id": role.secret_id})


def _reinstate(fleet: Fleet, backend: str) -> None:
    """Make the secret id valid again, and unlock the role, as it is after five logins that were refused."""
    role, bao = fleet.servers.roles[backend], fleet.world.openbao
    bao.request("POST", f"auth/approle/role/{role.name}/custom-secret-id", {"secret_id": role.secret_id})
    mount = bao.request("GET", "sys/auth/approle")["data"]["accessor"]
    bao.request("POST", f"sys/locked-users/{mount}/unlock/{role.role_id}")


def _forbid_all(fleet: Fleet) -> None:
    own_rights(fleet.world, "expiring", renewing=False)
    _withdraw(fleet, "expiring")


def _allow_all(fleet: Fleet) -> None:
    own_rights(fleet.world, "expiring", renewing=True)
    _reinstate(fleet, "expiring")


def _expire_client_secret(fleet: Fleet) -> None:
    """The secret of the application is replaced, and its tokens end."""
    entra = fleet.servers.keys.entra
    entra.principals[CLIENT_ID].secrets = ["another"]
    entra.revoke_all()


def _restore_client_secret(fleet: Fleet) -> None:
    fleet.servers.keys.entra.principals[CLIENT_ID].secrets = [CLIENT_SECRET]


def _near_expiry(fleet: Fleet) -> None:
    """A secret gets a nearer date, and another one is deleted."""
    fleet.servers.dates.store.put("app", "2", expires=time.time() + 13 * DAY)
    fleet.servers.dates.store.delete("soon-gone")


def _renew(fleet: Fleet) -> None:
    fleet.servers.dates.store.put("app", "3", expires=time.time() + 40 * DAY)


BACKENDS = (
    Fault(
        says="OpenBao is sealed",
        alerts={
            "SecretsManagerBackendDown": _backend("sealed"),
            "SecretsManagerBackendErrors": _backend("sealed"),
        },
        begin=lambda fleet: fleet.servers.sealed.seal(),
        end=lambda fleet: fleet.servers.sealed.unseal(),
    ),
    Fault(
        says="a mount answers 500",
        alerts={"SecretsManagerBackendPartDown": _backend("part")},
        begin=_break_mount,
        end=lambda fleet: fleet.servers.part_proxy.clear(),
    ),
    Fault(
        says="a quota of OpenBao is used up",
        alerts={"SecretsManagerBackendThrottled": _backend("throttled")},
        begin=_limit_calls,
        end=_lift_limit,
    ),
    Fault(
        says="a secret id and its tokens are revoked",
        alerts={
            "SecretsManagerBackendLoggedOut": _backend("revoked"),
            "SecretsManagerVaultLoginFailing": _vault("revoked"),
        },
        begin=_revoke,
        end=lambda fleet: _reinstate(fleet, "revoked"),
    ),
    Fault(
        says="the right to renew a token is taken away",
        alerts={"SecretsManagerVaultTokenRenewalFailing": _vault("unrenewed", vault_operation="renew-self")},
        begin=lambda fleet: own_rights(fleet.world, "unrenewed", renewing=False),
        end=lambda fleet: own_rights(fleet.world, "unrenewed", renewing=True),
        lasting={"SecretsManagerVaultTokenRenewalFailing": "it looks back for an hour"},
    ),
    Fault(
        says="neither a renewal nor a login works, and the token runs out",
        alerts={"SecretsManagerVaultTokenExpiring": _vault("expiring")},
        begin=_forbid_all,
        end=_allow_all,
    ),
    Fault(
        says="the client secret of a key vault's application is replaced",
        alerts={
            "SecretsManagerAzureLoginFailing": lambda fleet: {
                **_backend("keys")(fleet),
                "azure_kv_name": fleet.servers.keys.vault.name,
            }
        },
        begin=_expire_client_secret,
        end=_restore_client_secret,
    ),
    Fault(
        says="a secret of a key vault has two weeks left, less a day",
        alerts={
            "SecretsManagerAzureSecretExpiring": lambda fleet: {
                **_backend("dates")(fleet),
                "azure_kv_name": fleet.servers.dates.vault.name,
                "path": "app",
            }
        },
        begin=_near_expiry,
        end=_renew,
    ),
)

FAULTS = (*BACKENDS, *DEFINED, *DAEMON)
