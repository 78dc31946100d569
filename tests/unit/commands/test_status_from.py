"""`status --from URL` shows what the status page of a daemon says, and sends a token nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from secrets_manager.commands.exit_codes import Exit
from secrets_manager.overview.data import as_data
from secrets_manager.overview.model import Readiness
from tests.unit.commands.conftest import CANARY, Desk
from tests.unit.overview.test_parsing import LINE, WHOLE
from tests.unit.runtime.loopback import Connection, Loopback, Received

READY = replace(LINE, name="well", ready=Readiness.TRUE, reason="Synced")


class StatusPage:
    """Answers each request with the same, and keeps the requests."""

    def __init__(self) -> None:
        self.status, self.content = 200, as_data(replace(WHOLE, definitions=(LINE, READY)))
        self.asked: list[Received] = []
        self.loopback = Loopback(self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.loopback.port}"

    def _serve(self, connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            self.asked.append(received)
            connection.reply_json(self.status, self.content)


@pytest.fixture
def page() -> Iterator[StatusPage]:
    made = StatusPage()
    with made.loopback:
        yield made


@pytest.mark.parametrize("suffix", ["", "/", "/status.json"])
def test_definitions_stand_above_what_the_page_says_of_the_daemon(
    desk: Desk, page: StatusPage, suffix: str
) -> None:
    assert desk.run("status", "--from", page.url + suffix) == Exit.NO
    assert page.asked[0].target == "/status.json"
    assert "authorization" not in page.asked[0].headers
    assert desk.out.splitlines()[-4:] == [
        "",
        "a leads",
        "backend eu (vault): logged in, down for 2s, only probes are sent, parts down: 2",
        "1 waiting, the longest for 0s",
    ]
    assert "2 definitions: 1 ready, 1 not ready (KeyNotFound 1)" in desk.out
    assert not desk.api.calls


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ({"holder": "", "isThisOne": True}, "the daemon works alone, without an election"),
        ({"holder": "b", "isThisOne": False}, "b leads; the daemon that was asked waits, and knows nothing"),
        ({"holder": "", "isThisOne": False}, "nobody leads; the daemon that was asked waits, and knows"),
    ],
)
def test_a_daemon_that_does_not_lead_says_that_it_waits(
    desk: Desk, page: StatusPage, lead: dict[str, Any], said: str
) -> None:
    page.content["lead"] = {**lead, "since": None}

    desk.run("status", "--from", page.url)

    assert f"\n{said}" in desk.out


def test_the_same_choices_and_forms_as_of_the_cluster(desk: Desk, page: StatusPage) -> None:
    def names(*words: str) -> list[str]:
        return [each["name"] for each in desk.json("status", "--from", page.url, *words)["definitions"]]

    assert names("--not-ready") == ["app"]
    assert names("shop/well") == ["well"]
    assert names("-n", "shop") == ["app", "well"]
    assert [asked.target for asked in page.asked] == [
        "/status.json",
        "/status.json?namespace=shop",
        "/status.json?namespace=shop",
    ]
    assert desk.run("status", "--from", page.url, "shop/nope") == Exit.FAULT
    assert desk.json("status", "--from", page.url)["lead"]["holder"] == "a"


def test_a_token_is_read_from_its_file(desk: Desk, page: StatusPage) -> None:
    file = desk.folder / "token"
    file.write_text(f"{CANARY}\n")

    desk.run("status", "--from", page.url, "--token-file", str(file))

    assert page.asked[0].headers["authorization"] == f"Bearer {CANARY}"


def test_other_letters_in_the_address_are_sent_as_any_client_would(desk: Desk, page: StatusPage) -> None:
    desk.run("status", "--from", f"{page.url}/b\xfccher")

    assert page.asked[0].target == "/b%C3%BCcher/status.json"


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_that_wants_a_token_is_told_apart(desk: Desk, page: StatusPage, status: int) -> None:
    page.status = status

    assert desk.run("status", "--from", page.url) == Exit.UNREACHED
    assert "--token-file" in desk.err


@pytest.mark.parametrize("content", [[], {}, {"kind": "Status"}, "x"])
def test_what_is_no_overview_is_refused(desk: Desk, page: StatusPage, content: Any) -> None:
    page.content = content

    assert desk.run("status", "--from", page.url) == Exit.UNREACHED
    assert "what answered is no status page" in desk.err


def test_nobody_there_is_one_sentence(desk: Desk) -> None:
    assert desk.run("status", "--from", "http://127.0.0.1:1") == Exit.UNREACHED
    assert desk.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "x"), "give the address of a status page"),
        (("--from", "file:///etc/passwd"), "give the address of a status page"),
        (("--from", f"http://u:{CANARY}@h"), "give the address of a status page"),
        (("--from", "http://[::1"), "give the address of a status page"),
        (("--from", "http://h:99999"), "give the address of a status page"),
        (("--from", ""), "must start with http:// or https://"),
        (("--from", "http://a b/"), "must not contain blanks"),
        (("--from", "http://h/a b"), "must not contain blanks"),
        (("--from", "http://h\n/"), "must not contain blanks"),
        (("--from", "http://a..b/"), "must name a"),
        (("--from", "http://%41/"), "must name a"),
        (("--from", f"http://{'a' * 64}/"), "must name a"),
        (("--from", "http://h/?namespace=shop"), "must not contain ? or #"),
        (("--from", "http://h/#definitions"), "must not contain ? or #"),
        (("--from", "http://far.test", "--token-file", "t"), "a token is sent by https only"),
        (
            ("--from", "https://far.test", "--token-file", "nope"),
            "--token-file: 'nope' cannot be read: No such file or directory",
        ),
        (("--from", "https://far.test", "--token-file", "bad"), "its content is no token"),
        (("--from", "https://far.test", "--token-file", "long"), "its content is no token"),
        (("--from", "https://far.test", "--token-file", "/dev/zero"), "its content is no token"),
        (("--from", "https://far.test", "--ca-cert", "bad"), "--ca-cert"),
        (("--from", "http://h", "--watch"), "--watch follows the cluster"),
        (("--token-file", "t"), "are for --from URL"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(desk.folder)
    (desk.folder / "bad").write_text(f"{CANARY} two\nlines")
    (desk.folder / "long").write_text("t" * 70_000)

    assert desk.run("status", *words) == Exit.FAULT
    assert said in desk.err
