"""Definitions that are named on the command line, as NAME or NAMESPACE/NAME."""

from __future__ import annotations

from collections.abc import Iterable

import click

from secrets_manager.domain.definition import Ref, is_subdomain
from secrets_manager.domain.wording import in_quotes
from secrets_manager.settings.checks import DNS_LABEL


def ref_named(word: str, namespace: str) -> Ref:
    """The definition of a word, in ``namespace`` if it names none; raises UsageError."""
    before, slash, name = word.rpartition("/")
    found = Ref(before if slash else namespace, name)
    if not DNS_LABEL.fullmatch(found.namespace) or not is_subdomain(found.name):
        raise click.UsageError(f"{in_quotes(word)} names no definition; write NAME or NAMESPACE/NAME")
    return found


def refs_named(words: Iterable[str], namespace: str) -> list[Ref]:
    """The definitions of some words, each once, in their order."""
    return list(dict.fromkeys(ref_named(word, namespace) for word in words))
