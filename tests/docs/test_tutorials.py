"""Every tutorial works from its own page: its commands, what they answer, and the way back.

They share one world, as for a reader who goes through all of them: the first installs the daemon.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.following import follow
from tests.docs.pages import Fence, page
from tests.docs.scenes import TUTORIALS, Scene, scene
from tests.integration.deployment_support import CRD

pytestmark = pytest.mark.servers

FIRST, *OTHERS = TUTORIALS
PARTS = ("## When it goes otherwise\n", "## Clean up\n")


def _parts(name: str) -> tuple[list[Fence], list[Fence]]:
    """The fences of a tutorial up to its clean-up, and those of that."""
    shown = page(name)
    line = shown.text.partition("\n## Clean up\n")[0].count("\n") + 1
    fences = shown.fences("sh", "text")
    return [each for each in fences if each.line < line], [each for each in fences if each.line > line]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The world in which somebody has followed the first tutorial, and not cleaned up."""
    with scene(tmp_path_factory.mktemp("tutorials"), ()) as here:
        follow(here, _parts(FIRST)[0])
        yield here


def _left(here: Scene) -> list[str]:
    """What a tutorial may leave behind without being noticed: objects, files, and values in the backend."""
    kinds = "namespaces,secretdefinitions,deployments,roles,clusterroles,serviceaccounts"
    objects = here.shell.run(f"kubectl get {kinds} -A -o name --no-headers | sort").splitlines()
    files = here.shell.run("ls . config config/*").splitlines()
    values = here.shell.run("vault kv list -mount=secret shop").splitlines()
    return [*objects, *files, *values]


@pytest.mark.parametrize("name", OTHERS)
def test_a_tutorial_works_and_leaves_nothing_behind(installed: Scene, name: str) -> None:
    before = _left(installed)
    way, back = _parts(name)

    follow(installed, way)
    follow(installed, back)

    assert back
    assert _left(installed) == before


def test_the_first_tutorial_removes_all_that_it_installed(installed: Scene) -> None:
    follow(installed, _parts(FIRST)[1])

    assert not installed.cluster.api.find(CRD)
    assert "secrets-manager" not in installed.shell.run("kubectl get namespaces,clusterroles -o name; ls")
    assert installed.shell.run("vault auth list -format=json").count("approle") == 0


@pytest.mark.parametrize("name", [*TUTORIALS, "docs/tutorials/moving-in.md"])
def test_a_tutorial_says_what_is_needed_what_may_go_wrong_and_how_to_go_back(name: str) -> None:
    text = page(name).text

    assert [part for part in PARTS if part not in text] == []
    assert "You need" in text or "## What you need\n" in text
    assert "At the end" in text
