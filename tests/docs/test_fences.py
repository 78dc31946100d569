"""Manifests, settings and policies that the pages show are accepted by whoever they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.daemon.configuration import load
from secrets_manager.settings import Settings
from tests.docs.pages import ROOT, Fence, page, pages
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao

LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}

# YAML that is no object of Kubernetes, by its first line, with the reason.
NOT_APPLIED = {
    "# kustomization.yaml": "input of kustomize; the commands of docs/deploying.md apply what it makes",
    "# .gitlab-ci.yml": "a job for GitLab; its commands are compared below",
}


def _fences(*languages: str) -> list[Fence]:
    return [fence for shown in pages() for fence in shown.fences(*languages)]


def _manifests() -> list[Fence]:
    return [fence for fence in _fences("yaml") if fence.text.splitlines()[0] not in NOT_APPLIED]


@pytest.mark.parametrize("shown", _manifests(), ids=str)
def test_the_api_server_accepts_every_manifest(definitions_api: TestCluster, shown: Fence) -> None:
    said = definitions_api.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-", stdin=shown.text
    )

    assert "(server dry run)" in said


@pytest.mark.parametrize("folder", ["samples", "samples/kv1"])
def test_the_api_server_accepts_every_sample(definitions_api: TestCluster, folder: str) -> None:
    definitions_api.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-n", "default", "-k", str(ROOT / folder)
    )


@pytest.mark.parametrize("first_line", NOT_APPLIED)
def test_every_yaml_that_is_not_applied_is_shown_somewhere(first_line: str) -> None:
    assert any(fence.text.startswith(f"{first_line}\n") for fence in _fences("yaml"))


def test_the_definition_in_the_readme_is_the_sample_that_it_applies() -> None:
    (shown,) = (yaml.safe_load(fence.text) for fence in page("README.md").fences("yaml"))
    sample: Any = yaml.safe_load((ROOT / "samples/app-settings.yaml").read_text(encoding="utf-8"))

    keys = {name: (source["path"], source["key"]) for name, source in shown["spec"]["keysMap"].items()}

    assert keys == {
        name: (source["path"], source["key"]) for name, source in sample["spec"]["keysMap"].items()
    }
    assert shown["spec"]["name"] == sample["spec"]["name"]


def test_the_job_in_the_docs_installs_from_files_that_exist() -> None:
    (job,) = (yaml.safe_load(fence.text)["secrets"] for fence in page("docs/once-in-ci.md").fences("yaml"))

    assert job["script"][-1] == "secrets-manager --once"
    named = [word for line in job["script"] for word in line.split() if "/" in word]
    assert named
    assert all((ROOT / word).exists() for word in named)


@pytest.mark.parametrize("shown", _fences("toml"), ids=str)
def test_the_program_understands_every_settings_file(shown: Fence, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(shown.text, encoding="utf-8")

    settings = load([], LOGIN, tmp_path, system_file=file)

    assert isinstance(settings, Settings)
    assert settings != load([], LOGIN, tmp_path / "none", system_file=tmp_path / "none")


@pytest.mark.parametrize("shown", _fences("hcl"), ids=str)
def test_openbao_accepts_every_policy(openbao: OpenBao, shown: Fence, kv_prefix: str) -> None:
    openbao.policy(kv_prefix, shown.text)
    token = openbao.create_token([kv_prefix])

    told = openbao.request(
        "POST", "sys/capabilities-self", {"paths": ["secret/data/shop/database"]}, token=token
    )

    assert told["data"]["secret/data/shop/database"] == ["read"]
