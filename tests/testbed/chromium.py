"""A real browser without windows: what it makes of a page, and a picture of it. Knows nothing of the page."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Browser", "Picture", "browser"]

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PLAIN = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    # What the page and the browser complain of goes to the standard error.
    "--enable-logging=stderr",
)
_PATIENCE = 120
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a file: its size, and the colour of its first corner as in CSS."""

    width: int
    height: int
    corner: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Browser:
    """One program; each call is a new process with an empty profile."""

    program: Path

    def dom(self, url: str) -> tuple[str, list[str]]:
        """The page as the browser understands it, and its complaints: what a policy refused, for example."""
        done = self._run("--dump-dom", url)
        return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    def picture(self, url: str, file: Path, size: tuple[int, int], *, dark: bool = False) -> Picture:
        """Take a picture of so many pixels, in the browser's light or dark colours."""
        # 0 is dark, 1 light: blink/public/mojom/css/preferred_color_scheme.mojom
        colours = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self._run(f"--window-size={size[0]},{size[1]}", colours, f"--screenshot={file}", url)
        return _picture(file.read_bytes())

    @contextmanager
    def showing(self, url: str, *, proxy: str) -> Iterator[None]:
        """Show a page meanwhile; all hosts but those of loopback are reached by the ``proxy``, HOST:PORT."""
        # It is told to end where nobody asks for a picture or a text, unless it can be debugged.
        arguments = (f"--proxy-server={proxy}", "--remote-debugging-port=0", url)
        with _profile() as (folder, environ):
            command = [str(self.program), *_PLAIN, f"--user-data-dir={folder}", *arguments]
            quiet = subprocess.DEVNULL
            with _started(command, environ, stdout=quiet, stderr=quiet):
                yield

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with _profile() as (folder, environ):
            command = [str(self.program), *_PLAIN, f"--user-data-dir={folder}", *arguments]
            kept = subprocess.PIPE
            with _started(command, environ, stdout=kept, stderr=kept) as process:
                out, err = process.communicate(timeout=_PATIENCE)
            done = subprocess.CompletedProcess(command, process.returncode, out, err)
            done.check_returncode()
            return done


@contextmanager
def _started(
    command: list[str], environ: dict[str, str], *, stdout: int, stderr: int
) -> Iterator[subprocess.Popen[str]]:
    """The browser meanwhile. The program may be a script that starts it, so all that it starts is ended."""
    with subprocess.Popen(
        command, stdout=stdout, stderr=stderr, env=environ, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _profile() -> Iterator[tuple[str, dict[str, str]]]:
    """An empty folder for all that a browser writes, and its environment."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        yield folder, {"PATH": os.environ["PATH"], "HOME": folder, "TZ": "UTC", "LANG": "C.UTF-8"}


def browser() -> Browser | None:
    """The browser of this machine, if it has one; `scripts/chromium` may install one."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Browser(Path(found)) if found else None


def _picture(raw: bytes) -> Picture:
    """https://www.w3.org/TR/png-3/: of 8 bits a channel, as browsers write them."""
    assert raw.startswith(_PNG)
    width, height = (int.from_bytes(raw[at : at + 4], "big") for at in (16, 20))
    data, at = b"", len(_PNG)
    while at < len(raw):
        length, kind = int.from_bytes(raw[at : at + 4], "big"), raw[at + 4 : at + 8]
        if kind == b"IDAT":
            data += raw[at + 8 : at + 8 + length]
        at += length + 12
    # The first pixel has no neighbours, so each filter leaves it as it is.
    red, green, blue = zlib.decompressobj().decompress(data, 16)[1:4]
    return Picture(width, height, f"#{red:02x}{green:02x}{blue:02x}", len(raw))
