"""Gets the programs that the demo needs, by the quickest way there is; as a program it does only that.

They are etcd, kube-apiserver, and kubectl where PATH has none that will do: from KUBEBUILDER_ASSETS, from the
cache, ready built from the network, or compiled. Imports nothing but the standard library, so that it runs
while the packages are still installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.testbed.binaries import ASSETS, AssetsError, missing_programs, programs
from tests.testbed.cache import cache_root, locked
from tests.testbed.envtest import ArchiveError, archive_for, fetch
from tests.testbed.go_build import GoBuildError
from tests.testbed.progress import say
from tests.testbed.vault_program import VAULT_BINARY, VaultProgramError, vault_program

# Where the archive is fetched from instead, or "no": compile at once. What comes has the same checksum.
MIRROR = "DEMO_ARCHIVE"
_SERVERS = ["etcd", "kube-apiserver"]
# The first with kustomize 5, which the manifests need.
_OLDEST_KUBECTL = (1, 27)
_KUBECTL_SECONDS = 10.0


def get_servers() -> Path:
    """Get all of them; returns the path of kubectl. Raises AssetsError or GoBuildError.

    Sets KUBEBUILDER_ASSETS where the programs were fetched, for all that this process starts.
    """
    kubectl = kubectl_on_path()
    names = _SERVERS if kubectl else [*_SERVERS, "kubectl"]
    if missing_programs(names) and not os.environ.get(ASSETS) and (fetched := _fetched()):
        os.environ[ASSETS] = str(fetched)
    found = programs(names)
    return kubectl or found[-1]


def kubectl_on_path() -> Path | None:
    """The kubectl of PATH if it is new enough; says so if it is not."""
    path = shutil.which("kubectl")
    if path is None:
        return None
    version = _version(path)
    if version is None:
        say(f"{path} does not say its version, so the demo brings its own kubectl")
        return None
    if version < _OLDEST_KUBECTL:
        found, wanted = (".".join(map(str, each)) for each in (version, _OLDEST_KUBECTL))
        say(f"{path} is of version {found}, older than {wanted}, so the demo brings its own kubectl")
        return None
    return Path(path)


def _version(kubectl: str) -> tuple[int, int] | None:
    command = [kubectl, "version", "--client", "--output=json"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_KUBECTL_SECONDS,
            check=True,
        )
        said = json.loads(done.stdout)["clientVersion"]
        major, minor = (re.findall(r"\d+", str(said[part]))[0] for part in ("major", "minor"))
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None
    return int(major), int(minor)


def _fetched() -> Path | None:
    """The folder of the ready built programs, fetched now if need be; None: they must be compiled."""
    mirror = os.environ.get(MIRROR, "")
    archive = archive_for("" if mirror == "no" else mirror)
    if archive is None:
        return None
    folder = cache_root() / f"envtest-{archive.version}"
    if not folder.exists() and mirror != "no":
        with locked(cache_root()):
            try:
                if not folder.exists():
                    fetch(archive, folder)
            except ArchiveError as error:
                say(f"the servers cannot be fetched ready built ({error}), so they are compiled")
    return folder if folder.exists() else None


def main() -> int:
    """Get the programs; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if os.environ.get(VAULT_BINARY):
            vault_program()  # refused before a build of minutes
        get_servers()
    except (AssetsError, GoBuildError, VaultProgramError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
