"""The status page in a real browser: what it understands, that it complains of nothing, and how it looks.

`make pictures` keeps the pictures of this test as those of the documentation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.integration.status_support import StatusPage, daemon_with_page
from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.chromium import Browser, Picture
from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

IMAGES = ROOT / "docs/images"
# The size in pixels, whether it is dark, and the colour of the ground that the sheet has then.
PICTURES = {
    "status-light": ((1280, 1150), False, "#ffffff"),
    "status-dark": ((1280, 1150), True, "#12171c"),
    "status-narrow": ((420, 1500), False, "#ffffff"),
}
MOST_BYTES = 200_000
NAMESPACES = ("payments", "search", "shop")


@pytest.fixture(scope="module")
def page(
    definitions_api: TestCluster,
    openbao: OpenBao,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StatusPage]:
    """The page of a daemon with three namespaces, and some trouble in each."""
    for namespace in NAMESPACES:
        definitions_api.create_namespace(namespace)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("world")) as world:
        _define(world)
        flags = (f"-watch-namespaces={','.join(NAMESPACES)}", "-reconcile-period=5s")
        running, page = daemon_with_page(world, *flags)
        with running:
            running.wait_ready()
            wait_until(lambda: _is_settled(page), PATIENCE, "the definitions to be looked at")
            world.change("search", "old-index", {"spec": {"suspend": True}})
            world.wait_reason("search", "old-index", "Suspended")
            world.write("database", user="app", password="another one")
            wait_until(lambda: sum(page.json()["changes"]["counts"]) >= 8, PATIENCE, "the change")
            yield page
    for namespace in NAMESPACES:
        definitions_api.delete_namespace(namespace)


def _define(world: World) -> None:
    world.write("database", user="app", password="a password")
    world.write("mail", token="a token")
    world.write("tls", certificate="no certificate")
    for name in ("app-settings", "checkout", "cart"):
        world.define("shop", name, world.keys("user", "password", of="database"))
    world.define("shop", "mail", {**world.keys("token", of="mail"), **world.keys("user", of="database")})
    world.define("payments", "ledger", world.keys("user", "password", of="database"))
    world.define("payments", "card-vault", world.keys("pin", of="database"))
    world.define("search", "index", world.keys("token", of="mail"))
    world.define("search", "crawler", world.keys("token", of="crawler"))
    world.define("search", "old-index", world.keys("token", of="mail"))


def _is_settled(page: StatusPage) -> bool:
    found = page.json()["definitions"]
    return len(found) == 9 and all(each["ready"] != "Unknown" for each in found)


def test_a_browser_finds_everything_and_complains_of_nothing(chromium: Browser, page: StatusPage) -> None:
    dom, complaints = chromium.dom(f"http://127.0.0.1:{page.port}/")
    tables = re.findall(r"<caption>(.*?)</caption>", dom)

    assert complaints == []
    assert tables == [
        "What the daemon knows of each backend, without asking it",
        "1 to 9 of 9 definitions, those in trouble first",
    ]
    assert len(re.findall(r'<tr role="row">', dom)) == 9
    assert "not ready: KeyNotFound" in dom
    assert re.search(r"<svg[^>]*>.*<rect", dom)
    assert "<title>2 not ready · secrets-manager</title>" in dom


def test_the_form_of_the_page_asks_for_what_it_says(chromium: Browser, page: StatusPage) -> None:
    dom, complaints = chromium.dom(
        f"http://localhost:{page.port}/?namespace=search&ready=false&reason=&backend=&q=&refresh=30"
    )

    assert complaints == []
    assert re.findall(r'<tr role="row"><th.*?</th>', dom)[0].endswith("/crawler</th>")
    assert "1 to 1 of 1 definition," in dom
    assert '<option value="false" selected="selected">' in dom


def test_a_browser_would_complain_of_what_the_policy_refuses(chromium: Browser, tmp_path: Path) -> None:
    """Otherwise an empty list of complaints would say nothing."""
    odd = tmp_path / "odd.html"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
    odd.write_text(f"<!DOCTYPE html>{policy}<style>p{{color:red}}</style><p>x", encoding="utf-8")

    assert "style-src" in "".join(chromium.dom(odd.as_uri())[1])


@pytest.fixture(scope="module")
def taken(
    chromium: Browser, page: StatusPage, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Picture]:
    """All pictures; PICTURES names a folder that keeps them."""
    folder = Path(os.environ.get("PICTURES") or tmp_path_factory.mktemp("pictures")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{page.port}/"
    return {
        name: chromium.picture(url, folder / f"{name}.png", size, dark=dark)
        for name, (size, dark, _) in PICTURES.items()
    }


@pytest.mark.parametrize("name", PICTURES)
def test_the_page_has_its_looks_by_day_by_night_and_on_a_telephone(
    taken: dict[str, Picture], name: str
) -> None:
    (width, height), _, ground = PICTURES[name]
    picture = taken[name]

    assert (picture.width, picture.height) == (width, height)
    assert picture.corner == ground
    assert 10_000 < picture.bytes < MOST_BYTES


@pytest.mark.parametrize("name", PICTURES)
def test_the_documentation_has_a_picture_of_that_size(name: str, chromium: Browser) -> None:
    raw = (IMAGES / f"{name}.png").read_bytes()

    assert tuple(int.from_bytes(raw[at : at + 4], "big") for at in (16, 20)) == PICTURES[name][0]
    assert len(raw) < MOST_BYTES
