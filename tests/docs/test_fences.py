"""The programs that read them accept the manifests, settings and policies that the pages show."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from secrets_manager.commands.app import app
from secrets_manager.daemon.config.configuration import load
from secrets_manager.settings import Settings
from tests.docs.pages import ROOT, Fence, page, pages
from tests.testbed.binaries import program
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.unit.sync.world import World

# The environment of a pod: a login to Vault, and the variables that AKS injects for workload identity.
LOGIN = {
    "VAULT_ROLE_ID": "role",
    "VAULT_SECRET_ID": "secret",
    "AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "AZURE_CLIENT_ID": "66666666-7777-8888-9999-000000000000",
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
    # As the clouds put them into a pod.
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/secrets-manager",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
}

# YAML that is not an object of Kubernetes, by its first line, with the reason.
NOT_APPLIED = {
    "# kustomization.yaml": "input of kustomize; the commands of docs/deploying.md apply what it makes",
    "# overlay/kustomization.yaml": "input of kustomize; a command of the page applies what it makes",
    "# more of kustomization.yaml": "added to one below, and the result is looked at",
    "# for Flux": "its kinds are not installed; what waits for what is looked at below",
    "# values.yaml": "values of the chart; tests/docs/test_helm_page.py renders them",
    "# alertmanager.yaml": "for Alertmanager; tests/docs/test_monitoring_page.py looks at it",
    "# .gitlab-ci.yml": "a job for GitLab; its commands are compared below",
    "# .github/workflows/secrets.yaml": "a workflow for GitHub; its commands are compared below",
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


@pytest.mark.parametrize("folder", ["samples", "samples/several-backends", "samples/kv1", "samples/restart"])
def test_the_api_server_accepts_every_sample(definitions_api: TestCluster, folder: str) -> None:
    definitions_api.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-n", "default", "-k", str(ROOT / folder)
    )


@pytest.mark.parametrize("first_line", NOT_APPLIED)
def test_every_yaml_that_is_not_applied_is_shown_somewhere(first_line: str) -> None:
    assert any(fence.text.startswith(f"{first_line}\n") for fence in _fences("yaml"))


def test_the_definition_in_the_readme_is_the_sample_that_it_applies() -> None:
    shown, _ = (yaml.safe_load(fence.text) for fence in page("README.md").fences("yaml"))
    sample: Any = yaml.safe_load((ROOT / "samples/app-settings.yaml").read_text(encoding="utf-8"))

    keys = {name: (source["path"], source["key"]) for name, source in shown["spec"]["keysMap"].items()}

    assert keys == {
        name: (source["path"], source["key"]) for name, source in sample["spec"]["keysMap"].items()
    }
    assert shown["spec"]["name"] == sample["spec"]["name"]


def test_the_larger_definition_in_the_readme_becomes_the_secret_that_it_says() -> None:
    _, shown = (yaml.safe_load(fence.text) for fence in page("README.md").fences("yaml"))
    world = World()
    for path, keys in json.loads((ROOT / "samples/values.json").read_text(encoding="utf-8")).items():
        world.backend.put(path, keys)
    world.define(spec=shown["spec"])
    world.start()

    assert world.condition() == ("True", "Synced")
    assert list(world.data("storefront") or {}) == ["DATABASE_URL", "MAIL_FROM", "SESSION_KEY"]


def test_the_patches_for_azure_reach_the_account_and_every_pod(tmp_path: Path) -> None:
    (patches,) = [fence.text for fence in _fences("yaml") if fence.text.startswith("# more of kust")]
    beginning = f"resources: [{os.path.relpath(ROOT / 'config/default', tmp_path.resolve())}]"
    (tmp_path / "kustomization.yaml").write_text(f"{beginning}\n{patches}", encoding="utf-8")
    made = subprocess.run(
        [program("kubectl"), "kustomize", str(tmp_path)], capture_output=True, text=True, check=True
    )
    objects = {each["kind"]: each for each in yaml.safe_load_all(made.stdout)}

    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"
    assert LOGIN["AZURE_CLIENT_ID"] in objects["ServiceAccount"]["metadata"]["annotations"].values()


def test_the_job_in_the_docs_installs_from_files_that_exist() -> None:
    (job,) = (yaml.safe_load(fence.text)["secrets"] for fence in page("docs/once-in-ci.md").fences("yaml"))

    assert job["script"][-1] == "secrets-manager --once"
    named = [word for line in job["script"] for word in line.split() if "/" in word]
    assert named
    assert all((ROOT / word).exists() for word in named)


def test_the_jobs_that_check_definitions_run_commands_that_there_are() -> None:
    workflow, job = (yaml.safe_load(fence.text) for fence in page("docs/checking-in-ci.md").fences("yaml"))
    steps = workflow["jobs"]["check"]["steps"]
    lines = [*steps[-1]["run"].splitlines(), *job["secrets"]["script"]]

    # YAML of before 2009 takes the word for true.
    assert workflow[True] == "pull_request"
    checks = [shlex.split(line) for line in lines if line.startswith("secrets-manager ")]
    assert len(checks) == 2
    for _, word, *rest in checks:
        own = rest[: rest.index("--")]
        command = app.get_command(click.Context(app), word)
        assert command is not None
        context = command.make_context(word, own)
        assert context.params["filenames"] == ("deploy",)
        assert context.params["recursive"]
    assert {line for line in lines if line.startswith("pip ")} == {
        "pip install --no-deps --require-hashes -r requirements/run.txt",
        "pip install --no-deps .",
    }


def test_the_second_kustomization_in_the_docs_waits_for_the_first() -> None:
    (shown,) = [fence for fence in page("docs/gitops.md").fences("yaml") if fence.text.startswith("# for")]
    first, second = yaml.safe_load_all(shown.text)

    assert first["spec"]["wait"] is True
    assert second["spec"]["dependsOn"] == [{"name": first["metadata"]["name"]}]


@pytest.mark.parametrize(
    "shown",
    # The tests of a plug-in load those of its page.
    [fence for fence in _fences("toml") if not fence.page.startswith("plugins/")],
    ids=str,
)
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
