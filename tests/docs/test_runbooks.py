"""What the runbooks show can be done: their commands run, and Prometheus can parse their queries.

They share one world, since none of them changes anything that another looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.following import follow
from tests.docs.pages import page, pages
from tests.docs.scenes import RUNBOOKS, SCENES, Scene, scene
from tests.testbed import promtool

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An installation whose definitions are all in step."""
    with scene(tmp_path_factory.mktemp("runbooks"), SCENES["docs/commands.md"]) as here:
        yield here


@pytest.mark.parametrize("name", RUNBOOKS)
def test_the_commands_of_a_runbook_work(installed: Scene, name: str) -> None:
    follow(installed, page(name).fences("sh"))


def test_prometheus_can_parse_every_query_on_a_page(tmp_path: Path) -> None:
    fences = [fence for shown in pages() for fence in shown.fences("promql")]
    rules = [{"record": f"query_{number}", "expr": fence.text} for number, fence in enumerate(fences)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")

    assert len(fences) > 20
    assert promtool.check_rules(file) == ""
