"""The sample plug-in, installed from its folder as any package is: its tests pass, and the daemon runs it."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from secrets_manager.testing import BackendContract
from tests.testbed.packages import install

ROOT = Path(__file__).parents[2]
# What `secrets-manager --once` does, with a cluster in memory in place of an API server.
ONCE = """
import sys
from pathlib import Path
from secrets_manager.backends.factory import build_backend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.daemon.assembly import ExternalServices, assemble, provide
from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.once import Report, run_once
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import ConfigError

try:
    settings = load(sys.argv[1:], {}, Path.cwd(), system_file=Path("none"))
except ConfigError as error:
    print(error.message)
    sys.exit(error.exit_code)
cluster, metrics, report = MemoryCluster(), Metrics(settings), Report()
services = ExternalServices(api=cluster, lease_api=cluster, backends={})
(chosen,) = settings.backends
backend = build_backend(chosen, provide(settings, chosen, metrics, services.watchdog))
for path in ("database", "files", "../outside", "link"):
    name = path.strip("./")
    spec = {"name": name, "keysMap": {"password": {"path": path, "key": "password"}}}
    cluster.create(DEFINITIONS, "shop", {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name},
        "spec": spec,
    })
services = ExternalServices(api=cluster, lease_api=cluster, backends={DEFAULT_BACKEND: backend})
code = run_once(assemble(settings, metrics, services, report.add), report)
for name in ("database", "files"):
    print(cluster.snapshot(SECRETS, Ref("shop", name))["data"])
sys.exit(code)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sample is installed."""
    return install(ROOT / "samples/plugin", tmp_path_factory.mktemp("plug-in"))


def _run(site: Path | None, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), *([str(site)] if site else [])]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_it_passes_its_own_tests_and_with_them_the_contract(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "samples/plugin/tests", tmp_path / "tests")
    done = _run(installed, tmp_path, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")

    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    # Each fact of the contract was shown at least once.
    assert passed
    assert int(passed[1]) > sum(name.startswith("test_") for name in dir(BackendContract))


def test_the_daemon_writes_what_is_in_the_folder_and_nothing_from_beside_it(
    installed: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / "files").mkdir(parents=True)
    (root / "database").write_text('{"password": "one"}', encoding="utf-8")
    (root / "files/password").write_text("two", encoding="utf-8")
    (tmp_path / "outside").write_text('{"password": "canary"}', encoding="utf-8")
    (root / "link").symlink_to(tmp_path / "outside")
    done = _run(installed, tmp_path, "-c", ONCE, "-once", "-backend=folder", f"-folder.root={root}")

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "shop/database Secret database: created (Missing)",
        "shop/files Secret files: created (Missing)",
        "shop/link Secret link: SourceNotFound: path 'link' does not exist in the backend",
        "shop/outside Secret outside: InvalidPath: path '../outside' has an empty, '.' or '..' segment",
        "2 created, 2 failed",
        "{'password': 'b25l'}",
        "{'password': 'dHdv'}",
    ]


def test_without_its_folder_it_is_not_started(installed: Path, tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "-c", ONCE, "-backend=folder")

    assert (done.returncode, done.stdout) == (
        1,
        "setting folder.root: missing: backend folder needs folder.root\n",
    )


def test_where_it_is_not_installed_its_kind_is_unknown(tmp_path: Path) -> None:
    done = _run(None, tmp_path, "-c", ONCE, "-backend=folder")

    assert (done.returncode, done.stdout) == (1, "flag -backend: must be vault or azure-kv\n")


def _image(folder: Path, *more: Path) -> list[str]:
    """The command of an image's entry point, in a folder with all that an image has beside it, and more."""
    built = runpy.run_path(str(ROOT / "scripts/image-root"))
    beside = folder / built["LIBRARY"]
    beside.mkdir(parents=True)
    for each in (ROOT / "secrets_manager", *Path(sysconfig.get_path("purelib")).iterdir()):
        (beside / each.name).symlink_to(each)
    for site in more:
        shutil.copytree(site, beside, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    launcher = folder / "secrets-manager"
    launcher.write_text(built["LAUNCHER"], encoding="utf-8")
    flags = built["LAUNCHER"].splitlines()[0].split()[1]
    return [flags, str(launcher)]


def test_in_an_image_it_is_found_beside_the_program_and_not_by_the_environment(
    installed: Path, tmp_path: Path
) -> None:
    by_environment = _run(installed, tmp_path, *_image(tmp_path / "without"), "-backend=folder")
    beside = _run(None, tmp_path, *_image(tmp_path / "with", installed), "-backend=folder")

    assert (by_environment.returncode, by_environment.stderr) == (
        1,
        "flag -backend: must be vault or azure-kv\n",
    )
    assert (beside.returncode, beside.stderr) == (
        1,
        "setting folder.root: missing: backend folder needs folder.root\n",
    )
