"""`scripts/demo` in a fresh clone: packages beside servers, no more than is needed, and a clean end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed.waiting import wait_until

ROOT = Path(__file__).parents[3]
# In place of every Python: it writes down what it is asked, and does as the files in its folder say.
_PYTHON = """\
#!/bin/bash
log=%(log)s
case "$*" in
  --version) echo Python 3.99.0 ;;
  "-m venv --clear "*) echo venv >>"$log"; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  "-m pip install "*" -r "*) echo "pip ${*: -1} $(grep -o -- --no-compile <<<"$*")" >>"$log"; %(pip)s ;;
  "-m pip install "*) echo "pip itself" >>"$log" ;;
  "-m demo.servers") echo servers >>"$log"; %(servers)s ;;
  "-m demo"*) echo "demo ${*:3}" >>"$log" ;;
esac
"""
Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what the scripts read, and nothing that was made yet."""
    folder = tmp_path / "clone"
    for name in ("scripts/demo", "scripts/venv", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements").mkdir()
    for name in ("run", "bed", "dev"):
        (folder / f"requirements/{name}.txt").write_text(f"{name}==1\n", encoding="utf-8")
    return folder


@pytest.fixture
def start(tmp_path: Path, clone: Path) -> Started:
    """Starts a script of the clone with the Python above; `pip` and `servers` say what those do."""

    def run(script: str, *words: str, pip: str = ":", servers: str = ":") -> subprocess.Popen[str]:
        python = tmp_path / "python"
        text = _PYTHON % {"log": tmp_path / "log", "pip": pip, "servers": servers}
        # The Python of an environment that is there already does as this one.
        for path in [python, clone / ".venv/bin/python"]:
            if path.parent.exists():
                path.write_text(text, encoding="utf-8")
                path.chmod(0o755)
        return subprocess.Popen(
            [clone / script, *words],
            env={**os.environ, "PYTHON": str(python)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[], list[str]]:
    """What Python was asked since the last call."""

    def read() -> list[str]:
        log = tmp_path / "log"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.strip() for line in lines]

    return read


def _ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


def test_what_the_demo_needs_is_installed_while_the_servers_are_got_and_then_it_begins(
    start: Started, asked: Callable[[], list[str]], tmp_path: Path
) -> None:
    def meets(mine: str, other: str) -> str:
        return f"touch {tmp_path / mine}; until [ -e {tmp_path / other} ]; do sleep 0.02; done"

    _ended(start("scripts/demo", "once", pip=meets("a", "b"), servers=meets("b", "a")))

    lines = asked()
    assert (lines[0], lines[-1]) == ("venv", "demo once")
    steps = ["pip requirements/run.txt --no-compile", "pip requirements/bed.txt --no-compile", "pip itself"]
    assert [line for line in lines if line.startswith("pip")] == steps
    assert lines.count("servers") == 1


def test_the_second_time_it_begins_at_once(start: Started, asked: Callable[[], list[str]]) -> None:
    _ended(start("scripts/demo"))
    asked()

    said = _ended(start("scripts/demo"))

    assert (asked(), said) == (["demo"], "")


def test_whoever_tests_gets_the_rest_and_the_demo_then_needs_nothing(
    start: Started, asked: Callable[[], list[str]]
) -> None:
    _ended(start("scripts/demo"))
    asked()

    _ended(start("scripts/venv"))
    installed = asked()
    _ended(start("scripts/demo"))

    assert installed == [*(f"pip requirements/{name}.txt" for name in ("run", "bed", "dev")), "pip itself"]
    assert asked() == ["demo"]


def test_a_changed_pin_is_installed(start: Started, asked: Callable[[], list[str]], clone: Path) -> None:
    _ended(start("scripts/demo"))
    asked()
    (clone / "requirements/bed.txt").write_text("bed==2\n", encoding="utf-8")

    _ended(start("scripts/demo"))

    assert "pip requirements/bed.txt --no-compile" in asked()


@pytest.mark.parametrize("failing", ["pip", "servers"])
def test_what_fails_ends_the_other_and_the_demo_does_not_begin(
    start: Started, asked: Callable[[], list[str]], failing: str
) -> None:
    forever = "sleep 600"
    behaviour = {"pip": forever, "servers": forever, failing: "exit 3"}

    process = start("scripts/demo", **behaviour)
    process.communicate(timeout=60)  # returns only when all that was started has ended

    assert process.returncode == 3
    assert not [line for line in asked() if line.startswith("demo")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_and_what_was_half_installed_is_made_anew(
    start: Started, asked: Callable[[], list[str]], tmp_path: Path, number: signal.Signals
) -> None:
    busy = f"touch {tmp_path}/$RANDOM.busy; sleep 600"
    process = start("scripts/demo", pip=busy, servers=busy)
    wait_until(lambda: len(list(tmp_path.glob("*.busy"))) == 2, 60, "both at work")

    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode == 130
    asked()
    _ended(start("scripts/demo"))
    assert asked()[0] == "venv"


def test_a_word_that_is_no_level_is_refused(start: Started) -> None:
    process = start("scripts/venv", "everything")
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert said == "venv: usage: scripts/venv [demo | --bare | --ready LEVEL]; a level is all or demo\n"
