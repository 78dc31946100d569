"""The tables of reasons in docs/troubleshooting.md: which there are, in which family, and what to do.

That is what `explain` advises. Meanings are written by people and stay; a new reason begins with the
docstring of its error.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docsite.references import Files, TextOf, between, kept, replaced, table
from secrets_manager.domain import errors
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.overview.advice import ADVICE

_PAGE = "docs/troubleshooting.md"
_TABLES: dict[str, type[SecretsManagerError]] = {
    "temporary reasons": errors.TemporaryError,
    "reasons in the definition": errors.DefinitionError,
    "reasons in the backend": errors.SourceError,
    "reasons in the cluster": errors.TargetError,
    "reasons in the settings": errors.ConfigError,
}


def written(text_of: TextOf) -> Files:
    """The page with its tables."""
    page = text_of(_PAGE)
    for title, family in _TABLES.items():
        before = kept(between(page, title))
        mine = {each.__name__: each for each in reasons() if issubclass(each, family)}
        order = [name for name in before if name in mine] + [name for name in mine if name not in before]
        rows = ((f"`{name}`", _meaning(mine[name], before.get(name)), ADVICE[name]) for name in order)
        page = replaced(_PAGE, page, title, table(("reason", "meaning", "what to do"), rows))
    return {_PAGE: page}


def reasons() -> Iterator[type[SecretsManagerError]]:
    """Every kind of error that is raised: those that are not the parent of another."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SecretsManagerError) and kind.__module__ == errors.__name__
    ]
    parents = {base for kind in kinds for base in kind.__mro__[1:]}
    return (kind for kind in kinds if kind not in parents)


def _meaning(kind: type[SecretsManagerError], written: tuple[str, ...] | None) -> str:
    return written[0] if written else inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
