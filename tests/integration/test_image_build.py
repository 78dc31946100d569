"""The image's tree, built by the very steps of the Dockerfile, holds what it needs to run and no tools."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from secrets_manager import __version__
from tests.integration.world import World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao

ROOT = Path(__file__).parents[2]
PYTHON = "usr/local/bin/python3"
LIBRARY = "opt/secrets-manager"
FLAGS = "-IBS"
UID = 65532

# One module of each direct dependency, as the daemon imports them.
IMPORTS = (
    "apscheduler.schedulers.background",
    "azure.identity",
    "azure.keyvault.secrets",
    "dynaconf",
    "hvac",
    "kubernetes.config",
    "minijinja",
    "orjson",
    "prometheus_client",
    "requests",
    "secrets_manager",
    "urllib3",
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, built with nothing but the files that the Dockerfile copies."""
    return _build(tmp_path_factory.mktemp("image"), umask=0o022)


def _build(folder: Path, *, umask: int, **environ: str) -> Path:
    """The tree, in a folder of its own."""
    root = folder / "root"
    for name in _dockerfile_words(r"^COPY (?!--)(\S+) \S+$"):
        _copy(ROOT / name, folder / "build" / name)
    for step in _dockerfile_words(r"^RUN python3 scripts/image-root (\S+) /image$"):
        command = [sys.executable, "scripts/image-root", step, str(root)]
        subprocess.run(
            command,
            cwd=folder / "build",
            env={**os.environ, **environ},
            umask=umask,
            check=True,
            timeout=240,
        )
    return root


@pytest.fixture(scope="module")
def sbom(image: Path) -> Path:
    """What the tree is made of, written as the Dockerfile writes it."""
    file = image.with_name("sbom.cdx.json")
    _sbom(image, file)
    return file


def _sbom(image: Path, file: Path, **environ: str) -> str:
    command = [sys.executable, str(ROOT / "scripts/image-sbom"), str(image), str(file)]
    subprocess.run(command, env=environ, check=True, timeout=60)
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(image: Path) -> Run:
    """Run a program of the tree without environment; if possible as the image's user, in the tree alone."""
    inside = ["/usr/sbin/chroot", f"--userspec={UID}:{UID}", str(image)]
    confined = os.geteuid() == 0 and _run([*inside, f"/{PYTHON}", FLAGS, "-c", ""]).returncode == 0

    def run_one(program: str, *args: str) -> subprocess.CompletedProcess[str]:
        if confined:
            command = [*inside, f"/{program}", *args]
        elif program == PYTHON:
            command = [str(image / PYTHON), *args]
        else:
            command = [str(image / PYTHON), FLAGS, str(image / program), *args]
        return _run(command)

    return run_one


def _dockerfile_words(pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=60)


def _code(image: Path, *lines: str) -> list[str]:
    # Outside the tree the library is below the folder in which the tree was built.
    places = [f"/{LIBRARY}", str(image / LIBRARY)]
    return [FLAGS, "-c", "\n".join([f"import sys; sys.path[:0] = {places!r}", *lines])]


def _pins() -> set[str]:
    text = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    return {
        f"{re.sub('[-_.]+', '_', name).lower()}-{version}"
        for name, version in re.findall(r"^(\S+?)==(\S+)", text, flags=re.MULTILINE)
    }


def test_the_launcher_starts_the_daemon(run: Run) -> None:
    done = run("secrets-manager", "-version")

    assert done.stdout == f"Secrets Manager {__version__}\n", done.stderr
    assert done.returncode == 0


def test_the_doctor_works_in_a_pod_whose_root_cannot_be_written(
    image: Path, definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may change the root of a process")
    pod = tmp_path / "root"
    subprocess.run(["/bin/cp", "-al", str(image), str(pod)], check=True)
    (pod / "tmp").chmod(0o555)
    with new_world(definitions_api, openbao, tmp_path) as world:
        environ = _inside(pod, world)
        words = ["/secrets-manager", "doctor", "-o", "json"]
        done = subprocess.run(
            ["/usr/sbin/chroot", f"--userspec={UID}:{UID}", str(pod), *words],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    findings = json.loads(done.stdout)["findings"]
    assert [each for each in findings if each["level"] == "fail"] == []
    assert done.returncode == 0
    account = f"system:serviceaccount:{world.account.namespace}:{world.account.name}"
    assert any(each["found"].startswith(f"{account} has all") for each in findings)
    assert "installed, and that of this release" in done.stdout


def _inside(pod: Path, world: World) -> dict[str, str]:
    """What Kubernetes puts into a pod, and its environment."""
    files = {
        "token": world.account.token,
        "namespace": world.account.namespace,
        "ca.crt": world.cluster.ca_file.read_text(encoding="utf-8"),
    }
    folder = pod / "var/run/secrets/kubernetes.io/serviceaccount"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    settings = pod / "etc/secrets-manager/settings.toml"
    settings.parent.mkdir()
    scope = f'watch-namespaces = ["{world.account.namespace}"]'
    settings.write_text(f'{scope}\n[vault]\nurl = "{world.openbao.url}"\n', encoding="utf-8")
    host, _, port = world.cluster.url.removeprefix("https://").partition(":")
    credentials = {name: world.environ[name] for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID")}
    return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, **credentials}


def test_the_launcher_uses_the_python_of_the_tree_and_no_environment(image: Path) -> None:
    first = (image / "secrets-manager").read_text(encoding="utf-8").splitlines()[0]

    assert first == f"#!/{PYTHON} {FLAGS}"
    assert os.access(image / PYTHON, os.X_OK)


@pytest.mark.parametrize("module", IMPORTS)
def test_every_direct_dependency_can_be_imported(image: Path, run: Run, module: str) -> None:
    done = run(PYTHON, *_code(image, f"import {module} as found", "print(found.__file__)"))

    assert done.returncode == 0, done.stderr
    assert f"/{LIBRARY}/" in done.stdout


def test_tls_trusts_the_certificate_authorities_of_the_tree(image: Path, run: Run) -> None:
    done = run(PYTHON, *_code(image, "import ssl", "print(len(ssl.create_default_context().get_ca_certs()))"))

    assert int(done.stdout) > 50, done.stderr
    assert (image / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 0


def test_the_dependencies_are_exactly_those_that_are_pinned(image: Path) -> None:
    found = {path.name.removesuffix(".dist-info") for path in (image / LIBRARY).glob("*.dist-info")}

    assert {name.lower() for name in found} == _pins()


def test_there_is_no_shell_no_installer_and_no_test_in_the_tree(image: Path) -> None:
    tools = {
        "sh",
        "bash",
        "dash",
        "busybox",
        "pip",
        "pip3",
        "setuptools",
        "ensurepip",
        "tests",
        "test",
        "apt",
        "dpkg",
    }
    found = {path.name for path in image.rglob("*") if path.name in tools and "status.d" not in path.parts}

    # /var/lib/dpkg holds records for scanners and no program.
    assert found <= {"dpkg"}
    assert list((image / "var/lib").rglob("bin")) == []


def test_no_file_runs_code_when_python_starts(image: Path) -> None:
    assert [path.name for path in image.rglob("*") if path.suffix == ".pth"] == []
    assert [path.name for path in image.rglob("sitecustomize*")] == []


def test_only_root_could_write_into_the_tree_and_no_file_gives_rights_away(image: Path) -> None:
    for path in image.rglob("*"):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert path == image / "tmp" or not mode & stat.S_IWOTH, path
        assert mode & stat.S_IROTH, path


def test_the_program_is_the_package_of_the_repository(image: Path) -> None:
    packed = image / LIBRARY / "secrets_manager"
    sources = {
        path.relative_to(ROOT / "secrets_manager") for path in (ROOT / "secrets_manager").rglob("*.py")
    }

    assert {path.relative_to(packed) for path in packed.rglob("*.py")} == sources


def test_python_need_not_compile_at_start(image: Path) -> None:
    sources = list((image / LIBRARY / "secrets_manager").rglob("*.py"))
    compiled = [path for path in sources if list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]

    assert compiled == sources


def test_what_the_tree_is_made_of_is_a_valid_document_of_cyclonedx(sbom: Path) -> None:
    text = sbom.read_text(encoding="utf-8")

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"libra', '"libro')) is not None


def test_it_names_the_program_python_each_pinned_package_and_each_package_of_debian(
    image: Path, sbom: Path
) -> None:
    document = json.loads(sbom.read_text(encoding="utf-8"))
    purls = {each["purl"] for each in document["components"]}
    pinned = re.findall(r"^(\S+?)==(\S+)", (ROOT / "requirements/run.txt").read_text("utf-8"), re.MULTILINE)
    records = list((image / "var/lib/dpkg/status.d").glob("*"))

    assert document["metadata"]["component"]["version"] == __version__
    assert {f"pkg:pypi/{name.lower()}@{version}" for name, version in pinned} <= purls
    assert f"pkg:generic/python@{platform.python_version()}" in purls
    assert len([purl for purl in purls if purl.startswith("pkg:deb/debian/")]) == len(records)
    assert len(purls) == len(document["components"]) == len(pinned) + 1 + len(records)


def test_each_package_has_the_hash_that_is_pinned_and_a_licence(sbom: Path) -> None:
    text = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    document = json.loads(sbom.read_text(encoding="utf-8"))
    packages = [each for each in document["components"] if each["purl"].startswith("pkg:pypi/")]

    assert packages
    for each in packages:
        assert each["hashes"][0]["content"] in pinned, each["name"]
        assert each["licenses"], each["name"]


def test_the_same_tree_gives_the_same_document_and_a_time_only_when_one_is_given(
    image: Path, sbom: Path, tmp_path: Path
) -> None:
    again = _sbom(image, tmp_path / "again", LC_ALL="C", HOME="/nowhere")
    dated = _sbom(image, tmp_path / "dated", SOURCE_DATE_EPOCH="1700000000")

    assert again == sbom.read_text(encoding="utf-8")
    assert "timestamp" not in again
    assert json.loads(dated)["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert str(image.parent) not in again


def test_a_build_elsewhere_by_another_user_gives_the_same_tree_to_the_byte(
    image: Path, sbom: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a much longer folder" / "elsewhere"
    folder.mkdir(parents=True)
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}

    again = _build(folder, umask=0o077, **other)

    assert _entries(again) == _entries(image)
    assert _sbom(again, folder / "sbom") == sbom.read_text(encoding="utf-8")


def _entries(root: Path) -> dict[str, tuple[object, ...]]:
    """All that an archive of the tree would hold, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for path in root.rglob("*"):
        about = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(root))] = (oct(about.st_mode), int(about.st_mtime), content)
    return found
