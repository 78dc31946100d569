"""The texts of files: those that are named, those in folders, and standard input.

A folder gives its manifests by their endings, as with kubectl; links to folders are not followed, so no loop
is endless. What is named itself may be a pipe, such as `<(kustomize build)`.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from secrets_manager.commands.files.tree import Unusable

STDIN = "-"
SHOWN_STDIN = "(standard input)"
ENDINGS = (".yaml", ".yml", ".json")
# A file of ten thousand definitions has five.
MOST_BYTES = 64 * 1024 * 1024
_AT_ONCE = 1024 * 1024


class Text(NamedTuple):
    """A file that was read; ``name`` is what to call it."""

    name: str
    text: str


class Unread(NamedTuple):
    """A file or folder that cannot be read."""

    name: str
    why: str


def texts(names: Sequence[str], stdin: BinaryIO, *, recursive: bool) -> Iterator[Text | Unread]:
    """The text of each file, in the order of the names and within folders by name; each file once."""
    seen: set[str] = set()
    for name in names:
        for file in _files(name, recursive=recursive):
            if isinstance(file, Unread):
                yield file
            elif file not in seen:
                seen.add(file)
                yield _read_stdin(stdin) if file == STDIN else read_text(file)


def _files(name: str, *, recursive: bool) -> Iterator[str | Unread]:
    if name == STDIN or not Path(name).is_dir():
        yield name
        return
    faults: list[Unread] = []

    def unread(error: OSError) -> None:
        faults.append(Unread(str(error.filename), f"cannot be read: {error.strerror}"))

    found = 0
    for folder, below, files in os.walk(name, onerror=unread):
        below[:] = sorted(below) if recursive else []
        for file in sorted(files):
            path = Path(folder, file)
            if path.suffix.lower() in ENDINGS and path.is_file():
                found += 1
                yield str(path)
    yield from faults
    if not found and not faults:
        deeper = "" if recursive else "; -R looks into the folders in it, too"
        yield Unread(name, f"has no file that ends in {', '.join(ENDINGS)}{deeper}")


def _read_stdin(stdin: BinaryIO) -> Text | Unread:
    return _text_of(SHOWN_STDIN, lambda: _all_of(stdin))


def read_text(name: str) -> Text | Unread:
    """The text of one file, which may be a pipe."""
    return _text_of(name, lambda: _content(name))


def _text_of(name: str, content: Callable[[], bytes]) -> Text | Unread:
    # A name may be of bytes that are no text.
    shown = name.encode("utf-8", "backslashreplace").decode()
    try:
        return Text(shown, content().removeprefix(codecs.BOM_UTF8).decode("utf-8"))
    except OSError as error:
        return Unread(shown, f"cannot be read: {error.strerror or type(error).__name__}")
    except UnicodeDecodeError:
        return Unread(shown, "is not text in UTF-8")
    except ValueError:
        return Unread(shown, "cannot be read: its name is not valid")
    except Unusable as error:
        return Unread(shown, error.why)


def _content(name: str) -> bytes:
    with Path(name).open("rb") as opened:
        return _all_of(opened)


def _all_of(opened: BinaryIO) -> bytes:
    content = bytearray()
    while more := opened.read(_AT_ONCE):
        content += more
        if len(content) > MOST_BYTES:
            raise Unusable(f"is larger than {MOST_BYTES // (1024 * 1024)} MiB")
    return bytes(content)
