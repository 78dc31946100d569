"""The documentation as a site: the Markdown that a forge shows, in one navigation, checked and searchable.

``docs/README.md`` is the navigation: what it lists is a page of the site, in that order. Pages are staged in
the layout of the repository, so that a link on them leads to the same file here and there.

`references/` writes the pages that are made from the program.
"""
