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


@pytest.mark.parametrize(
    ("flag", "code", "named"), [("-h", 0, "-reconcile-period"), ("-nonsense", 2, "-nonsense")]
)
def test_help_and_what_is_wrong_with_a_flag_go_to_stderr(
    flag: str, code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([flag], {}) == code
    out, err = capsys.readouterr()

    assert out == ""
    assert named in (err.splitlines()[0] if code else err)


def test_faults_of_the_settings_are_reported_without_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-backend=nonsense"], LOGIN) == 1
    err = capsys.readouterr().err

    assert err == "flag -backend: must be vault or azure-kv\n"


def test_a_working_folder_that_is_gone_holds_no_settings_file_and_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert cli.main(["-backend=nonsense"], LOGIN) == 1
    assert capsys.readouterr().err == "flag -backend: must be vault or azure-kv\n"


def kubeconfig(folder: Path) -> Path:
    """A kubeconfig of a port where nothing listens."""
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


def run(
    folder: Path,
    *flags: str,
    environ: Mapping[str, str] = LOGIN,
    launcher: tuple[str, str] = ("-m", "secrets_manager"),
) -> subprocess.CompletedProcess[str]:
    """The program to its end, as a process of its own."""
    return subprocess.run(
        [sys.executable, *launcher, *flags],
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
    assert f"kubeconfig {str(broken)!r} is not valid YAML" in done.stderr
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

    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "all namespaces not listed")
    assert [line["reason"] for line in lines if line["msg"] == "cannot list the definitions"] == [
        "ClusterUnavailable"
    ]
    assert "canary" not in done.stderr


@pytest.mark.parametrize("error", ["MemoryError()", "RuntimeError('no thread')", "KeyError(b'x')"])
def test_a_main_thread_that_fails_ends_the_process_with_1_and_says_why(tmp_path: Path, error: str) -> None:
    program = (
        "from secrets_manager import __main__ as program\n"
        "from secrets_manager.daemon.daemon import Daemon\n"
        "def fail(_):\n"
        f"    raise {error}\n"
        "Daemon.run = fail\n"
        "program.main()\n"
    )
    flags = (f"-kubeconfig={kubeconfig(tmp_path)}", "-metrics-addr=0")
    done = run(tmp_path, *flags, launcher=("-c", program))
    last = json.loads(done.stderr.splitlines()[-1])

    assert done.returncode == 1
    assert (last["level"], last["msg"]) == ("error", "uncaught exception")
    assert last["error"] == error.partition("(")[0]


def test_a_version_that_cannot_be_printed_is_not_taken_for_printed(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "secrets_manager", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=base_environment(),
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_faults_of_the_settings_keep_their_exit_code_whichever_stream_is_closed(
    tmp_path: Path, closed: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m secrets_manager -nonsense {closed}"],
        capture_output=True,
        cwd=tmp_path,
        env=base_environment(),
        timeout=60,
        check=False,
    )

    assert done.returncode == 2


def test_notices_of_the_settings_are_logged_at_the_start(tmp_path: Path) -> None:
    flags = ("-vault.role-id=role", "-vault.secret-id=canary-secret-id")
    done = run(tmp_path, "--once", f"-kubeconfig={kubeconfig(tmp_path)}", *flags, environ={})
    warnings = [json.loads(line) for line in done.stderr.splitlines() if '"warn' in line]

    assert warnings
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"), [((), True), (("-policy.paths=*",), True), (("-policy.paths=secret/a",), False)]
)
def test_a_missing_path_policy_causes_a_warning_at_the_start(
    tmp_path: Path, flags: tuple[str, ...], *, said: bool
) -> None:
    done = run(tmp_path, "--once", f"-kubeconfig={kubeconfig(tmp_path)}", *flags)
    warnings = [json.loads(line)["msg"] for line in done.stderr.splitlines() if '"warn' in line]

    assert any("no path policy is set" in line for line in warnings) is said


def test_inline_credentials_of_a_kubeconfig_are_left_nowhere_on_the_disk(tmp_path: Path) -> None:
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
