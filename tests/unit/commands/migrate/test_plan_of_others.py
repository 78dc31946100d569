"""``migrate plan`` finds objects of akv2k8s by their group, and placeholders wherever they are."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.unit.commands.said import CANARY, Command
from tests.unit.migrate.objects import azure_object, filled_secret

pytestmark = pytest.mark.usefixtures("without_a_network")


@pytest.fixture
def plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command("migrate", tmp_path, capsys)


def put(*bodies: object) -> None:
    Path("old.yaml").write_text("---\n".join(yaml.safe_dump(body) for body in bodies), encoding="utf-8")


def test_objects_of_one_secret_are_one_file_and_each_has_its_report(plan: Command) -> None:
    put(azure_object("user"), azure_object("password"))

    said = plan("plan", "-f", "old.yaml", "--out", "new", "-o", "json")

    assert said.code == 0
    assert [(each["name"], each["definitions"]) for each in json.loads(said.out)["objects"]] == [
        ("user", ["shop/db"]),
        ("password", ["shop/db"]),
    ]
    assert [path.name for path in Path("new/definitions/shop").iterdir()] == ["db.yaml"]
    settings = tomllib.loads(Path("new/settings.toml").read_text(encoding="utf-8"))
    assert settings["backends"] == {"shop-vault": {"kind": "azure-kv", "name": "shop-vault"}}
    assert settings["policy"]["rules"][0]["paths"] == ["password", "user"]


def test_objects_without_a_placeholder_are_passed_over(plan: Command) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"x": "<b>"}}
    put(service, filled_secret(CANARY), filled_secret(annotations={"avp.kubernetes.io/ignore": "true"}))

    said = plan("plan", "-f", "old.yaml")

    assert (said.code, said.out) == (0, "no object of another operator\n")


def test_a_secret_in_a_list_is_found_with_its_line_and_no_value_of_it_is_said(plan: Command) -> None:
    bad = filled_secret(data={"KEY": CANARY, "B": f"{CANARY} <path:a/data/b#c>"})
    put({"apiVersion": "v1", "kind": "List", "items": [bad]})

    said = plan("plan", "-f", "old.yaml", "--out", "new")

    assert said.code == 1
    assert "refused: Secret shop/db (old.yaml:3)\n    data.B (line 5) has text around" in said.out


def test_a_kind_of_the_same_group_that_is_not_known_is_refused(plan: Command) -> None:
    put({**azure_object(), "kind": "AzureManagedIdentity"}, azure_object(version="v1alpha1"))

    said = plan("plan", "-f", "old.yaml")

    assert said.code == 1
    assert "kind is none that can be converted" in said.out
    assert "is none that is known here; it may be v2beta1, v2alpha1, v1" in said.out
