"""Writes what the chart repeats of other files: `scripts/chart`; with --check it says what is out of date.

- config/chart/files: copies, since a packed chart holds nothing from outside its folder;
- values.schema.json: the definitions of `settings`, from the option table, and all descriptions, from the
  comments of values.yaml; the rest of it is written by hand;
- templates/_environment.tpl: the names in the environment that hold a credential or that the chart decides.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from kit.described import Described, described
from kit.option_schema import credential_names, decided_names, definitions

__all__ = ["COPIES", "main", "wanted"]

ROOT = Path(__file__).parents[1]
CHART = ROOT / "config/chart"

# Where the copies come from, by their names in config/chart/files.
COPIES = {
    "secretdefinitions.yaml": ROOT / "config/crd/secretdefinitions.yaml",
    "dashboard.json": ROOT / "config/grafana/secrets-manager.json",
    "rules.yaml": ROOT / "config/prometheus/rules.yaml",
}

_ENVIRONMENT = """\
{{{{/* `make chart` writes this file: the names of credentials, and of what the chart decides itself. */}}}}
{{{{- define "secrets-manager.credentialNames" -}}}}
{credentials}
{{{{- end -}}}}
{{{{- define "secrets-manager.decidedNames" -}}}}
{decided}
{{{{- end -}}}}
"""


def main(arguments: list[str]) -> int:
    """Write the files that differ, or only name them; returns the exit code."""
    stale = {path: text for path, text in wanted().items() if not path.exists() or path.read_text() != text}
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make chart`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def wanted() -> dict[Path, str]:
    """The files that should be there, with their content."""
    values = described((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    return {
        **{CHART / "files" / name: path.read_text(encoding="utf-8") for name, path in COPIES.items()},
        CHART / "values.schema.json": _schema(schema, values),
        CHART / "templates/_environment.tpl": _ENVIRONMENT.format(
            credentials=credential_names(), decided=decided_names()
        ),
    }


def _schema(schema: dict[str, Any], values: list[Described]) -> str:
    schema["definitions"] |= definitions()
    for value in values:
        _describe(schema, value)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _describe(schema: dict[str, Any], value: Described) -> None:
    """Put the text of a value into its schema; names that a user chooses have no schema of their own."""
    found, chosen = schema, False
    for key in value.path:
        chosen = key not in found["properties"]
        (of_any,) = found.get("patternProperties", {"": {}}).values()
        found = of_any if chosen else found["properties"][key]
    if not chosen:
        rest = {name: content for name, content in found.items() if name != "description"}
        found.clear()
        found |= {"description": value.text, **rest}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
