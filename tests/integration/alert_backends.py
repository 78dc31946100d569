"""The backends with names of their own, each of which is about to have one trouble, in one daemon.

Each of Vault's kind has a login for itself. `sealed` is a server for itself, too; the others share one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.world import World, source
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.pki import Authority

__all__ = ["BACKENDS", "DAY", "Servers", "own_rights", "sources", "start_servers", "write_settings"]

Json = dict[str, Any]

DAY = 86400
VAULTS = ("sealed", "part", "throttled", "revoked", "unrenewed", "expiring")
KEY_VAULTS = ("keys", "dates")
BACKENDS = (*VAULTS, *KEY_VAULTS)
# Roles whose right to renew is in a policy of their own, what their tokens live for, and the seconds left at
# which they are renewed: at half of their life, or at each look.
_LIVES: Mapping[str, tuple[int, int]] = {"unrenewed": (40, 1), "expiring": (40, 41)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What stands behind the named backends; `mounts` are the engines of `part` and `throttled`."""

    sealed: OpenBao
    roles: Mapping[str, AppRole]
    part_proxy: FaultProxy
    mounts: Mapping[str, str]
    keys: AzureDouble
    dates: AzureDouble


@contextmanager
def start_servers(world: World, authority: Authority, folder: Path) -> Iterator[Servers]:
    """Start and fill them: each backend has what `sources` says."""
    with ExitStack() as stack:
        sealed = OpenBao.durable(folder / "sealed")
        stack.callback(sealed.kill)
        mounts = {name: f"{name}-{world.prefix}" for name in ("part", "throttled")}
        made = Servers(
            sealed=sealed,
            roles={name: _role(world, sealed, mounts, name) for name in VAULTS},
            part_proxy=stack.enter_context(FaultProxy(world.openbao.url)),
            mounts=mounts,
            keys=stack.enter_context(AzureDouble(authority)),
            dates=stack.enter_context(AzureDouble(authority)),
        )
        _fill(world, made)
        yield made


def sources(world: World, backend: str) -> Json:
    """The keysMap of the one definition that uses a backend."""
    paths = {
        "part": {"well": world.path("part"), "sick": f"part-{world.prefix}/data/a"},
        "throttled": {"a": f"throttled-{world.prefix}/data/a"},
        "dates": {"a": "app", "gone": "soon-gone"},
        "keys": {"a": "app"},
    }.get(backend, {"a": world.path(backend)})
    key = "" if backend in KEY_VAULTS else "a"
    return {name: {**source(path, key), "backend": backend} for name, path in paths.items()}


def own_rights(world: World, backend: str, *, renewing: bool) -> str:
    """Write the policy of a role without the default one; with or without the right to renew."""
    rights = {f"secret/data/{world.prefix}/*": "read", "auth/token/lookup-self": "read"}
    if renewing:
        rights["auth/token/renew-self"] = "update"
    hcl = "".join(f'path "{path}" {{ capabilities = ["{right}"] }}\n' for path, right in rights.items())
    return world.openbao.policy(f"{backend}-{world.prefix}", hcl)


def write_settings(world: World, servers: Servers, folder: Path) -> Path:
    """The file that gives a daemon these backends besides the World's own."""
    # Not settings.toml: every daemon would take that, which starts in this folder.
    file = folder / "backends.toml"
    tables = [_table(name, "vault", **_vault(world, servers, name)) for name in VAULTS]
    tables += [_table(name, "azure-kv", **_key_vault(servers, name)) for name in KEY_VAULTS]
    file.write_text("\n".join(tables), encoding="utf-8")
    return file


def _role(world: World, sealed: OpenBao, mounts: Mapping[str, str], name: str) -> AppRole:
    called = f"{name}-{world.prefix}"
    if name == "sealed":
        sealed.enable_auth("approle", "approle")
        return sealed.approle(called, [sealed.read_policy(called, "secret/data/*")])
    if name in _LIVES:
        policy = own_rights(world, name, renewing=True)
        life, _ = _LIVES[name]
        return world.openbao.approle(called, [policy], token_ttl=f"{life}s", token_no_default_policy=True)
    paths = [f"{mounts[name]}/*"] if name in mounts else []
    policy = world.openbao.read_policy(called, f"secret/data/{world.prefix}/*", *paths)
    return world.openbao.approle(called, [policy])


def _fill(world: World, servers: Servers) -> None:
    for mount in servers.mounts.values():
        world.openbao.enable_engine(mount, "kv", {"version": "2"})
        world.openbao.write_kv2("a", {"a": "1"}, mount=mount)
    servers.sealed.write_kv2(f"{world.prefix}/sealed", {"a": "1"})
    for name in VAULTS:
        world.write(name, a="1")
    servers.keys.store.put("app", "1")
    servers.dates.store.put("app", "1", expires=time.time() + 20 * DAY)
    servers.dates.store.put("soon-gone", "1")


def _vault(world: World, servers: Servers, name: str) -> Json:
    urls = {"sealed": servers.sealed.url, "part": servers.part_proxy.url}
    own: Json = {}
    if name in _LIVES:
        life, renewed_below = _LIVES[name]
        own = {"max-token-ttl": renewed_below, "renew-ttl-increment": life}
    return {
        "url": urls.get(name, world.openbao.url),
        "role-id": servers.roles[name].role_id,
        "secret-id": servers.roles[name].secret_id,
        "token-polling-period": "1s",
        **own,
    }


def _key_vault(servers: Servers, name: str) -> Json:
    azure: AzureDouble = {"keys": servers.keys, "dates": servers.dates}[name]
    return {
        "name": azure.vault.name,
        "ca-cert": str(azure.ca_file),
        "https-proxy": azure.proxy_url,
        "tenant-id": TENANT,
        "client-id": CLIENT_ID,
        "client-secret": CLIENT_SECRET,
    }


def _table(called: str, kind: str, **options: object) -> str:
    written = {"kind": kind, **options}
    # What JSON writes of a text or a number is TOML, too.
    lines = [f"{key} = {json.dumps(value)}" for key, value in written.items()]
    return "\n".join((f"[backends.{called}]", *lines, ""))
