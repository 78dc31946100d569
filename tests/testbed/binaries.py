"""Where the servers' programs come from: the field's own assets, our cache, or a build, in this order.

Knows nothing of how the programs are run. Imports nothing but the standard library, so that a build can begin
while the packages are still installed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.cache import cache_root, digest, locked
from tests.testbed.go_build import GoBuild, build_programs
from tests.testbed.go_thrift import COMPILER

__all__ = [
    "ASSETS",
    "KUBERNETES_PROGRAMS",
    "LEFT_OUT",
    "AssetsError",
    "cache_folder",
    "missing_programs",
    "module_program",
    "program",
    "programs",
]

_MODULE = Path(__file__).parent
ASSETS = "KUBEBUILDER_ASSETS"
KUBERNETES_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# A help for tests that stands among the code; it alone imports a second, fake client of every API.
LEFT_OUT = {"k8s.io/apiserver": "pkg/admission/plugin/policy/generic/policy_test_context.go"}


class AssetsError(Exception):
    """KUBEBUILDER_ASSETS is no folder of programs; the message says what was found there."""


def program(name: str) -> Path:
    """The path of one of KUBERNETES_PROGRAMS, built first if need be (minutes, once for each machine)."""
    return programs([name])[0]


def programs(names: Sequence[str]) -> list[Path]:
    """The paths of several of KUBERNETES_PROGRAMS; those that are missing are built together.

    Raises AssetsError when KUBEBUILDER_ASSETS is wrong, and GoBuildError.
    """
    if missing_programs(names):
        with locked(cache_folder()):
            if missing := missing_programs(names):  # another run may have built them while we waited
                build_programs(_build(missing), cache_folder())
    return [_find(name) or cache_folder() / name for name in names]


def module_program(
    module: Path, name: str, package: str = ".", ldflags: str = "-s -w", tags: str = ""
) -> Path:
    """The program ``name`` of a Go module of its own, such as `gitops/`; built first if need be.

    ``package`` is built with what the module's go.mod and go.sum pin. The cache is keyed by the whole folder.
    """
    folder = cache_root() / f"{module.name}-{digest(filter(_is_source, sorted(module.rglob('*'))))}"
    target = folder / name
    if not target.exists():
        with locked(folder):
            if not target.exists():
                wanted = GoBuild(module=module, packages={name: package}, ldflags=ldflags, tags=tags)
                build_programs(wanted, folder)
    return target


def cache_folder() -> Path:
    """The folder of the programs that this go.mod and go.sum describe, compiled as they are now."""
    pins = (_MODULE / name for name in ("go.mod", "go.sum"))
    return cache_root() / digest(pins, f"{COMPILER} {LEFT_OUT}")


def missing_programs(names: Sequence[str]) -> list[str]:
    """Those of KUBERNETES_PROGRAMS that are to be built. Raises AssetsError."""
    return [name for name in names if _find(name) is None]


def _find(name: str) -> Path | None:
    found = (place / name for place in [*_assets(), cache_folder()])
    return next((path for path in found if os.access(path, os.X_OK)), None)


def _assets() -> list[Path]:
    """The folder that the user names. It may lack some, as that of setup-envtest does, but not all."""
    named = os.environ.get(ASSETS)
    if not named:
        return []
    if any(os.access(Path(named) / name, os.X_OK) for name in KUBERNETES_PROGRAMS):
        return [Path(named)]
    found = "has no programs of Kubernetes" if Path(named).is_dir() else "is no folder"
    raise AssetsError(
        f"{ASSETS}={named} {found}: set it to the folder of kube-apiserver and etcd, or unset it"
    )


def _build(names: Sequence[str]) -> GoBuild:
    packages = {name: KUBERNETES_PROGRAMS[name] for name in names}
    return GoBuild(module=_MODULE, packages=packages, ldflags=_ldflags(), left_out=LEFT_OUT)


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _ldflags() -> str:
    """Kubernetes' programs learn their version from the linker; otherwise they call themselves v0.0.0."""
    found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)", (_MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError("go.mod does not say which Kubernetes it needs")
    version = found[1]
    major, minor, _ = version.split(".", 2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return " ".join(
        ["-s -w", *(f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items())]
    )
