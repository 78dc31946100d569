"""No text and no value takes the process down, or more memory than a rendering may."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import ROOT


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240
    )


def test_every_attack_ends_in_an_error_of_ours_with_a_small_stack_and_little_memory() -> None:
    ended = _run("-m", "tests.unit.templates.attacks")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(" held\n")


def test_minijinja_alone_would_take_the_process_down() -> None:
    """If it no longer does, the limits of the scan may go."""
    program = (
        "import resource, threading; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "threading.stack_size(512 * 1024)\n"
        "from secrets_manager.templates import engine\n"
        "t = threading.Thread(target=engine.check, args=('{{ ' + '-' * 5000 + '1 }}',)); t.start(); t.join()"
    )

    assert _run("-c", program).returncode < 0
