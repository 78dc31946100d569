"""Reading logs that grow meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

from bench.audit import BackendCall
from bench.traffic import Identity, Tail, Traffic


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_each_line_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)

    append(path, "one\ntwo\n")
    assert tail.take() == [b"one", b"two"]
    assert tail.take() == []
    append(path, "three\n")
    assert tail.take() == [b"three"]


def test_a_line_that_is_half_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)

    append(path, "one\ntw")
    assert tail.take() == [b"one"]
    append(path, "o\n")
    assert tail.take() == [b"two"]


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "log")

    assert tail.take() == []
    append(tmp_path / "log", "one\n")
    assert tail.take() == [b"one"]


def test_what_is_skipped_is_not_counted(tmp_path: Path) -> None:
    kubernetes, backend = tmp_path / "kubernetes", tmp_path / "backend"
    line = json.dumps(
        {
            "time": "2026-01-02T03:04:05Z",
            "type": "request",
            "auth": {"metadata": {"role_name": "bench"}},
            "request": {"operation": "read", "path": "secret/data/app"},
        }
    )
    traffic = Traffic(
        kubernetes_log=kubernetes, backend_log=backend, identity=Identity(user="daemon", role="bench")
    )

    append(backend, line + "\n")
    traffic.skip()
    append(backend, line + "\n")

    assert traffic.take_backend() == [BackendCall(operation="read", path="secret/data/app", at=1767323045.0)]
    assert traffic.take_kubernetes() == []
