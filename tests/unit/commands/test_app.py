"""How a command is found, and how it ends, whatever went wrong."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from secrets_manager import commands
from secrets_manager.commands import COMMANDS, app
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.kinds import Plain, WithFlags
from secrets_manager.commands.once import once
from secrets_manager.daemon import cli
from tests.unit.commands.conftest import CANARY, Desk

PROGRAM = [sys.executable, "-m", "secrets_manager"]


def test_every_word_of_the_table_has_a_command_that_says_what_it_does(desk: Desk) -> None:
    for word in COMMANDS:
        assert desk.run(word, "--help") == Exit.OK
        assert desk.out.startswith(f"Usage: secrets-manager {word}")
    assert desk.run("help") == Exit.OK
    assert all(f"\n  {word} " in desk.out for word in COMMANDS)
    assert not re.search(r"^  [a-z]+ .*\.\.\.$", desk.out, re.MULTILINE), "give it a short_help that fits"
    assert all(f"\n  {code:<3}  " in desk.out for code in map(int, Exit))


# The words of a command, and the rights by which it is done with all that it can tell.
RIGHTS = {
    ("status",): {("list", "secretdefinitions"), ("list", "secrets")},
    ("status", "a"): {("get", "secretdefinitions"), ("get", "secrets")},
    ("explain", "a"): {
        ("get", "secretdefinitions"),
        ("list", "secretdefinitions"),
        ("list", "events"),
        ("get", "secrets"),
    },
    ("sync", "a"): {("get", "secretdefinitions"), ("patch", "secretdefinitions")},
    ("sync", "a", "--wait", "--timeout", "1ms"): {
        ("get", "secretdefinitions"),
        ("patch", "secretdefinitions"),
        ("list", "events"),
    },
    ("suspend", "--all"): {(verb, "secretdefinitions") for verb in ("get", "list", "patch")},
    ("resume", "a"): {("get", "secretdefinitions"), ("patch", "secretdefinitions")},
}


@pytest.mark.parametrize("words", RIGHTS, ids=" ".join)
def test_the_help_of_a_command_names_the_rights_that_it_uses(desk: Desk, words: tuple[str, ...]) -> None:
    desk.define("a", spec={"suspend": words[0] == "resume"})
    desk.report("a")
    desk.secret("a-secret")
    desk.api.calls.clear()

    assert desk.run(*words) in {Exit.OK, Exit.UNREACHED}
    assert desk.api.calls.keys() == RIGHTS[words]
    desk.run(words[0], "--help")
    rights = desk.out.partition("It needs the right")[2].partition("The exit code")[0]
    for verb, resource in RIGHTS[words]:
        assert re.search(rf"\b{verb}s?\b", rights), verb
        assert re.search(rf"\b{resource}\b", rights), resource


def test_every_command_says_whether_it_takes_flags_of_the_daemon(desk: Desk) -> None:
    context = click.Context(app.app, obj=None)
    for word in COMMANDS:
        found = app.app.get_command(context, word)
        assert isinstance(found, Plain | WithFlags | click.Group) or found is once
    assert desk.run("status", "--", "-backend=azure-kv") == Exit.FAULT
    assert "nothing may stand behind --" in desk.err


@pytest.mark.parametrize(
    ("word", "meant"), [("statsu", "status"), ("explian", "explain"), ("Status", "status")]
)
def test_a_word_that_is_nearly_a_command_starts_no_daemon(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.mistyped([word]) == word
    assert commands.refuse(word) == Exit.FAULT
    assert f"did you mean {meant!r}?" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["manager"], ["-backend=vault", "status"], ["--statsu"], ["/x"], [""]])
def test_any_other_first_word_is_the_daemons_as_with_go(argv: list[str]) -> None:
    assert not commands.is_command(argv, {})
    assert not commands.mistyped(argv)


def test_the_usage_of_the_daemon_names_the_commands_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-h"], {}) == 0
    last = capsys.readouterr().err.splitlines()[-1]

    assert last == "Besides the daemon there are commands, such as status: `secrets-manager help` lists them."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (BrokenPipeError(errno.EPIPE, "gone"), Exit.HUNG_UP),
        (ValueError(f"with {CANARY}"), Exit.INTERNAL),
    ],
)
def test_an_error_ends_with_its_code_and_without_a_traceback_or_its_text(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(desk.api, "pages", raising)

    assert desk.run("status") == code
    assert "Traceback" not in desk.err
    if code is Exit.INTERNAL:
        assert "a fault of this program: ValueError at test_app.py:" in desk.err


def test_a_fault_of_the_arguments_quotes_them_without_control_codes(desk: Desk) -> None:
    assert desk.run("status", "-o", "x\x1b[2J\n") == Exit.FAULT
    assert "\x1b" not in desk.err


def test_a_reader_that_went_away_is_no_fault(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "completion", "bash"], stdout=write, stderr=subprocess.PIPE, check=False, cwd=tmp_path
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (Exit.HUNG_UP, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("words", [("completion", "bash"), ("status", "--help")])
def test_an_answer_that_cannot_be_written_is_a_fault(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, check=False, cwd=tmp_path
        )

    assert done.returncode == Exit.FAULT
    assert done.stderr == b"secrets-manager: standard output cannot be written to (OSError)\n"


def test_a_file_that_cannot_be_read_is_not_taken_for_standard_output(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "a broken disk")

    monkeypatch.setattr(desk.api, "pages", broken)

    assert desk.run("status") == Exit.INTERNAL
    assert "standard output" not in desk.err


@pytest.mark.parametrize("words", [(), ("policy",)])
def test_a_word_that_is_missing_brings_the_help(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run(*words) == Exit.FAULT
    assert desk.err.startswith(f"Usage: {' '.join(('secrets-manager', *words))} [OPTIONS] COMMAND")
    assert "\nCommands:\n  " in desk.err


def test_a_closed_standard_output_is_a_fault(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *PROGRAM, "completion", "bash"],
        stderr=subprocess.PIPE,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == Exit.FAULT
    assert b"standard output" in done.stderr


def modules(*words: str) -> set[str]:
    """The modules that are loaded when the program ends.

    Flask is there for tests alone. Dynaconf would load it, and with it click.
    """
    code = (
        "import os, sys\n"
        "sys.modules['flask'] = None\n"
        f"sys.argv = ['secrets-manager', *{list(words)!r}]\n"
        "os._exit = lambda code: (print(*sys.modules, file=sys.stderr, flush=True), sys.exit())\n"
        "import secrets_manager.__main__ as program\n"
        "program.main()\n"
    )
    environ = {"PATH": os.environ["PATH"], "KUBECONFIG": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environ)
    return set(done.stderr.decode().splitlines()[-1].split())


def test_the_daemon_loads_nothing_that_only_commands_need() -> None:
    loaded = modules("-version")

    assert "secrets_manager.daemon.cli" in loaded
    assert not loaded & {"click", "rich"}
    assert {name for name in loaded if name.startswith("secrets_manager.commands")} == {
        "secrets_manager.commands"
    }


def test_status_loads_neither_the_daemon_nor_a_backend() -> None:
    loaded = modules("status")

    assert "secrets_manager.commands.status" in loaded
    for unwanted in ("daemon.cli", "daemon.core", "daemon.metrics", "backends.factory", "backends.vault"):
        assert f"secrets_manager.{unwanted}" not in loaded
    assert not loaded & {"hvac", "prometheus_client", "dynaconf", "apscheduler", "minijinja"}
