"""Where programs are looked for, and what is said of a KUBEBUILDER_ASSETS that has none."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed import binaries
from tests.testbed.binaries import ASSETS, AssetsError, cache_folder, missing_programs, programs
from tests.testbed.cache import locked

Lay = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ASSETS, raising=False)


def _lay(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def test_programs_of_the_cache_are_used_as_they_are() -> None:
    folder = _lay(cache_folder(), "etcd", "kubectl")

    assert programs(["kubectl", "etcd"]) == [folder / "kubectl", folder / "etcd"]
    assert missing_programs(["etcd", "kube-apiserver"]) == ["kube-apiserver"]


def test_a_file_that_cannot_be_run_is_no_program() -> None:
    _lay(cache_folder(), "etcd")
    (cache_folder() / "etcd").chmod(0o644)

    assert missing_programs(["etcd"]) == ["etcd"]


def test_assets_come_first_and_what_they_lack_comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = _lay(cache_folder(), "etcd", "kube-controller-manager")
    assets = _lay(tmp_path / "assets", "etcd", "kube-apiserver", "kubectl")
    monkeypatch.setenv(ASSETS, str(assets))

    found = programs(["etcd", "kube-apiserver", "kube-controller-manager"])

    assert found == [assets / "etcd", assets / "kube-apiserver", cache / "kube-controller-manager"]


@pytest.mark.parametrize(("made", "said"), [(True, "has no programs of Kubernetes"), (False, "is no folder")])
def test_assets_that_are_none_are_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, made: bool, said: str
) -> None:
    if made:
        _lay(tmp_path / "assets", "other")
    monkeypatch.setenv(ASSETS, str(tmp_path / "assets"))

    with pytest.raises(AssetsError, match=re.escape(f"{ASSETS}={tmp_path / 'assets'} {said}: set it to")):
        programs(["etcd"])


@pytest.mark.parametrize(("name", "other"), [("COMPILER", "-gcflags=all=-N"), ("LEFT_OUT", {})])
def test_programs_that_were_compiled_in_another_way_are_not_used(
    monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    _lay(cache_folder(), "etcd")
    monkeypatch.setattr(binaries, name, other)

    assert missing_programs(["etcd"]) == ["etcd"]


def test_who_waits_for_another_run_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cache" / "one"
    code = "import sys, pathlib; from tests.testbed.cache import locked\n"
    code += "with locked(pathlib.Path(sys.argv[1])): print('got it')"
    command = [sys.executable, "-c", code, str(folder)]
    with locked(folder):
        other = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
        )
        assert other.stderr is not None
        waiting = other.stderr.readline()
        assert other.poll() is None
    out, _ = other.communicate(timeout=60)

    assert waiting == f"testbed: waiting for another run, which fills {folder}\n"
    assert out == "got it\n"
    assert capfd.readouterr().err == ""
