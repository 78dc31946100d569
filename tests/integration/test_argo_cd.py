"""Argo CD sees each state of a definition for what it is, and its actions do what they say.

The scripts in `config/argocd` run in the Lua that Argo CD runs them in, with the libraries it gives them.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.gitops_states import STATES
from tests.testbed.binaries import program
from tests.testbed.gitops_judge import run_lua

_CONFIG = Path(__file__).parents[2] / "config/argocd"
_FOLDER = _CONFIG / "secrets-manager.tuenti.io/SecretDefinition"
_HEALTH, _ACTIONS = _FOLDER / "health.lua", _FOLDER / "actions"
_NAMES = ("sync", "suspend", "resume")
_KEY = "secrets-manager.tuenti.io_SecretDefinition"
_ARGOCD_CM = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data: {url: "https://argocd.example.test"}
"""
# Each file of testdata, and the state that it shows.
_SHOWN = {
    "backend-away.yaml": "backend away from the start",
    "backend-away-later.yaml": "backend away after it was in step",
    "changed.yaml": "changed and not seen",
    "expired.yaml": "in step with a value past its date",
    "healthy.yaml": "in step",
    "path-missing.yaml": "path missing",
    "not-owned.yaml": "Secret of somebody else",
    "suspended.yaml": "suspended in step",
    "suspended-at-first.yaml": "suspended before the first work",
    "unseen.yaml": "never seen",
}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _shown(state: str) -> dict[str, Any]:
    """The definition of a state, with what of its metadata a reader of testdata needs."""
    made = STATES[state].make()
    kept = {name: made["metadata"][name] for name in ("name", "namespace", "generation")}
    return {**made, "metadata": kept}


# ── health ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_state_has_the_health_that_is_written_beside_it() -> None:
    found = run_lua(_HEALTH, [state.make() for state in STATES.values()])

    assert {name: each["status"] for name, each in zip(STATES, found, strict=True)} == {
        name: state.argo_cd for name, state in STATES.items()
    }
    assert all(each["message"] for each in found)


def test_a_healthy_and_a_degraded_definition_have_the_sentence_of_ready() -> None:
    made = [STATES[name].make() for name in ("in step", "path missing", "backend away from the start")]

    found = run_lua(_HEALTH, made)

    assert [each["message"] for each in found] == [
        each["status"]["conditions"][0]["message"] for each in made
    ]


def test_a_definition_without_a_status_or_with_that_of_others_is_progressing() -> None:
    made = STATES["in step"].make()
    others = [{"type": "Approved", "status": "True"}]
    bare = [
        {name: value for name, value in made.items() if name != "status"},
        {**made, "status": {}},
        {**made, "status": {"conditions": others, "observedGeneration": 1}},
        {**made, "spec": {}, "status": {"observedGeneration": -1}},
    ]

    assert [each["status"] for each in run_lua(_HEALTH, bare)] == ["Progressing"] * 4


@pytest.mark.parametrize("name", sorted(_SHOWN))
def test_the_test_data_is_what_the_daemon_makes(name: str) -> None:
    assert _yaml(_FOLDER / "testdata" / name) == _shown(_SHOWN[name])


def test_the_tests_of_the_health_check_hold_and_use_all_the_test_data() -> None:
    tests = _yaml(_FOLDER / "health_test.yaml")["tests"]

    found = run_lua(_HEALTH, [_yaml(_FOLDER / each["inputPath"]) for each in tests])

    assert found == [each["healthStatus"] for each in tests]
    files = {f"testdata/{path.name}" for path in (_FOLDER / "testdata").iterdir()}
    assert {each["inputPath"] for each in tests} == files == {f"testdata/{name}" for name in _SHOWN}


# ── actions ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_tests_of_discovery_hold() -> None:
    tests = _yaml(_ACTIONS / "action_test.yaml")["discoveryTests"]

    found = run_lua(_ACTIONS / "discovery.lua", [_yaml(_ACTIONS / each["inputPath"]) for each in tests])

    expected = [{each["name"]: {"disabled": each["disabled"]} for each in test["result"]} for test in tests]
    assert found == expected
    assert set(found[0]) == set(_NAMES)


def test_the_tests_of_the_actions_hold() -> None:
    tests = _yaml(_ACTIONS / "action_test.yaml")["actionTests"]
    assert {each["action"] for each in tests} == set(_NAMES)

    for test in tests:
        (found,) = run_lua(_ACTIONS / test["action"] / "action.lua", [_yaml(_ACTIONS / test["inputPath"])])
        assert _without_time(found) == _without_time(_yaml(_ACTIONS / test["expectedOutputPath"]))


def _without_time(made: dict[str, Any]) -> dict[str, Any]:
    annotations = made["metadata"].get("annotations", {})
    mark = annotations.get("secrets-manager.tuenti.io/sync", "2026-01-01T00:00:00Z")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", mark)
    return {**made, "metadata": {**made["metadata"], "annotations": sorted(annotations)}}


def test_an_action_changes_nothing_but_what_it_is_for() -> None:
    made = STATES["in step"].make()
    made["metadata"]["annotations"] = {"team": "a", "secrets-manager.tuenti.io/sync": "before"}

    (synced,) = run_lua(_ACTIONS / "sync/action.lua", [made])
    (suspended,) = run_lua(_ACTIONS / "suspend/action.lua", [made])
    (resumed,) = run_lua(_ACTIONS / "resume/action.lua", [suspended])

    assert synced["metadata"]["annotations"].pop("secrets-manager.tuenti.io/sync") != "before"
    assert synced["metadata"]["annotations"] == {"team": "a"}
    assert (synced["spec"], synced["status"]) == (made["spec"], made["status"])
    assert suspended == {**made, "spec": {**made["spec"], "suspend": True}}
    assert resumed == made


# ── what an Argo CD is given ─────────────────────────────────────────────────────────────────────────


def test_the_component_patches_the_config_map_of_an_argo_cd(tmp_path: Path) -> None:
    (tmp_path / "cm.yaml").write_text(_ARGOCD_CM, encoding="utf-8")
    component = os.path.relpath(_CONFIG, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        f"namespace: argocd\nresources: [cm.yaml]\ncomponents: [{component}]\n", encoding="utf-8"
    )

    made = subprocess.run(
        [program("kubectl"), "kustomize", str(tmp_path)], capture_output=True, text=True, check=True
    )

    data = yaml.safe_load(made.stdout)["data"]
    assert data["url"] == "https://argocd.example.test"
    assert data[f"resource.customizations.health.{_KEY}"] == _HEALTH.read_text(encoding="utf-8")


def test_the_patch_for_argocd_cm_has_the_same_scripts() -> None:
    patch = _yaml(_CONFIG / "argocd-cm.yaml")
    health, actions = (
        patch["data"][f"resource.customizations.{what}.{_KEY}"] for what in ("health", "actions")
    )

    assert patch["metadata"]["name"] == "argocd-cm"
    assert health == _HEALTH.read_text(encoding="utf-8")
    assert yaml.safe_load(actions) == {
        "discovery.lua": (_ACTIONS / "discovery.lua").read_text(encoding="utf-8"),
        "definitions": [
            {"name": name, "action.lua": (_ACTIONS / name / "action.lua").read_text(encoding="utf-8")}
            for name in _NAMES
        ],
    }
