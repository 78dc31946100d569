"""`scripts/test` runs a few tests that failed once more, and calls them unsteady if they pass then."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).parents[3] / "scripts" / "test"
_STEADY = "def test_steady(): pass\n"
# Fails when it is run for the first time.
_UNSTEADY = """
from pathlib import Path
def test_unsteady():
    ran = Path(__file__).with_name("ran")
    before = ran.exists()
    ran.touch()
    assert before
"""
_WRONG = "def test_wrong_{}(): Path(__file__).with_name('{}').open('a').write('x'); assert False\n"


def test_a_test_that_passes_alone_is_named_and_the_run_passes(tmp_path: Path) -> None:
    done = _run(tmp_path, _STEADY + _UNSTEADY)

    assert done.returncode == 0, done.stdout
    assert "unsteady, failed among others and passed alone: test_it.py::test_unsteady" in done.stdout
    assert "test_steady" not in done.stdout.partition("run again")[2]


def test_a_test_that_fails_alone_too_fails_the_run(tmp_path: Path) -> None:
    done = _run(tmp_path, _wrong(1))

    assert done.returncode == 1, done.stdout
    assert "unsteady" not in done.stdout
    assert (tmp_path / "0").read_text(encoding="utf-8") == "xx"


def test_more_than_three_failures_are_no_matter_of_time(tmp_path: Path) -> None:
    done = _run(tmp_path, _wrong(4))

    assert done.returncode == 1, done.stdout
    assert "4 failed, and no more than 3 are run again" in done.stdout
    assert (tmp_path / "0").read_text(encoding="utf-8") == "x"


def test_a_file_that_cannot_be_imported_is_not_tried_again(tmp_path: Path) -> None:
    done = _run(tmp_path, "import no_such_module\n")

    assert done.returncode != 0, done.stdout
    assert "unsteady" not in done.stdout


def _wrong(count: int) -> str:
    return "from pathlib import Path\n" + "".join(_WRONG.format(n, n) for n in range(count))


def _run(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    words: list[str | Path] = [_SCRIPT, "-n", "0", "-c", settings, "--rootdir", folder, folder]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
