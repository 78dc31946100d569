"""`make demo` as a person sees it: it shows what it promises, can be played with, and leaves no trace."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import yaml

from demo.__main__ import main
from demo.screen import Screen, log_line
from tests.integration.deployment_support import SAMPLES
from tests.testbed.binaries import program
from tests.testbed.waiting import wait_until

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0


def _environment(tmp_path: Path) -> dict[str, str]:
    """Our environment with settings that must not reach the daemon, and a folder for temporary files.

    First in PATH is the kubectl of the tests: the demo would say so if it did not like another.
    """
    misleading = {
        "VAULT_ADDR": "http://127.0.0.1:1",
        "SECRETS_MANAGER_BACKEND": "azure-kv",
        "KUBECONFIG": "/no",
    }
    path = f"{program('kubectl').parent}:{os.environ['PATH']}"
    return {**os.environ, **misleading, "PATH": path, "TMPDIR": str(tmp_path)}


def _left_running(tmp_path: Path) -> list[str]:
    """The command lines of processes that work below the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # the process may end meanwhile
            found.append(file.read_text(encoding="utf-8", errors="replace"))
    return [command for command in found if str(tmp_path) in command]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All that `scripts/demo once` prints; it ended with 0 and left nothing behind."""
    tmp_path = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [str(ROOT / "scripts" / "demo"), "once"],
        env=_environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert list(tmp_path.iterdir()) == []
    assert _left_running(tmp_path) == []
    return done.stdout


def test_the_demo_shows_which_definition_became_which_secret(shown: str) -> None:
    samples = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SAMPLES.glob("*.yaml")]
    definitions = [sample for sample in samples if sample["kind"] == "SecretDefinition"]

    assert definitions
    for definition in definitions:
        name, secret = definition["metadata"]["name"], definition["spec"]["name"]
        assert re.search(rf"^ +{name} +{secret} +True +Synced ", shown, re.MULTILINE)
        assert re.search(rf"^ +{name} +{secret} +\S+ \d+ bytes", shown, re.MULTILINE)
        assert re.search(rf"daemon \| Secret created .*name={name} +secret={secret} ", shown)


def test_the_demo_shows_a_change_arriving_in_the_secret(shown: str) -> None:
    assert "mail-api-key was 'example-mail-api-key', is 'example-mail-api-key-rotated'" in shown
    assert re.search(r"daemon \| Secret replaced .*secret=third-parties +keys=mail-api-key", shown)


def test_the_demo_shows_a_repair_a_failure_and_a_deletion(shown: str) -> None:
    assert "the Secret app-settings is there again" in shown
    assert re.search(r"legacy-settings +False +EngineMismatch +the reply for path", shown)
    assert re.search(r"daemon \| Secret deleted .*secret=binary-keystore", shown)


def test_the_demo_prints_where_the_servers_are(shown: str) -> None:
    assert re.search(r"^ +KUBECONFIG=/\S+$", shown, re.MULTILINE)
    assert re.search(r"^ +VAULT_ADDR=http://127\.0\.0\.1:\d+$", shown, re.MULTILINE)


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A demo that was started without `once`, and the file of its output."""
    output = tmp_path.parent / f"{tmp_path.name}.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(ROOT / "scripts" / "demo")],
            env=_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process, output
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def test_the_demo_can_be_played_with_until_it_is_interrupted(
    staying: tuple[subprocess.Popen[bytes], Path], tmp_path: Path
) -> None:
    process, output = staying
    wait_until(lambda: "Ctrl-C ends the demo" in output.read_text(), _PATIENCE, "the invitation to play")
    shell = re.findall(r"source (\S+)", output.read_text())[0]

    _shell(shell, "bao kv put -mount=secret shop/mail api_key=mine")
    wait_until(lambda: _shell(shell, _mail_key()) == "mine", 60, "the value in the Secret")
    wait_until(lambda: output.read_text().count("Secret replaced") == 2, what="the daemon's word for it")
    assert _shell(shell, "vault kv get -mount=secret -field=api_key shop/mail").strip() == "mine"
    process.send_signal(signal.SIGINT)

    assert process.wait(_PATIENCE) == 0
    assert "stopped" in output.read_text()
    assert list(tmp_path.iterdir()) == []
    assert _left_running(tmp_path) == []


def test_an_interrupt_in_the_middle_of_the_demo_leaves_nothing_behind(
    staying: tuple[subprocess.Popen[bytes], Path], tmp_path: Path
) -> None:
    process, output = staying
    wait_until(lambda: "1. etcd" in output.read_text(), _PATIENCE, "the first step")

    process.send_signal(signal.SIGINT)

    assert process.wait(_PATIENCE) == 130
    assert "Traceback" not in output.read_text()
    assert list(tmp_path.iterdir()) == []
    assert _left_running(tmp_path) == []


def _shell(environment: str, command: str) -> str:
    """The output of a command in a shell that has read the file the demo names."""
    done = subprocess.run(
        ["/bin/bash", "-ec", f"source {environment}; {command}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _mail_key() -> str:
    return "kubectl get secret third-parties -n shop -o jsonpath='{.data.mail-api-key}' | base64 -d"


def test_the_demo_refuses_an_unknown_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["twice"]) == 2

    assert capsys.readouterr().err.startswith("usage: scripts/demo [once]")


def test_steps_are_numbered_and_their_lines_indented() -> None:
    out = StringIO()
    screen = Screen(out)

    screen.step("First")
    screen.command("kubectl", "version")
    screen.step("Second")
    screen.table([("a", "long cell"), ("longer", "b")])

    assert out.getvalue().splitlines() == [
        "",
        "1. First",
        "   $ kubectl version",
        "",
        "2. Second",
        "   a       long cell",
        "   longer  b",
    ]


def test_a_log_line_is_shown_as_its_message_and_its_subject() -> None:
    raw = '{"level":"info","ts":1.5,"msg":"Secret created","name":"app","keys":"a,b","secret":""}'

    assert log_line(raw) == "Secret created  name=app  keys=a,b"


@pytest.mark.parametrize("raw", ["plain words", "[1]", ""])
def test_a_line_that_is_not_a_log_line_is_shown_as_it_is(raw: str) -> None:
    assert log_line(raw) == raw
