"""The real Go builds programs for the test bed: together, whole or not at all; faults in its own words."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.testbed.go_build import GoBuild, GoBuildError, build_programs
from tests.testbed.go_toolchain import go_environment, usable_go
from tests.testbed.module_programs import MODULE_PROGRAMS
from tests.testbed.waiting import wait_until

ROOT = Path(__file__).parents[2]
# A package of its own, so that a build of it always compiles something.
_SHARED = "package shared\n\nconst Word = {word!r}\n"
_MAIN = (
    'package main\n\nimport "example.test/two/shared"\n\nfunc main() {{ println("{name}", shared.Word) }}\n'
)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A Go module of two programs, one of which has a version in its path."""
    files = {
        "go.mod": "module example.test/two\n\ngo 1.26\n",
        "shared/shared.go": _SHARED.format(word=tmp_path.name).replace("'", '"'),
        "first/v2/main.go": _MAIN.format(name="first"),
        "second/main.go": _MAIN.format(name="second"),
    }
    for name, text in files.items():
        path = tmp_path / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "module"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the programs are to be."""
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def _both(module: Path) -> GoBuild:
    packages = {"one": "example.test/two/first/v2", "other": "example.test/two/second"}
    return GoBuild(module=module, packages=packages)


def test_programs_are_built_together_under_the_names_they_are_given(
    module: Path, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (target / ".partial-of-a-run-that-was-killed").mkdir()

    build_programs(_both(module), target)

    assert sorted(path.name for path in target.iterdir()) == ["one", "other"]
    words = [
        subprocess.run([target / n], capture_output=True, text=True, check=True).stderr
        for n in ("one", "other")
    ]
    assert words == [f"first {module.parent.name}\n", f"second {module.parent.name}\n"]
    told = capfd.readouterr().err.splitlines()
    assert told[0].startswith("testbed: building one and other, once for this machine: ")
    assert told[-1].startswith("testbed: built one and other in ")


def test_a_fault_is_told_in_the_words_of_the_compiler_and_leaves_nothing(module: Path, target: Path) -> None:
    (module / "second/main.go").write_text("package main\n\nfunc main() { nonsense() }\n", encoding="utf-8")

    with pytest.raises(GoBuildError, match=r"(?s)^go build failed for one and other:.*undefined: nonsense"):
        build_programs(_both(module), target)

    assert list(target.iterdir()) == []


def test_a_package_that_is_not_there_is_named(module: Path, target: Path) -> None:
    wanted = GoBuild(module=module, packages={"none": "example.test/two/none"})

    with pytest.raises(GoBuildError, match=r"(?s)^go list failed for none:.*example\.test/two/none"):
        build_programs(wanted, target)


@pytest.fixture
def needy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoBuild:
    """A program that needs a module from a proxy, in which one file does not compile."""
    place = "example.test/helped/@v"
    files = {
        "go.mod": "module example.test/helped\n\ngo 1.26\n",
        "helped.go": 'package helped\n\nconst Word = "helped"\n',
        "inner/help.go": "package helped\n\nfunc Help() { nonsense() }\n",
        "help.go": 'package helped\n\nimport _ "example.test/helped/inner"\n',
        "other_test.go": "package helped\n",
    }
    folder = tmp_path / "proxy" / place
    folder.mkdir(parents=True)
    (folder / "v1.0.0.info").write_text('{"Version": "v1.0.0"}', encoding="utf-8")
    (folder / "v1.0.0.mod").write_text(files["go.mod"], encoding="utf-8")
    with zipfile.ZipFile(folder / "v1.0.0.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"example.test/helped@v1.0.0/{name}", text)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path / 'proxy'}")
    monkeypatch.setenv("GONOSUMDB", "example.test")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    module = tmp_path / "needy"
    module.mkdir()
    pins = "module example.test/needy\n\ngo 1.26\n\nrequire example.test/helped v1.0.0\n"
    (module / "go.mod").write_text(pins, encoding="utf-8")
    code = 'package main\n\nimport "example.test/helped"\n\nfunc main() { println(helped.Word) }\n'
    (module / "main.go").write_text(code, encoding="utf-8")
    tidy = [str(usable_go("1.26")), "mod", "tidy"]
    subprocess.run(tidy, cwd=module, env=go_environment(), capture_output=True, check=True)
    return GoBuild(module=module, packages={"needy": "example.test/needy"})


def test_a_file_that_is_left_out_of_a_module_is_not_compiled_nor_what_it_alone_imports(
    needy: GoBuild, target: Path
) -> None:
    with pytest.raises(GoBuildError, match="undefined: nonsense"):
        build_programs(needy, target)

    build_programs(replace(needy, left_out={"example.test/helped": "help.go"}), target)

    said = subprocess.run([target / "needy"], capture_output=True, text=True, check=True).stderr
    assert said == "helped\n"
    assert [path.name for path in target.iterdir()] == ["needy"]


def test_a_file_to_leave_out_that_the_module_no_longer_has_is_named(needy: GoBuild, target: Path) -> None:
    with pytest.raises(
        GoBuildError, match=r"^example\.test/helped has no old\.go, which is to be left out of needy$"
    ):
        build_programs(replace(needy, left_out={"example.test/helped": "old.go"}), target)

    assert list(target.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing_that_hinders_the_next(
    module: Path, target: Path, number: signal.Signals
) -> None:
    # What is built takes long: the compiler works on a large constant table.
    rows = ",\n".join(f'"{n}": {{{n}, {n + 1}}}' for n in range(60_000))
    table = f"package shared\n\nvar Table = map[string][2]int{{\n{rows},\n}}\n"
    (module / "shared/table.go").write_text(table, encoding="utf-8")
    code = "import sys, pathlib; from tests.testbed.go_build import *\n"
    code += "p = dict(a.split('=') for a in sys.argv[3:])\n"
    code += "build_programs(GoBuild(module=pathlib.Path(sys.argv[1]), packages=p), pathlib.Path(sys.argv[2]))"
    packages = [f"{name}={package}" for name, package in _both(module).packages.items()]
    build = subprocess.Popen(
        [sys.executable, "-c", code, str(module), str(target), *packages],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert build.stderr is not None
    assert "building one and other" in build.stderr.readline()
    wait_until(lambda: list(target.glob(".partial-*/tmp/go-build*/*")), 60, "the compiler at work")

    build.send_signal(number)
    build.communicate(timeout=60)

    assert build.returncode == -number
    assert [path.name for path in target.iterdir() if not path.name.startswith(".partial-")] == []
    if number is signal.SIGINT:
        assert list(target.iterdir()) == []
    (module / "shared/table.go").unlink()
    build_programs(_both(module), target)
    assert sorted(path.name for path in target.iterdir()) == ["one", "other"]


def test_each_module_of_the_table_is_a_folder_with_its_pins() -> None:
    assert MODULE_PROGRAMS
    for each in MODULE_PROGRAMS:
        assert (each.folder / "go.mod").is_file(), each.name
        assert (each.folder / "go.sum").is_file(), each.name
    assert len({each.name for each in MODULE_PROGRAMS}) == len(MODULE_PROGRAMS)
