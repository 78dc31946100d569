"""The words of the language: what a template may use of MiniJinja, and what the program adds.

Everything else is refused when the template is read, so an update of MiniJinja adds nothing by itself.
Left out are: other templates (include, import, extends, block), macros and calls, methods, namespaces,
what shows all values (debug) or is not the same each time, and filters that take names of filters.
"""

# ruff: noqa: SIM905 - words are read more easily than words in quotes

from __future__ import annotations

# Filters of MiniJinja, which counts what they make as steps.
BUILT_IN_FILTERS = frozenset(
    "abs bool capitalize count d default dictsort first float format indent int items join last length lower"
    " max min replace reverse round sort string sum title trim unique upper".split()
)
# Filters and functions of functions.py.
OWN_FILTERS = frozenset(
    "b64decode b64encode e escape fromjson lines quote sha256 split text tojson toyaml urlencode".split()
)
FUNCTIONS = frozenset({"dockerconfig", "range"})
FILTERS = BUILT_IN_FILTERS | OWN_FILTERS
TESTS = frozenset(
    "boolean defined divisibleby endingwith eq equalto even false float ge greaterthan gt in integer iterable"
    " le lessthan lt mapping ne none number odd sequence startingwith string true undefined".split()
)
STATEMENTS = frozenset(
    "break continue elif else endfilter endfor endif endset endwith filter for if set with".split()
)
# Statements that have an end of their own.
BLOCKS = frozenset({"filter", "for", "if", "set", "with"})

# Words of the syntax, which are no names of values.
OPERATORS = frozenset({"and", "else", "if", "in", "is", "not", "or"})
CONSTANTS = frozenset({"False", "None", "True", "false", "none", "true"})
RESERVED = OPERATORS | CONSTANTS | FUNCTIONS | frozenset({"loop", "self"})
