"""``migrate plan`` says what objects would become, and writes it."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from secrets_manager.cluster import specs
from tests.unit.commands.said import CANARY, Command
from tests.unit.migrate.objects import external_secret, vault_store
from tests.unit.migrate.vault_objects import auth, connection, static_secret, vault_secret

pytestmark = pytest.mark.usefixtures("without_a_network")
REF = {"name": "a", "key": "b", "namespace": "c"}


@pytest.fixture
def plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command("migrate", tmp_path, capsys)


def put(*bodies: Any, file: str = "old.yaml") -> None:
    Path(file).write_text("---\n".join(yaml.safe_dump(body) for body in bodies), encoding="utf-8")


def files_in(folder: str) -> dict[str, str]:
    found = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(found)}


def test_what_is_made_is_written_and_a_second_run_changes_nothing(plan: Command) -> None:
    put(vault_store(auth={"tokenSecretRef": REF}), external_secret())

    first = plan("plan", "-f", "old.yaml", "--out", "new")
    files = files_in("new")
    second = plan("plan", "-f", "old.yaml", "--out", "new")

    assert (first.code, first.err) == (0, "")
    assert first == second
    assert list(files) == ["definitions/kustomization.yaml", "definitions/shop/db.yaml", "settings.toml"]
    assert files == files_in("new")
    assert specs.secret_spec(yaml.safe_load(files["definitions/shop/db.yaml"])["spec"]).secret_name == "db"
    settings = tomllib.loads(files["settings.toml"])
    assert settings["backends"]["vault"]["token-file"] == "/etc/secrets-manager/backends/vault/token"
    assert settings["policy"]["rules"][0]["paths"] == ["secret/data/*"]
    assert (
        "TODO: mount the key 'b' of Secret c/a as /etc/secrets-manager/backends/vault/token"
        in (files["settings.toml"])
    )


def test_a_definition_whose_object_is_gone_goes_with_the_next_run(plan: Command) -> None:
    put(vault_store(), external_secret("a"), external_secret("b"))
    plan("plan", "-f", "old.yaml", "--out", "new")
    put(vault_store(), external_secret("a"))

    plan("plan", "-f", "old.yaml", "--out", "new")

    assert "definitions/shop/b.yaml" not in files_in("new")


@pytest.mark.parametrize("name", ["settings.toml", "definitions/shop/db.yaml", "definitions/mine.yaml"])
def test_a_file_of_somebody_else_is_neither_overwritten_nor_taken_away(plan: Command, name: str) -> None:
    put(vault_store(), external_secret())
    mine = Path("new", name)
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")

    said = plan("plan", "-f", "old.yaml", "--out", "new")

    assert said.code == 2
    assert f"new/{name} is not of an earlier run" in said.err
    assert files_in("new") == {name: "mine"}


def test_nothing_is_written_without_a_folder(plan: Command) -> None:
    put(vault_store(), external_secret())

    assert plan("plan", "-f", "old.yaml").code == 0
    assert list(Path().iterdir()) == [Path("old.yaml")]


def test_what_is_refused_or_cannot_be_read_is_said_with_its_place(plan: Command) -> None:
    put(vault_store(), external_secret(target={"immutable": True}))
    with Path("old.yaml").open("a", encoding="utf-8") as file:
        file.write("---\na: {{ .Values.x }}\n---\na: [\n")

    said = plan("plan", "-f", "old.yaml")

    assert said.code == 1
    assert "refused: ExternalSecret shop/db (old.yaml:" in said.out
    assert "spec.target.immutable (line " in said.out
    assert said.out.count("skipped: old.yaml:") == 2
    assert said.out.endswith("1 converted, 1 refused, 2 skipped\n")


def test_a_file_that_is_not_there_is_a_fault(plan: Command) -> None:
    assert plan("plan", "-f", "none.yaml").code == 2


def test_objects_of_others_are_passed_over_and_lists_are_looked_into(plan: Command) -> None:
    others = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    put(
        {"apiVersion": "v1", "kind": "List", "items": [others, vault_store(), external_secret()]},
        3,
        "text",
        [1],
    )

    said = plan("plan", "-f", "old.yaml", "-o", "json")

    assert json.loads(said.out)["counts"]["converted"] == 2
    assert said.code == 0


def test_the_report_is_the_same_for_programs(plan: Command) -> None:
    put(vault_store(), external_secret(refreshInterval="0"), external_secret("b", target={"immutable": True}))

    report = json.loads(plan("plan", "-f", "old.yaml", "-o", "json").out)
    suite = ET.fromstring(plan("plan", "-f", "old.yaml", "-o", "junit").out)  # noqa: S314 - ours

    assert yaml.safe_load(plan("plan", "-f", "old.yaml", "-o", "yaml").out) == report
    assert [each["verdict"] for each in report["objects"]] == [
        "converted",
        "converted with a note",
        "refused",
    ]
    assert report["objects"][1]["definitions"] == ["shop/db"]
    assert suite.get("tests") == "3"
    assert suite.get("failures") == "1"
    assert len(suite.findall(".//failure")) == 1


def test_no_value_that_stands_in_an_object_is_in_the_report(plan: Command) -> None:
    template = {"data": {"a": f"{CANARY} {{{{ .PASSWORD }}}}", "b": f"{{{{ fail '{CANARY}' }}}}"}}
    labels = {"metadata": {"labels": {"x": f"{CANARY}{{{{"}}}
    put(
        vault_store(auth={"appRole": {"roleId": CANARY, "secretRef": REF}}),
        external_secret("a", target={"template": template}),
        external_secret("b", target={"template": labels}),
        external_secret("c", refreshInterval=CANARY, unknown=CANARY),
        external_secret("d", target={"name": "ok", "creationPolicy": CANARY}),
    )

    for form in ("text", "json", "junit"):
        assert plan("plan", "-f", "old.yaml", "-o", form).code == 1


def test_a_person_says_where_the_defaults_of_the_vault_secrets_operator_are(plan: Command) -> None:
    secret = static_secret()
    del secret["spec"]["vaultAuthRef"]
    put(connection("default"), auth("default", vaultConnectionRef="default"), secret)

    assert plan("plan", "-f", "old.yaml").code == 1
    assert plan("plan", "-f", "old.yaml", "--operator-namespace", "vso").code == 0


def test_a_person_says_which_mounts_are_of_which_version(plan: Command) -> None:
    put(vault_secret("a", path="kv/a"), vault_secret("b", path="team/kv/b"))
    mounts = ("--kv1-mount", "kv/", "--kv2-mount", "team/kv")

    assert "converted with a note: VaultSecret shop/a" in plan("plan", "-f", "old.yaml").out
    assert plan("plan", "-f", "old.yaml", "--out", "new", *mounts).out.endswith("2 converted\n")
    assert "path: kv/a\n" in files_in("new")["definitions/shop/a.yaml"]
    assert "path: team/kv/data/b\n" in files_in("new")["definitions/shop/b.yaml"]


def test_a_mount_is_not_of_both_versions(plan: Command) -> None:
    put(vault_secret())

    said = plan("plan", "-f", "old.yaml", "--kv1-mount", "kv", "--kv2-mount", "/kv")

    assert said.code == 2
    assert "the mount kv cannot be of both versions of the engine" in said.err


def test_no_value_of_the_operators_of_vault_is_in_the_report(plan: Command) -> None:
    shapes = {"templates": {"a": {"text": f"{CANARY}{{{{ fail '{CANARY}' }}}}"}}}
    put(
        connection(),
        auth(method="appRole", mount="approle", appRole={"roleId": CANARY, "secretRef": "a"}),
        static_secret("a", refreshAfter=CANARY, type=CANARY, rolloutRestartTargets=[{"kind": CANARY}]),
        static_secret("b", destination={"name": "b", "transformation": shapes}),
        static_secret("c", destination={"name": "c", "transformation": {"includes": [f"{CANARY}+"]}}),
        vault_secret("d", templates={"a": f"{CANARY}{{% fail '{CANARY}' %}}"}, secretEngine=CANARY),
    )

    for form in ("text", "json", "junit"):
        assert plan("plan", "-f", "old.yaml", "-o", form).code == 1


def test_the_files_are_named(plan: Command) -> None:
    said = plan("plan")

    assert said.code == 2
    assert "name the files with -f" in said.err


@pytest.mark.parametrize("name", ["settings.toml", "definitions/shop/db.yaml", "definitions/shop"])
def test_no_link_in_the_folder_is_followed(plan: Command, tmp_path: Path, name: str) -> None:
    put(vault_store(), external_secret())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "db.yaml").write_text("# Made by `secrets-manager migrate plan`.\n", encoding="utf-8")
    link = Path("new", name)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if name.endswith("shop") else outside / "db.yaml")

    said = plan("plan", "-f", "old.yaml", "--out", "new")

    assert said.code == 2
    assert "is a link or no plain file" in said.err
    assert [path.name for path in outside.iterdir()] == ["db.yaml"]
    assert (outside / "db.yaml").read_text(encoding="utf-8").count("\n") == 1


def test_a_pipe_in_the_folder_is_not_waited_for(plan: Command) -> None:
    put(vault_store(), external_secret())
    Path("new").mkdir()
    os.mkfifo("new/settings.toml")

    assert plan("plan", "-f", "old.yaml", "--out", "new").code == 2


@pytest.mark.parametrize("folder", ["", "."])
def test_the_folder_that_the_user_is_in_is_not_written_into(plan: Command, folder: str) -> None:
    put(vault_store(), external_secret())

    assert plan("plan", "-f", "old.yaml", "--out", folder).code == 2
    assert list(Path().iterdir()) == [Path("old.yaml")]
