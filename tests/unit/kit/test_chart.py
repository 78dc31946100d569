"""What the chart repeats of other files is what these say, and its values are described where they stand."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from kit.chart import CHART, COPIES, main
from kit.described import described
from secrets_manager import __version__

VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def test_the_script_says_what_is_out_of_date_and_writes_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale, right = tmp_path / "stale.yaml", tmp_path / "right.yaml"
    right.write_text("b")
    monkeypatch.setattr("kit.chart.wanted", lambda: {stale: "a", right: "b"})
    monkeypatch.setattr("kit.chart.ROOT", tmp_path)

    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "stale.yaml is out of date: run `make chart`\n"
    assert main([]) == 0
    assert stale.read_text() == "a"
    assert main(["--check"]) == 0


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_nothing_lies_in_the_folder_of_copies_that_is_no_copy() -> None:
    assert {path.name for path in (CHART / "files").iterdir()} == set(COPIES)


def test_every_value_is_described() -> None:
    told = {value.name for value in described(VALUES)}
    # The parts of resources are those of Kubernetes.
    missing = [
        name
        for name in _leaves(yaml.safe_load(VALUES))
        if not name.startswith(("settings.", "resources.", "dashboard.labels.")) and name not in told
    ]

    assert missing == []


def _leaves(values: dict[str, Any], above: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        name = f"{above}{key}"
        found += _leaves(value, f"{name}.") if isinstance(value, dict) and value else [name]
    return found


def test_every_value_has_its_text_in_the_schema() -> None:
    assert SCHEMA["properties"]["crds"]["properties"]["keep"]["description"].startswith("Leave it when")
    for value in described(VALUES):
        if value.path[:2] != ("mountedSecrets", "credentials"):
            text = json.dumps(value.text, ensure_ascii=False)
            assert text in json.dumps(SCHEMA["properties"][value.path[0]], ensure_ascii=False), value.name


def test_templates_name_only_values_that_there_are() -> None:
    known = {name for name, _ in _below(yaml.safe_load(VALUES))}
    text = "\n".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())

    named = set(re.findall(r"\.Values\.([A-Za-z.]+)", text))

    assert {name.split(".")[0] for name in named} == {name for name in known if "." not in name} - {"global"}
    assert {name for name in named if name not in known} == set()


def _below(values: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in values.items():
        found.append((f"{above}{key}", value))
        if isinstance(value, dict):
            found += _below(value, f"{above}{key}.")
    return found
