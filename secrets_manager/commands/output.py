"""How commands answer: text for people, or JSON and YAML for programs, with the same content.

Names, paths and messages are foreign texts: nothing in them is read as markup, a link or a control code.
"""

from __future__ import annotations

import io
import json
import re
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
from secrets_manager.domain.wording import INVISIBLE

# Lines of a table are not broken where nobody looks at them.
_WIDTH_OF_A_PIPE = 10_000
# What the forms for programs would leave as it is, and a terminal takes for a command or a direction.
_HIDDEN = re.compile(f"[\x7f-\x9f{INVISIBLE}]")
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_UNICODE = frozenset({"utf-8", "utf8", "utf-8-sig"})


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


class _Sheet(io.StringIO):
    """What is drawn on before anything is written, with the colours that standard output takes."""

    def isatty(self) -> bool:
        """Whether somebody looks at standard output."""
        return sys.stdout is not None and sys.stdout.isatty()


def console() -> Console:
    """Where text for people is drawn; nothing of it is written yet."""
    sheet = _Sheet()
    width = None if sheet.isatty() else _WIDTH_OF_A_PIPE
    return Console(file=sheet, markup=False, highlight=False, emoji=False, soft_wrap=False, width=width)


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
        write(_json(data, orjson.OPT_APPEND_NEWLINE))
    elif form is Form.YAML:
        write(f"---\n{yaml_of(data)}")
    else:
        write(drawn(text()))


def json_of(data: Any) -> str:
    """The data as JSON on several lines."""
    return _json(data, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _json(data: Any, option: int) -> str:
    return _escaped(orjson.dumps(_encodable(data), option=option).decode())


def yaml_of(data: Any) -> str:
    """The data as a YAML document."""
    text = _yaml(data, as_it_is=True)
    return _yaml(data, as_it_is=False) if _to_escape().search(text) else text


def _yaml(data: Any, *, as_it_is: bool) -> str:
    return str(
        yaml.dump(_encodable(data), Dumper=_Dumper, sort_keys=False, allow_unicode=as_it_is, width=110)
    )


def _encodable(data: Any) -> Any:
    """The data with escapes for bytes that are no text; arguments and the environment may hold such."""
    if isinstance(data, str):
        return data if data.isascii() else data.encode(errors="backslashreplace").decode()
    if isinstance(data, dict):
        return {_encodable(name): _encodable(value) for name, value in data.items()}
    return [_encodable(each) for each in data] if isinstance(data, list | tuple) else data


def _escaped(text: str) -> str:
    """The same JSON: what is escaped stands in its texts alone."""
    # A text of one sign in quotes; DEL is the only one that json leaves as it is.
    return _to_escape().sub(lambda sign: json.dumps(sign[0])[1:-1].replace("\x7f", r"\u007f"), text)


def _to_escape() -> re.Pattern[str]:
    """What is not written as it is; an output that is not UTF-8 has few signs."""
    return _HIDDEN if _encoding().lower() in _UNICODE else _NOT_ASCII


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


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
    """Write to standard output, a sign that it has not as an escape; raises NotToldError and HungUp."""
    try:
        if sys.stdout is None:
            raise NotToldError("standard output is closed")
        encoding = _encoding()
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise HungUp from None
    except (OSError, ValueError) as error:
        raise NotToldError(f"standard output cannot be written to ({type(error).__name__})") from None
