"""Builds Go programs in one call, shows how far it is, and leaves whole programs or none.

In one call, packages that several programs share are compiled once and no core waits for a linker. Knows
nothing of which programs they are.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed.go_thrift import COMPILER, ENVIRONMENT, at_once
from tests.testbed.go_toolchain import go_environment, usable_go
from tests.testbed.left_out import copy_pins, copy_without
from tests.testbed.progress import Progress, duration, listing, say

__all__ = ["GoBuild", "GoBuildError", "build_programs"]

_PARTIAL = ".partial-"
_TICK_SECONDS = 1.0
_PATIENCE = 10.0
_DOWNLOAD = "go: downloading "
_KEPT_LINES = 40


class GoBuildError(Exception):
    """Go could not build something; the message ends with its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """What is built: of the Go module in ``module`` the ``packages``, which are import paths by program.

    ``tags`` are Go's build tags, which leave files of the packages out. ``left_out`` has files that are left
    out besides: by the path of a module that is needed, the path of a file in it.
    """

    module: Path
    packages: Mapping[str, str]
    ldflags: str = "-s -w"
    tags: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return listing(list(self.packages))


def build_programs(wanted: GoBuild, folder: Path) -> None:
    """Build all programs into ``folder``, each of which appears there when it is whole. Raises GoBuildError.

    The caller sees to it that nobody else builds into the folder: what an earlier build has left is removed.
    """
    for left in folder.glob(f"{_PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
    go = usable_go(_least_go(wanted.module))
    with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=folder, ignore_cleanup_errors=True) as name:
        call = _Call(go=go, wanted=wanted, scratch=Path(name))
        call.leave_out()
        progress = Progress(f"{wanted}: packages compiled")
        packages = call.count_packages()
        say(f"building {wanted}, once for this machine: {packages:,} packages, minutes on two cores")
        for program in call.compile(packages, progress):
            program.rename(folder / program.name)
    say(f"built {wanted} in {duration(progress.seconds)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """Calls of one `go` for one build, with a folder for all that it writes."""

    go: Path
    wanted: GoBuild
    scratch: Path

    def leave_out(self) -> None:
        """Make copies of the modules of which a file is left out, and a go.mod in which they are meant."""
        if not self.wanted.left_out:
            return
        pins = copy_pins(self.wanted.module, self.scratch)
        for module, file in self.wanted.left_out.items():
            copy = self.scratch / "modules" / module
            try:
                copy_without(self._source(module), file, copy)
            except FileNotFoundError as error:
                raise GoBuildError(
                    f"{module} has no {file}, which is to be left out of {self.wanted}"
                ) from error
            self._wait("mod", "edit", f"-replace={module}={copy}", str(pins))

    def _source(self, module: str) -> Path:
        """The folder of a module's source code, fetched first if need be."""
        self._wait("mod", "download", module)
        with contextlib.closing(self._run("list", "-m", "-f", "folder {{.Dir}}", module)) as lines:
            found = [line.removeprefix("folder ") for line in lines if line.startswith("folder ")]
        return Path(found[0])

    def _pins(self) -> tuple[str, ...]:
        return ("-modfile", str(self.scratch / "go.mod")) if self.wanted.left_out else ()

    def _wait(self, *words: str) -> None:
        with contextlib.closing(self._run(*words)) as lines:
            for _ in lines:
                pass

    def count_packages(self) -> int:
        """How many packages the programs are made of. Gets the modules' sources, which takes a while too."""
        progress = Progress(f"{self.wanted}: modules of source code fetched")
        listed = downloads = 0
        command = (
            "list",
            *self._pins(),
            "-tags",
            self.wanted.tags,
            "-deps",
            "-f",
            "package {{.ImportPath}}",
            *self.wanted.packages.values(),
        )
        with contextlib.closing(self._run(*command)) as lines:
            for line in lines:
                listed += line.startswith("package ")
                downloads += line.startswith(_DOWNLOAD)
                progress.at(downloads)
        return listed

    def compile(self, packages: int, progress: Progress) -> list[Path]:
        """The programs, in the folder of this call."""
        folder = self.scratch / "programs"
        folder.mkdir()
        how = ("-ldflags", self.wanted.ldflags, "-tags", self.wanted.tags)
        flags = ("-v", f"-p={at_once()}", "-trimpath", "-buildvcs=false", COMPILER, *self._pins(), *how)
        compiled = 0
        command = ("build", *flags, "-o", f"{folder}/", *self.wanted.packages.values())
        with contextlib.closing(self._run(*command)) as lines:
            for line in lines:
                compiled += bool(line) and not line.startswith(_DOWNLOAD)
                progress.at(compiled, packages)
        named = {_default_name(package): name for name, package in self.wanted.packages.items()}
        return [path.rename(folder / named.get(path.name, path.name)) for path in list(folder.iterdir())]

    def _run(self, *words: str) -> Generator[str]:
        """The lines of a call as they come, and "" each second. Raises GoBuildError."""
        scratch = self.scratch / "tmp"
        scratch.mkdir(exist_ok=True)
        last = deque[str](maxlen=_KEPT_LINES)
        process = subprocess.Popen(
            [str(self.go), *words],
            cwd=self.wanted.module,
            env={**go_environment(), **ENVIRONMENT, "GOTMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # with all that it starts it is ended by us alone
        )
        with process, _ended_with_the_block(process):
            for line in _lines(process):
                last.append(line)
                yield line
            if process.wait():
                raise GoBuildError(
                    f"go {words[0]} failed for {self.wanted}:\n" + "\n".join(filter(None, last))
                )


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    begun = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(_TICK_SECONDS):
                yield ""
                continue
            read = os.read(process.stdout.fileno(), 65536)
            if not read:
                break
            *whole, begun = (begun + read).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
    if begun:
        yield begun.decode(errors="replace")


@contextlib.contextmanager
def _ended_with_the_block(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Interrupt the process and its children when the block ends early, and wait for it."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE)


def _default_name(package: str) -> str:
    """What Go calls the program of a package: its last word, or the one before if that is a version."""
    *before, last = package.split("/")
    return before[-1] if before and re.fullmatch(r"v[2-9]|v[1-9]\d+", last) else last


def _least_go(module: Path) -> str:
    found = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{module.name}/go.mod does not say which Go it needs")
    return found[1]
