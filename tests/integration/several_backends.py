"""A World with three backends at once: two real OpenBaos, and the double of a Key Vault.

The default one is the World's own OpenBao. `second` is an OpenBao of its own behind a proxy with TLS; `keys`
is the Key Vault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.world import World, source
from tests.testbed.azure.cloud import CLIENT_ID, CLIENT_SECRET, TENANT, AzureDouble
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole
from tests.testbed.pki import Authority, KeyPair

Json = dict[str, Any]

SECOND, KEYS = "second", "keys"
_ROLE = "of-second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """The backends besides the World's own, and the daemon's settings for all of them."""

    world: World
    authority: Authority
    second: OpenBao
    role: AppRole
    proxy: FaultProxy
    azure: AzureDouble

    def daemon(self, namespace: str, *flags: str, named: tuple[str, ...] = (SECOND, KEYS)) -> DaemonProcess:
        """A daemon with these backends besides its own."""
        return self.world.daemon(
            f"-config={self._settings(named)}",
            f"-watch-namespaces={namespace}",
            "-reconcile-period=1s",
            *flags,
        )

    def environ(self, named: tuple[str, ...] = (SECOND, KEYS)) -> dict[str, str]:
        """The same as an environment."""
        return {**self.world.environ, "SECRETS_MANAGER_CONFIG": str(self._settings(named))}

    def write_second(self, name: str, **values: str) -> None:
        """Write the KV2 secret ``name`` of the second OpenBao."""
        self.second.write_kv2(name, values)

    def certificate(self, authority: Authority | None = None) -> KeyPair:
        """A certificate for the proxy."""
        return (authority or self.authority).issue("127.0.0.1", "localhost")

    def _settings(self, named: tuple[str, ...]) -> Path:
        file = self.world.folder / f"settings-{'-'.join(named)}.toml"
        file.write_text("\n".join(self._tables()[name] for name in named), encoding="utf-8")
        return file

    def _tables(self) -> Mapping[str, str]:
        return {
            SECOND: _table(
                SECOND,
                "vault",
                url=self.proxy.url,
                ca_cert=self.authority.ca_file,
                role_id=self.role.role_id,
                secret_id=self.role.secret_id,
            ),
            KEYS: _table(
                KEYS,
                "azure-kv",
                name=self.azure.vault.name,
                ca_cert=self.azure.ca_file,
                https_proxy=self.azure.proxy_url,
                tenant_id=TENANT,
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
            ),
        }


@contextmanager
def several_backends(world: World, authority: Authority, folder: Path) -> Iterator[Backends]:
    """Start them."""
    second = OpenBao.durable(folder / "second")
    try:
        second.enable_auth("approle", "approle")
        role = second.approle(_ROLE, [second.read_policy(_ROLE, "secret/data/*")])
        tls = authority.issue("127.0.0.1", "localhost")
        with FaultProxy(second.url, tls=tls) as proxy, AzureDouble(authority) as azure:
            yield Backends(
                world=world, authority=authority, second=second, role=role, proxy=proxy, azure=azure
            )
    finally:
        second.kill()


def at(path: str, key: str, backend: str) -> Json:
    """One entry of a keysMap that names its backend."""
    return {**source(path, key), "backend": backend}


def _table(called: str, kind: str, **options: object) -> str:
    lines = [f"[backends.{called}]", f'kind = "{kind}"']
    lines += [f'{key.replace("_", "-")} = "{value}"' for key, value in options.items()]
    return "\n".join((*lines, ""))
