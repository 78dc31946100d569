"""The programs that are Go modules of their own, in a table; with the servers they are all that tests need.

Their versions are not those of the servers, so that neither holds the other back. A new one is a line of the
table, and a folder with a go.mod and go.sum. Knows nothing of how they are run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.testbed.binaries import KUBERNETES_PROGRAMS, module_program, programs

__all__ = [
    "MODULE_PROGRAMS",
    "ModuleProgram",
    "every_program",
    "gitops_program",
    "go_templates_program",
    "helm_program",
    "prometheus_program",
    "promtool_program",
]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleProgram:
    """The program ``name``, made of ``package`` with what the go.mod and go.sum of ``folder`` pin."""

    name: str
    folder: Path
    package: str = "."
    ldflags: str = "-s -w"
    tags: str = ""

    def path(self) -> Path:
        """Where it is; built first if need be."""
        return module_program(self.folder, self.name, self.package, self.ldflags, self.tags)


_GITOPS = ModuleProgram(name="gitops", folder=_HERE / "gitops")
_GO_TEMPLATES = ModuleProgram(name="go_templates", folder=_HERE / "go_templates")
# Built without the linker's flags of a release it would not know its own version.
_HELM = ModuleProgram(
    name="helm",
    folder=_HERE / "helm",
    package="helm.sh/helm/v4/cmd/helm",
    ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=v4.2.4",
)

# Without the ways to find targets in clouds it has a third less packages; tests name their targets.
_PROMETHEUS, _PROMTOOL = (
    ModuleProgram(
        name=name,
        folder=_HERE / "prometheus",
        package=f"github.com/prometheus/prometheus/cmd/{name}",
        tags="remove_all_sd",
    )
    for name in ("prometheus", "promtool")
)

MODULE_PROGRAMS = (_GITOPS, _GO_TEMPLATES, _HELM, _PROMETHEUS, _PROMTOOL)


def gitops_program() -> Path:
    """The program by which GitOps tools judge an object: kstatus, and the Lua of Argo CD."""
    return _GITOPS.path()


def go_templates_program() -> Path:
    """What Go makes of a template: text/template, with sprig's functions."""
    return _GO_TEMPLATES.path()


def helm_program() -> Path:
    """Helm."""
    return _HELM.path()


def prometheus_program() -> Path:
    """The server of Prometheus."""
    return _PROMETHEUS.path()


def promtool_program() -> Path:
    """What checks and tests rules for it."""
    return _PROMTOOL.path()


def every_program() -> list[Path]:
    """All that tests need, the servers first; built first if need be."""
    return [*programs(list(KUBERNETES_PROGRAMS)), *(each.path() for each in MODULE_PROGRAMS)]
