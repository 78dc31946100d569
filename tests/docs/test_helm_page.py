"""The values that docs/helm.md shows are taken by the chart, and mean what the page says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.option_schema import LEFT_OUT
from secrets_manager.daemon.config.configuration import load
from secrets_manager.settings import Settings
from tests.docs.pages import Fence, page
from tests.docs.test_fences import LOGIN
from tests.integration.chart_support import CHART, chart, chart_or_refusal, pod_of, settings_of
from tests.testbed.helm_cli import Helm
from tests.testbed.pki import Authority

pytestmark = pytest.mark.servers

PAGE = page("docs/helm.md")
SAMPLES = [fence for fence in PAGE.fences("yaml") if fence.text.startswith("# values.yaml\n")]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(folder=tmp_path_factory.mktemp("helm"))


def _values(fence: Fence) -> Mapping[str, Any]:
    values: Mapping[str, Any] = yaml.safe_load(fence.text)
    return values


@pytest.mark.parametrize("fence", SAMPLES, ids=str)
def test_the_chart_takes_the_values_and_the_program_its_settings(
    helm: Helm, tmp_path: Path, authority: Authority, fence: Fence
) -> None:
    objects = chart(helm, _values(fence))
    file = tmp_path / "settings.toml"
    # The program reads this one at its start.
    text = settings_of(objects).replace("/etc/secrets-manager/authorities/ca.crt", str(authority.ca_file))
    file.write_text(text, encoding="utf-8")

    assert isinstance(load([], LOGIN, tmp_path, system_file=file), Settings)
    assert objects != chart(helm)


# A login with the account leaves the default settings of AppRole as they are, and nobody reads them.
@pytest.mark.parametrize("fence", [fence for fence in SAMPLES if "Auth:" not in fence.text], ids=str)
def test_every_file_that_the_settings_name_is_in_a_folder_of_the_pod(helm: Helm, fence: Fence) -> None:
    objects = chart(helm, _values(fence))
    (container,) = pod_of(objects)["containers"]
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}

    told = [
        line.split(" = ")[1].strip('"')
        for line in settings_of(objects).splitlines()
        if re.search("-(file|cert) = ", line)
    ]
    assert {str(Path(file).parent) for file in told} <= folders


def test_the_refusal_on_the_page_is_what_helm_says(helm: Helm) -> None:
    shown = next(fence for fence in PAGE.fences("text") if fence.text.startswith("at "))

    _, told = chart_or_refusal(helm, {"settings": {"vault": {"adress": "x"}}})

    assert shown.text.strip() in told


def test_the_settings_that_are_not_there_are_those_that_the_page_names() -> None:
    (sentence,) = [line for line in PAGE.text.splitlines() if line.startswith("Four settings are not there")]
    assert len(LEFT_OUT) == 4
    assert all(f"`{name}`" in sentence for name in LEFT_OUT)


def test_the_chart_passes_lint(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART)
