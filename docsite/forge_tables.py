r"""An extension of Python-Markdown: ``\|`` in the code of a table is ``|``, as forges take it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

# After the parts of lines are made into elements, which has 20.
_PRIORITY = 10


class _Bars(Treeprocessor):
    def run(self, root: Element) -> None:
        for cell in (*root.iter("td"), *root.iter("th")):
            for code in cell.iter("code"):
                code.text = AtomicString((code.text or "").replace("\\|", "|"))


class ForgeTables(Extension):
    """Takes the backslashes away."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name is Markdown's
        """Called once for each Markdown."""
        md.treeprocessors.register(_Bars(md), "forge_tables", _PRIORITY)


def makeExtension(**_options: object) -> Extension:  # noqa: N802 - the name is Markdown's
    """What Markdown asks a module for."""
    return ForgeTables()
