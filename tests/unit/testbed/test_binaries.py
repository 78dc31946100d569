from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import binaries
from tests.testbed.go_toolchain import usable_go


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no assets."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return binaries.cache_folder()


def a_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_what_is_in_the_cache_is_not_built_again(cache: Path) -> None:
    cached = a_program(cache / "kubectl")

    assert binaries.program("kubectl") == cached


def test_the_fields_own_assets_come_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(cache / "kubectl")
    asset = a_program(tmp_path / "assets" / "kubectl")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))

    assert binaries.program("kubectl") == asset


def test_what_the_assets_lack_comes_from_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = a_program(cache / "kube-controller-manager")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    assert binaries.program("kube-controller-manager") == cached


def test_the_go_on_path_is_used_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = a_program(tmp_path / "bin" / "go")
    go.write_text("#!/bin/sh\necho go1.26.0\n")
    monkeypatch.setenv("PATH", str(go.parent), prepend=":")

    assert usable_go("1.26.0", tmp_path, lambda _: None) == go


def test_an_old_go_on_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = a_program(tmp_path / "bin" / "go")
    go.write_text("#!/bin/sh\necho go1.25.9\n")
    monkeypatch.setenv("PATH", str(go.parent), prepend=":")
    installed = a_program(tmp_path / "go-toolchain" / "go" / "bin" / "go")

    assert usable_go("1.26.0", tmp_path, lambda _: None) == installed
