"""A Go template to a template of ours: the one function that others call."""

from __future__ import annotations

from dataclasses import dataclass

from secrets_manager.domain.errors import InvalidTemplate
from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.blocks import Blocks
from secrets_manager.migrate.go_template.dialects import Dialect
from secrets_manager.migrate.go_template.expressions import Expressions
from secrets_manager.migrate.go_template.faults import Refused, placed
from secrets_manager.migrate.go_template.fields import ALL_NAMES
from secrets_manager.migrate.go_template.parser import parse
from secrets_manager.migrate.go_template.pieces import Pieces
from secrets_manager.migrate.go_template.values import WHOLE_DOT
from secrets_manager.templates import compile_templates

# Four times what templates of ours may be: comments and names take less room there.
LONGEST = 2**18


@dataclass(frozen=True, slots=True)
class Translated:
    """A template of ours, ``source``.

    ``names`` are the names that it takes from the definition. ``whole`` says that it also goes over all that
    the definition has. ``notes`` are sentences, each about a case in which it makes something else
    than the Go template; without them it always makes the same, or fails where that fails.
    """

    source: str
    names: frozenset[str]
    notes: tuple[str, ...] = ()
    whole: bool = False


def translate(source: str, dialect: Dialect) -> Translated:
    """``source`` in our language. Raises NotTranslatable for what has no equal in it, and nothing else."""
    try:
        return _translated(source, dialect)
    except Refused as refused:
        found = placed(refused, source)
    raise found


def _translated(source: str, dialect: Dialect) -> Translated:
    if len(source) > LONGEST:
        raise Refused(0, "the template", f"has more than {LONGEST} letters")
    _check_letters(source)
    nodes = parse(source, dialect.delims)
    pieces = Pieces()
    expressions = Expressions(source, dialect)
    Blocks(expressions, pieces).write(nodes)
    made = pieces.source()
    whole = WHOLE_DOT in made
    if whole:
        expressions.note(notes.ALL_NAMES)
    made = made.replace(WHOLE_DOT, ALL_NAMES)
    _check(made)
    return Translated(made, frozenset(expressions.names), tuple(expressions.notes), whole)


def _check_letters(source: str) -> None:
    try:
        source.encode()
    except UnicodeEncodeError as error:
        at = error.start
    else:
        at = source.find("\x00")
    if at >= 0:
        raise Refused(at, "the template", "has a letter that no Secret's text can hold")


def _check(made: str) -> None:
    """Whether it keeps to the bounds of our language, which the parts above do not count."""
    try:
        compile_templates({"": made})
    except InvalidTemplate as invalid:
        found = invalid.message
    else:
        return
    raise Refused(0, "the template", f"passes a limit of our templates ({found})")
