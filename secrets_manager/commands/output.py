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

from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.errors import SecretsManagerError

# Lines of a table are not broken where nobody looks at them.
_WIDTH_OF_A_PIPE = 10_000


class Form(StrEnum):
    """The forms of an answer."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class NotToldError(SecretsManagerError):
    """Nobody could be told the answer: standard output is closed or full."""


def form_option() -> Callable[[Any], Any]:
    """The option ``-o``, for a parameter called ``form``."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(Form, case_sensitive=False),
        default=Form.TEXT,
        show_default=True,
        help="Form of the answer.",
    )


def console() -> Console:
    """Where text for people is drawn."""
    width = None if sys.stdout is not None and sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False, width=width)


def tell(form: Form, data: Any, text: Callable[[], RenderableType]) -> None:
    """Answer on standard output; ``data`` is made of mappings, lists and plain values."""
    if form is Form.JSON:
        written = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    elif form is Form.YAML:
        written = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    else:
        drawn = console()
        with drawn.capture() as captured:
            drawn.print(text())
        written = captured.get()
    if not say(written, sys.stdout):
        raise NotToldError("standard output is closed, or nobody reads it")
