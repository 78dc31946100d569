"""The CustomResourceDefinition of this release, as the package has it: the same file as in config/crd."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

CRD_FILE = Path(__file__).with_name("secretdefinitions.yaml")
# That of libyaml, where PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def crd() -> dict[str, Any]:
    """The whole object; nobody may change it."""
    made = yaml.load(CRD_FILE.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe one
    assert isinstance(made, dict)  # noqa: S101 - the file is ours
    return made


def schema() -> dict[str, Any]:
    """The schema of the one version."""
    (version,) = crd()["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found
