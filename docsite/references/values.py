"""The values of the Helm chart, from the comments of its values.yaml: a table on docs/helm.md."""

from __future__ import annotations

from typing import Any

import yaml

from docsite.references import Files, TextOf, replaced, table
from kit.described import described

_PAGE = "docs/helm.md"
_END = "\n...\n"
_VALUES = "config/chart/values.yaml"


def written(text_of: TextOf) -> Files:
    """The page, with the table of every value."""
    rows = [(f"`{each.name}`", _shown(each.default), each.text) for each in described(text_of(_VALUES))]
    block = table(("value", "default", "meaning"), rows)
    return {_PAGE: replaced(_PAGE, text_of(_PAGE), "values", block)}


def _shown(default: Any) -> str:
    """A default in one cell; one with parts of its own is left to values.yaml."""
    if isinstance(default, dict) and default:
        return "see `values.yaml`"
    flow = yaml.safe_dump(default, default_flow_style=True, width=1000)
    # YAML ends a plain value with a mark of its own.
    return f"`{flow.removesuffix(_END).strip()}`"
