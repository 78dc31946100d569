"""How commands answer: text for people, or JSON and YAML for programs, with the same content.

Names, paths and messages are foreign texts: nothing in them is read as markup, a link or a control code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import click
import orjson
import yaml
from rich.console import Console, RenderableType

from secrets_manager.commands.faults import HungUp, NotToldError
from secrets_manager.commands.files.scalars import plain

# Lines of a table are not broken where nobody looks at them.
_WIDTH_OF_A_PIPE = 10_000


class Form(StrEnum):
    """The forms of an answer; WIDE is text with more columns, which some commands have."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_text(self) -> bool:
        """Whether it is for people."""
        return self in {Form.TEXT, Form.WIDE}


def form_option(*, wide: bool = False) -> Callable[[Any], Any]:
    """The option ``-o``, for a parameter called ``form``."""
    forms = [form for form in Form if wide or form is not Form.WIDE]
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice([str(form) for form in forms], case_sensitive=False),
        callback=lambda _context, _option, word: Form(word),
        default=str(Form.TEXT),
        show_default=True,
        help="Form of the answer.",
    )


def console() -> Console:
    """Where text for people is drawn."""
    width = None if sys.stdout is not None and sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False, width=width)


def tell(form: Form, data: Any, text: Callable[[], RenderableType]) -> None:
    """Answer on standard output; ``data`` is made of mappings, lists and plain values.

    Raises NotToldError, and HungUp where the reader has gone.
    """
    if form is Form.JSON:
        write(json_of(data))
    elif form is Form.YAML:
        write(yaml_of(data))
    else:
        write(drawn(text()))


def tell_next(form: Form, data: Any, text: Callable[[], RenderableType]) -> None:
    """As `tell`, for one answer of many: a line of JSON, or a document of YAML."""
    if form is Form.JSON:
        write(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE).decode())
    elif form is Form.YAML:
        write(f"---\n{yaml_of(data)}")
    else:
        write(drawn(text()))


def json_of(data: Any) -> str:
    """The data as JSON on several lines."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def yaml_of(data: Any) -> str:
    """The data as a YAML document."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes YAML that kubectl reads as it was meant: to it, `y` and `1e30` are no texts without quotes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(plain(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def drawn(text: RenderableType) -> str:
    """The text as it is shown; the terminal breaks its lines, and nothing is cut off."""
    place = console()
    with place.capture() as captured:
        place.print(text, soft_wrap=True)
    return captured.get()


def write(text: str) -> None:
    """Write to standard output; raises NotToldError and HungUp."""
    try:
        if sys.stdout is None:
            raise NotToldError("standard output is closed")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise HungUp from None
    except (OSError, ValueError) as error:
        raise NotToldError(f"standard output cannot be written to ({type(error).__name__})") from None
