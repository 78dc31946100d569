"""The options that name files of definitions, and the namespace of those that name none."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from secrets_manager.commands.cluster import namespace_of
from secrets_manager.commands.files.manifests import Manifest, Passed, Trouble, manifests
from secrets_manager.commands.files.reading import Text, Unread, texts

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files that were named; ``namespace`` is that of definitions that name none."""

    names: tuple[str, ...]
    recursive: bool
    namespace: str | None = None

    def texts(self) -> Iterator[Text | Unread]:
        """The text of each file."""
        stdin = sys.stdin.buffer if sys.stdin is not None else io.BytesIO()
        return texts(self.names, stdin, recursive=self.recursive)

    def manifests(self, passed: Passed) -> Iterator[Manifest | Trouble]:
        """The definitions in them; ``passed`` counts the other objects."""
        return manifests(self.texts(), passed)


def file_options() -> Callable[[_Callback], _Callback]:
    """``-f``, ``-R`` and ``-n``, as the parameter ``files`` of type `Files`.

    Further files may stand behind them, so that a shell may fill in their names.
    """

    def decorate(callback: _Callback) -> _Callback:
        @functools.wraps(callback)
        def called(*args: Any, **options: Any) -> Any:
            files = Files(
                names=(*options.pop("filenames"), *options.pop("more_files")),
                recursive=options.pop("recursive"),
                namespace=options.pop("namespace"),
            )
            if not files.names:
                raise click.UsageError("name the files with -f; - is standard input")
            return callback(*args, files=files, **options)

        for option in (
            click.argument("more_files", nargs=-1, metavar="[FILE]..."),
            click.option(
                "-n",
                "--namespace",
                callback=namespace_of,
                metavar="NAMESPACE",
                help="Namespace of definitions that name none.",
            ),
            click.option("-R", "--recursive", is_flag=True, help="Look into the folders in a folder, too."),
            click.option(
                "-f",
                "--filename",
                "filenames",
                multiple=True,
                metavar="FILE",
                help="File or folder of manifests in YAML or JSON; - is standard input. May be given again.",
            ),
        ):
            called = option(called)
        return called  # type: ignore[return-value] # an option returns what it is given

    return decorate
