"""Servers that others have built: taken by checksum, and given up soon where the network is bad."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.testbed.envtest import Archive, ArchiveError, Patience, archive_for, await_address, fetch
from tests.testbed.processes import free_port
from tests.unit.testbed.archive_server import PROGRAMS, archive, packed, served


def _refused(wanted: Archive, folder: Path, patience: Patience | None = None) -> str:
    """What is said of an archive that is not taken; nothing of it is left."""
    with pytest.raises(ArchiveError) as caught:
        fetch(wanted, folder, patience)
    assert list(folder.parent.iterdir()) == []
    return str(caught.value)


def test_the_programs_of_the_right_archive_are_kept_and_can_be_run(tmp_path: Path) -> None:
    content, folder = packed(), tmp_path / "cache" / "envtest"

    with served(content) as url:
        fetch(archive(url, content), folder)

    assert sorted(path.name for path in folder.iterdir()) == sorted(PROGRAMS)
    assert [path.name for path in tmp_path.rglob("*escaped*")] == []
    assert list(folder.parent.iterdir()) == [folder]
    for name in PROGRAMS:
        assert (
            subprocess.run([folder / name], capture_output=True, text=True, check=True).stdout == f"{name}\n"
        )


def test_a_file_of_the_users_own_is_taken_too_by_its_checksum(tmp_path: Path) -> None:
    content, file = packed(), tmp_path / "envtest.tar.gz"
    file.write_bytes(content)

    fetch(archive(file.as_uri(), content), tmp_path / "envtest")

    assert (tmp_path / "envtest" / "etcd").read_bytes() == PROGRAMS["etcd"]


def test_an_archive_with_another_checksum_is_not_even_unpacked(tmp_path: Path) -> None:
    with served(packed({**PROGRAMS, "etcd": b"evil"})) as url:
        said = _refused(archive(url, packed()), tmp_path / "envtest")

    assert said == "what came is another file than its maintainers list (its SHA-512 differs)"


def test_an_archive_that_lacks_a_program_is_refused(tmp_path: Path) -> None:
    content = packed({"etcd": b""})
    with served(content) as url:
        said = _refused(archive(url, content), tmp_path / "envtest")

    assert said == "the archive has no kube-apiserver"


def test_a_transfer_that_ends_early_says_how_far_it_came(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(3_000_000)  # noqa: S311 - it must only resist compression
    content = packed({**PROGRAMS, "etcd": noise})
    with served(content, sent=-1) as url:
        said = _refused(archive(url, content), tmp_path / "envtest")

    assert said == "the transfer ended after 1.5 of 3.0 MB"


@pytest.mark.parametrize("sent", [0, 10])
def test_a_server_that_stands_still_is_given_up(tmp_path: Path, sent: int) -> None:
    content = packed()
    with served(content, sent=sent) as url:
        said = _refused(archive(url, content), tmp_path / "envtest", Patience(answer=0.1))

    assert said.endswith(": timed out")


def test_an_answer_other_than_the_archive_is_given_up(tmp_path: Path) -> None:
    with served(packed(), status=404) as url:
        said = _refused(archive(url, packed()), tmp_path / "envtest")

    assert said.startswith("127.0.0.1:")
    assert said.endswith("Not Found")


def test_a_server_that_cannot_be_reached_is_given_up_at_once(tmp_path: Path) -> None:
    port = free_port()

    said = _refused(archive(f"http://127.0.0.1:{port}/archive", b""), tmp_path / "envtest")

    assert said == f"127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize("address", ["nonsense://127.0.0.1/archive", "archive.tar.gz"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    assert "unknown url type" in _refused(archive(address, b""), tmp_path / "envtest")


def test_a_name_that_nobody_resolves_in_time_is_given_up() -> None:
    answered = threading.Event()
    try:
        with pytest.raises(TimeoutError, match=r"no address for mirror\.example within 0\.05 s"):
            await_address("https://mirror.example/x", 0.05, lambda _: answered.wait(30))
    finally:
        answered.set()


def test_a_name_that_is_unknown_is_given_up_at_once() -> None:
    def unknown(_: str) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError, match="not known"):
        await_address("https://mirror.example/x", 30, unknown)


def test_a_proxy_is_left_to_find_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    asked = list[str]()

    await_address("https://mirror.example/x", 1, asked.append)

    assert asked == []


@pytest.mark.parametrize(
    ("seconds", "got", "judged"),
    [
        (9, 1, "to be waited for"),
        (10, 4_999_999, "too slow"),
        (10, 5_000_000, "to be waited for"),
        (60, 29_000_000, "too slow"),
        (119, 59_900_000, "to be waited for"),
        (121, 59_999_999, "too slow"),
    ],
)
def test_what_would_take_longer_than_compiling_is_given_up(seconds: float, got: int, judged: str) -> None:
    too_slow = Patience().too_slow(seconds, got, size=60_000_000)

    assert ("too slow" if too_slow else "to be waited for") == judged


@pytest.mark.parametrize(("machine", "kind"), [("x86_64", "linux-amd64"), ("aarch64", "linux-arm64")])
def test_each_machine_has_its_own_archive_of_the_same_minor_version_as_the_tests(
    machine: str, kind: str
) -> None:
    found = archive_for(machine=machine, system="linux")

    assert found is not None
    assert found.url.endswith(f"/envtest-v{found.version}-{kind}.tar.gz")
    assert len(bytes.fromhex(found.sha512)) == 64
    pins = (Path(__file__).parents[2] / "testbed" / "go.mod").read_text(encoding="utf-8")
    assert f"\tk8s.io/kubernetes v{found.version.rpartition('.')[0]}." in pins


def test_a_mirror_must_have_the_very_same_archive() -> None:
    ours, mirrored = (archive_for(mirror, "x86_64", "linux") for mirror in ("", "https://mirror.example/a"))

    assert ours is not None
    assert mirrored is not None
    assert (mirrored.url, mirrored.sha512) == ("https://mirror.example/a", ours.sha512)


def test_there_is_none_for_a_machine_of_which_no_checksum_is_known() -> None:
    assert archive_for(machine="riscv64", system="linux") is None
    assert archive_for(machine="x86_64", system="darwin") is None
