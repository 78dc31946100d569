"""What the command line prints, and with which code the process ends."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from secrets_manager import __version__
from secrets_manager.daemon import cli
from tests.testbed.daemon import base_environment

LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "canary-secret-id"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("flag", ["-version", "--version"])
def test_the_version_is_printed_before_anything_else(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([flag], {}) == 0
    assert capsys.readouterr().out == f"Secrets Manager {__version__}\n"


def test_help_goes_to_stderr_and_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-h"], {}) == 0
    out, err = capsys.readouterr()

    assert out == ""
    assert "-reconcile-period" in err


def test_an_unknown_flag_is_named_first_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-nonsense"], {}) == 2
    out, err = capsys.readouterr()

    assert out == ""
    assert "-nonsense" in err.splitlines()[0]


def test_faults_of_the_settings_are_told_without_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-backend=nonsense"], LOGIN) == 1
    err = capsys.readouterr().err

    assert err == "flag -backend: must be vault or azure-kv\n"


def kubeconfig(folder: Path) -> Path:
    """One that leads to a port where nobody listens."""
    path = folder / "kubeconfig"
    cluster = {"server": "http://127.0.0.1:1"}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": "test", "user": {"token": "canary-token"}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return path


def run(folder: Path, *flags: str, environ: Mapping[str, str] = LOGIN) -> subprocess.CompletedProcess[str]:
    """The program to its end, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "secrets_manager", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**base_environment(), **environ},
        timeout=60,
        check=False,
    )


def test_a_kubeconfig_that_cannot_be_used_is_a_line_for_a_person_and_exits_2(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("a: [canary")
    done = run(tmp_path, f"-kubeconfig={broken}")

    assert done.returncode == 2
    assert f"kubeconfig {str(broken)!r} cannot be used" in done.stderr
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_metrics_port_that_is_taken_exits_1_and_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(tmp_path, f"-kubeconfig={kubeconfig(tmp_path)}", f"-metrics-addr={address}")

    assert done.returncode == 1
    assert address in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_once_without_an_api_server_exits_1_with_the_reason_in_the_log(tmp_path: Path) -> None:
    done = run(tmp_path, "--once", f"-kubeconfig={kubeconfig(tmp_path)}", "-enable-debug-log")
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]

    assert (done.returncode, done.stdout) == (1, "")
    assert [line["reason"] for line in lines if line["msg"] == "cannot list"] == ["ClusterUnavailable"]
    assert "canary" not in done.stderr


def test_notices_of_the_settings_are_logged_at_the_start(tmp_path: Path) -> None:
    flags = ("-vault.role-id=role", "-vault.secret-id=canary-secret-id")
    done = run(tmp_path, "--once", f"-kubeconfig={kubeconfig(tmp_path)}", *flags, environ={})
    warnings = [json.loads(line) for line in done.stderr.splitlines() if '"warn' in line]

    assert warnings
    assert "canary" not in done.stderr


def test_what_a_kubeconfig_holds_inline_is_left_nowhere_on_the_disk(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    path = kubeconfig(tmp_path)
    config = json.loads(path.read_text())
    inline = base64.b64encode(b"canary-key").decode()
    config["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:1"}
    config["users"][0]["user"] = {"client-certificate-data": inline, "client-key-data": inline}
    path.write_text(json.dumps(config))
    done = run(tmp_path, "--once", f"-kubeconfig={path}", environ={**LOGIN, "TMPDIR": str(temporary)})

    assert done.returncode == 1
    assert list(temporary.iterdir()) == []
