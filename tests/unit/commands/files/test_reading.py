"""Files are found as kubectl finds them, and what cannot be read is told by its name."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from secrets_manager.commands.files import reading
from secrets_manager.commands.files.reading import Text, Unread, texts


def read(*names: str | Path, stdin: bytes = b"", recursive: bool = False) -> list[Text | Unread]:
    return list(texts([str(name) for name in names], io.BytesIO(stdin), recursive=recursive))


def names(found: list[Text | Unread], below: Path) -> list[str]:
    return [os.path.relpath(each.name, below) for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "c.json", "D.YAML", "notes.txt", "below/e.yaml", "below/deeper/f.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"of: {name}\n", encoding="utf-8")
    return tmp_path


def test_a_folder_gives_its_manifests_in_order(folder: Path) -> None:
    assert names(read(folder), folder) == ["D.YAML", "a.yml", "b.yaml", "c.json"]


def test_folders_in_it_are_looked_into_if_that_is_wished(folder: Path) -> None:
    found = read(folder, recursive=True)

    assert names(found, folder)[4:] == ["below/e.yaml", "below/deeper/f.yml"]


def test_a_file_that_is_named_is_read_whatever_it_is_called_and_once(folder: Path) -> None:
    file = folder / "notes.txt"

    assert read(file, file) == [Text(str(file), "of: notes.txt\n")]


def test_standard_input_is_a_file_too() -> None:
    assert read("-", stdin=b"a: 1\n") == [Text("(standard input)", "a: 1\n")]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read(tmp_path)[0] == Text(str(tmp_path / "a.yaml"), "a: 1\n")


@pytest.mark.parametrize(
    "content", ["a: ü".encode("latin-1"), "a: 1".encode("utf-16"), b"\x89PNG\r\n\x1a\n\xff"]
)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)

    assert read(tmp_path) == [Unread(str(tmp_path / "a.yaml"), "is not text in UTF-8")]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere.yaml", "cannot be read: No such file or directory"),
        ("a\0b", "cannot be read: its name is not valid"),
    ],
)
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str, why: str) -> None:
    assert read(f"{tmp_path}/{name}") == [Unread(f"{tmp_path}/{name}", why)]


def test_a_link_to_itself_is_told_and_a_loop_of_folders_has_an_end(folder: Path) -> None:
    (folder / "self.yaml").symlink_to("self.yaml")
    (folder / "below" / "up").symlink_to(folder)

    assert len(read(folder, recursive=True)) == 6
    (told,) = read(folder / "self.yaml")
    assert isinstance(told, Unread)
    assert "symbolic links" in told.why


def test_in_a_folder_only_files_are_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()

    assert len(read(folder)) == 4


def test_a_pipe_that_is_named_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a: 1\n",))
    writer.start()

    assert read(pipe) == [Text(str(pipe), "a: 1\n")]
    writer.join()


def test_a_file_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 2**20)

    assert read("/dev/zero") == [Unread("/dev/zero", "is larger than 1 MiB")]


@pytest.mark.parametrize(
    ("recursive", "more"), [(False, "; -R looks into the folders in it, too"), (True, "")]
)
def test_a_folder_without_manifests_is_told(tmp_path: Path, recursive: int, more: str) -> None:
    (tmp_path / "notes.txt").write_text("")

    (told,) = read(tmp_path, recursive=bool(recursive))

    assert told == Unread(str(tmp_path), f"has no file that ends in .yaml, .yml, .json{more}")


def test_a_folder_that_may_not_be_looked_into_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)

    assert read(folder, recursive=True)[-1] == Unread(
        str(folder / "below"), "cannot be read: Permission denied"
    )


def test_a_name_of_bytes_that_are_no_text_can_be_shown(tmp_path: Path) -> None:
    path = os.fsdecode(bytes(tmp_path) + b"/\xff.yaml")
    Path(path).write_text("a: 1\n", encoding="utf-8")

    (found,) = read(tmp_path)

    assert found.name.endswith("/\\udcff.yaml")
