"""Completion: what a real bash offers, what kubectl gets, and silence where the cluster does not answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from secrets_manager.commands import completing, completion
from secrets_manager.commands.cluster import NAMESPACES
from secrets_manager.commands.exit_codes import Exit
from tests.unit.commands.conftest import Desk

# Asks bash for the completions of the words that are its arguments, of which the last is incomplete.
_ASK_BASH = """
source "$SCRIPT" || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_secrets_manager_completion secrets-manager
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(desk: Desk, *words: str) -> list[str]:
    """What kubectl is told, without the directive."""
    assert completion.complete_for_kubectl(words, desk.environ, desk.folder) == 0
    out, err = desk.capsys.readouterr()
    assert err == ""
    *found, directive = out.splitlines()
    assert directive == ":4"
    return [line.partition("\t")[0] for line in found]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder for PATH that has secrets-manager."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "secrets-manager"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m secrets_manager "$@"\n')
    script.chmod(0o755)
    return folder


def test_bash_completes_commands_and_options_by_the_script(desk: Desk, program: Path) -> None:
    assert desk.run("completion", "bash") == Exit.OK
    script = desk.folder / "completion.bash"
    script.write_text(desk.out)

    def offered(*words: str) -> list[str]:
        done = subprocess.run(
            ["/bin/bash", "--norc", "-c", _ASK_BASH, "bash", "secrets-manager", *words],
            env={"PATH": f"{program}:{os.environ['PATH']}", "SCRIPT": str(script), "KUBECONFIG": "/none"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert offered("st") == ["status"]
    assert offered("policy", "t") == ["test"]
    assert "--not-ready" in offered("status", "--n")
    assert offered("status", "-n", "sh") == []


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("bash_complete", {"COMP_WORDS": "secrets-manager st", "COMP_CWORD": "x"}),
        ("bash_complete", {"COMP_WORDS": "secrets-manager st"}),
        ("zsh_complete", {"COMP_CWORD": "1"}),
        ("fish_complete", {}),
        ("bash_nothing", {"COMP_WORDS": "secrets-manager st", "COMP_CWORD": "1"}),
        ("x", {}),
    ],
)
def test_a_shell_that_asks_otherwise_than_its_script_gets_no_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, asked: str, more: dict[str, str]
) -> None:
    for name, value in {"_SECRETS_MANAGER_COMPLETE": asked, **more}.items():
        monkeypatch.setenv(name, value)
        desk.environ[name] = value

    assert desk.run() in {Exit.NO, Exit.FAULT}
    assert (desk.out, desk.err) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_that_is_here_reads_the_script_without_a_fault(desk: Desk, shell: str) -> None:
    assert desk.run("completion", shell) == Exit.OK
    assert "_SECRETS_MANAGER_COMPLETE" in desk.out
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here")
    script = desk.folder / "script"
    script.write_text(desk.out)
    done = subprocess.run([found, "-n", str(script)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_fish_completes_commands_by_the_script(desk: Desk, program: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish here")
    desk.run("completion", "fish")
    script = desk.folder / "completion.fish"
    script.write_text(desk.out)
    done = subprocess.run(
        [fish, "--no-config", "-c", f"source {script}; complete -C 'secrets-manager su'"],
        env={"PATH": f"{program}:{os.environ['PATH']}", "HOME": str(desk.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\t")[0] == "suspend"


def test_names_come_from_the_cluster(desk: Desk) -> None:
    for name in ("app", "api", "web"):
        desk.define(name)
    desk.define("apart", namespace="other")

    assert completed(desk, "status", "ap") == ["api", "app"]
    assert completed(desk, "status", "-n", "other", "ap") == ["apart"]
    assert completed(desk, "explain", "other/") == ["other/apart"]
    assert completed(desk, "suspend", "api", "w") == ["web"]
    assert desk.api.calls["get", "secrets"] == desk.api.calls["list", "secrets"] == 0


def test_namespaces_come_from_the_cluster(desk: Desk) -> None:
    for name in ("shop", "shelf", "other"):
        desk.api.create(NAMESPACES, "", {"kind": "Namespace", "metadata": {"name": name, "namespace": ""}})

    assert completed(desk, "status", "-n", "sh") == ["shelf", "shop"]


def test_where_the_cluster_refuses_nothing_is_offered_and_nothing_said(desk: Desk) -> None:
    desk.api.forbid("list", "secretdefinitions")

    assert completed(desk, "status", "a") == []
    desk.environ["KUBECONFIG"] = "/nonexistent"
    assert completed(desk, "status", "a") == []


def test_a_cluster_that_hangs_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_PATIENCE_SECONDS", 0.05)
    never = threading.Event()
    monkeypatch.setattr(desk.api, "pages", lambda _scope: iter(lambda: never.wait(30), None))

    assert completed(desk, "status", "a") == []
    never.set()


def test_no_more_names_than_anybody_reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_MOST_NAMES", 3)
    for number in range(5):
        desk.define(f"app-{number}")

    assert len(completed(desk, "status", "app")) == 3


def test_commands_are_offered_with_a_word_about_each(desk: Desk) -> None:
    assert completed(desk, "su") == ["suspend"]
    assert completed(desk, "sync", "--al") == ["--all"]
    assert set(completed(desk, "")) >= {"status", "explain", "sync"}
