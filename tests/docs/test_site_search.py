"""The site in a real browser: its search finds a word, and nothing that a page does asks another host."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.testbed.chromium import Browser

PATIENCE = 90
# With diagrams, with pictures, and made from code.
PAGES = ("docs/architecture.html", "docs/status-page.html", "docs/reference/commands.html")
# Opens pages of the site in a frame, does there what a reader does, and sends what it saw.
DRIVER = """\
<!DOCTYPE html><iframe width="1200" height="900"></iframe>
<script>
const frame = document.querySelector("iframe");
const open = page => new Promise(done => { frame.onload = done; frame.src = page; });
const until = async find => {
  for (;;) {
    const found = find();
    if (found) return found;
    await new Promise(done => setTimeout(done, 20));
  }
};
const focused = within => {
  const element = within.activeElement;
  return element && element.shadowRoot ? focused(element.shadowRoot) : element;
};
const run = async () => {
  for (const page of PAGES) await open(page);
  await open("index.html");
  const site = frame.contentDocument;
  (await until(() => site.querySelector(".md-search__button"))).click();
  const input = await until(() => focused(site)?.matches("input") && focused(site));
  input.value = "WORD";
  input.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  const hits = await until(() => {
    const found = [...input.getRootNode().querySelectorAll("[role=option]")];
    return found.length && found;
  });
  return hits.map(hit => ({ address: hit.href, text: hit.textContent }));
};
const send = found => fetch("/found", { method: "POST", body: JSON.stringify(found) });
run().then(send, fault => send({ fault: String(fault) }));
</script>
"""
# Asks another host as a page might: by both schemes, in the page and in a worker.
STRAY = """\
<!DOCTYPE html>
<script>
const worker = `fetch("http://worker.test/x").finally(() => postMessage(0)).catch(() => 0)`;
const asks = [fetch("http://plain.test/x"), fetch("https://secure.test/x"), new Promise(done => {
  new Worker(URL.createObjectURL(new Blob([worker]))).onmessage = done;
})];
Promise.allSettled(asks).then(() => fetch("/found", { method: "POST", body: "[]" }));
</script>
"""


@dataclass(eq=False, slots=True)
class Seen:
    """What the browser sent, and what it asked other hosts for."""

    outside: list[str] = field(default_factory=list)
    found: Any = None
    done: threading.Event = field(default_factory=threading.Event)


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder and the page of the test, and is the proxy to all other hosts, which it only notes."""

    def __init__(self, seen: Seen, page: str, *args: Any, **options: Any) -> None:
        self.seen, self.page = seen, page
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        if not self.path.startswith("/"):
            self._note()
        elif self.path == "/driver.html":
            self._answer(200, self.page.encode())
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.seen.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(204)
        self.seen.done.set()

    def do_CONNECT(self) -> None:
        self._note()

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def _note(self) -> None:
        self.seen.outside.append(f"{self.command} {self.path}")
        self._answer(502)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(folder: Path, page: str) -> Iterator[tuple[int, Seen]]:
    """The port of a server of the folder, and what it sees."""
    seen = Seen()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, seen, page, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def visit(chromium: Browser, folder: Path, page: str) -> Seen:
    """Show a page beside the files of a folder until it has sent what it found."""
    with (
        served(folder, page) as (port, seen),
        chromium.showing(f"http://127.0.0.1:{port}/driver.html", proxy=f"127.0.0.1:{port}"),
    ):
        assert seen.done.wait(PATIENCE), f"the page sent nothing; asked other hosts for {seen.outside}"
    return seen


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "built"
    subprocess.run([ROOT / "scripts/docs", folder], stdout=subprocess.DEVNULL, timeout=120, check=True)
    return folder / "site"


def test_a_word_is_found_and_no_other_host_is_asked_for_anything(chromium: Browser, site: Path) -> None:
    driver = DRIVER.replace("PAGES", json.dumps(PAGES)).replace("WORD", "EngineMismatch")

    seen = visit(chromium, site, driver)

    assert seen.outside == []
    assert isinstance(seen.found, list), seen.found
    assert any("docs/troubleshooting.html" in hit["address"] for hit in seen.found)
    assert all("EngineMismatch" in hit["text"] for hit in seen.found)


def test_a_page_that_asks_other_hosts_is_noticed(chromium: Browser, tmp_path: Path) -> None:
    """Otherwise an empty list of requests would say nothing."""
    seen = visit(chromium, tmp_path, STRAY)

    assert sorted(seen.outside) == [
        "CONNECT secure.test:443",
        "GET http://plain.test/x",
        "GET http://worker.test/x",
    ]
