"""The folder keeps the contract of backends, and nothing outside of it can be read."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from folder_backend import FolderBackend, FolderSettings, Found, find_at, version_of

from secrets_manager.domain.errors import (
    BackendUnavailable,
    EngineMismatch,
    InvalidPath,
    PermissionDenied,
    SourceNotFound,
)
from secrets_manager.testing import BackendContract, SilentBackend

CANARY = "canary-55c1"


class FolderBench:
    """A folder, and the hand of a person in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._answers = threading.Event()
        self._answers.set()
        self.backend = FolderBackend(
            FolderSettings(root=str(root)), connections=8, telemetry=SilentBackend(), find=self._find
        )

    def _find(self, root: str, path: str) -> Found:
        # As a network share that hangs.
        self._answers.wait()
        return find_at(root, path)

    def path(self, name: str) -> str:
        return name

    def key(self, name: str) -> str:
        return name

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        file = self._root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(".new")
        new.write_text(json.dumps(values), encoding="utf-8")
        new.replace(file)
        return version_of(file.stat())

    def delete(self, name: str) -> None:
        (self._root / name).unlink()

    def soft_delete(self, name: str) -> None:
        raise NotImplementedError("a file is there or not")

    def destroy(self, name: str) -> None:
        raise NotImplementedError("a file is there or not")

    def hang(self) -> None:
        self._answers.clear()

    def break_down(self) -> None:
        self._root.rename(self._away)

    def recover(self) -> None:
        self._answers.set()
        if self._away.exists():
            self._away.rename(self._root)

    @property
    def _away(self) -> Path:
        return self._root.with_name("away")


class TestFolder(BackendContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[FolderBench]:
        (tmp_path / "root").mkdir()
        made = FolderBench(tmp_path / "root")
        yield made
        made.recover()
        made.backend.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "outside.json").write_text(json.dumps({"a": CANARY}), encoding="utf-8")
    return made


def test_a_folder_of_files_is_read_with_a_file_a_key(root: Path) -> None:
    (root / "app").mkdir()
    (root / "app" / "user").write_text("u", encoding="utf-8")
    (root / "app" / "password").write_text("p\n", encoding="utf-8")
    (root / "app" / ".hidden").write_text("x", encoding="utf-8")
    found = find_at(str(root), "app")

    assert found.values == {"user": "u", "password": "p\n"}


def test_a_file_of_a_folder_that_is_written_or_removed_changes_the_version(root: Path) -> None:
    (root / "app").mkdir()
    (root / "app" / "user").write_text("u", encoding="utf-8")
    (root / "app" / "password").write_text("p", encoding="utf-8")
    versions = [find_at(str(root), "app").version]
    later = time.time_ns() + 10**9
    os.utime(root / "app" / "user", ns=(later, later))
    versions.append(find_at(str(root), "app").version)
    os.utime(root / "app", ns=(2 * later, 2 * later))
    versions.append(find_at(str(root), "app").version)

    assert len(set(versions)) == 3


def test_a_file_that_is_written_during_a_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "app").write_text('{"a": "old"}', encoding="utf-8")
    times = [2]
    read = os.read

    def read_while_it_is_written(opened: int, most: int) -> bytes:
        if times[0]:
            times[0] -= 1
            os.utime(root / "app", ns=(times[0], times[0]))
        return read(opened, most)

    monkeypatch.setattr(os, "read", read_while_it_is_written)
    assert find_at(str(root), "app").values == {"a": "old"}
    times[0] = 100
    with pytest.raises(BackendUnavailable, match="each time that it is read"):
        find_at(str(root), "app")


def test_a_path_that_no_file_can_have_is_refused(root: Path) -> None:
    backend = FolderBench(root).backend

    with pytest.raises(InvalidPath):
        backend.locate("a\ud800b")


@pytest.mark.parametrize("where", ["link", "folder/outside.json", "app"])
def test_no_link_is_followed(root: Path, where: str) -> None:
    (root / "link").symlink_to(root.parent / "outside.json")
    (root / "folder").symlink_to(root.parent)
    (root / "app").mkdir()
    (root / "app" / "a").symlink_to(root.parent / "outside.json")

    if where == "app":
        assert find_at(str(root), where).values == {}
        return
    with pytest.raises(SourceNotFound):
        find_at(str(root), where)


def test_a_pipe_is_refused_and_blocks_no_read(root: Path) -> None:
    os.mkfifo(root / "pipe")

    with pytest.raises(EngineMismatch):
        find_at(str(root), "pipe")


@pytest.mark.parametrize("content", [f"{{{CANARY}", f'["{CANARY}"]', "[" * 100_000])
def test_a_file_that_is_not_an_object_is_refused_without_quoting_it(root: Path, content: str) -> None:
    (root / "app").write_text(content, encoding="utf-8")

    with pytest.raises(EngineMismatch) as caught:
        find_at(str(root), "app")
    assert CANARY not in caught.value.message


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_reported(root: Path) -> None:
    (root / "app").write_text("{}", encoding="utf-8")
    (root / "app").chmod(0)

    with pytest.raises(PermissionDenied):
        find_at(str(root), "app")


def test_a_folder_that_is_not_there_is_an_outage(root: Path) -> None:
    with pytest.raises(BackendUnavailable):
        find_at(str(root / "nowhere"), "app")


def test_a_finding_shows_no_value(root: Path) -> None:
    (root / "app").write_text(json.dumps({"a": CANARY}), encoding="utf-8")

    assert CANARY not in repr(find_at(str(root), "app"))
