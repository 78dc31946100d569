"""VaultBackend against replies that a real server seldom gives, scripted byte for byte."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from secrets_manager.backends.base import Reading
from secrets_manager.backends.vault import token_api
from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
    DynamicSecretUnsupported,
    EngineMismatch,
    InvalidPath,
    NoAnswerYet,
    NotAString,
    PermissionDenied,
    Reach,
    SecretsManagerError,
    SourceDeleted,
    SourceNotFound,
    SourceOutdated,
    SourceTooLarge,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import VaultSettings
from tests.builders import Clock
from tests.unit.backends.tables import rows
from tests.unit.backends.vault.clusters import vault_index
from tests.unit.backends.vault.doubles import RecordedTelemetry
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request

Answer = Callable[[Connection, Received], None]


def said(status: int, content: Any, **headers: str) -> Answer:
    return lambda connection, _: connection.reply_json(status, content, **headers)


def secret(version: int = 1, **values: Any) -> Answer:
    data = {"data": values or {"a": "1"}, "metadata": {"version": version}}
    return said(200, {"lease_id": "", "data": data})


def login(**auth: Any) -> Answer:
    return said(
        200, {"auth": {"client_token": "s.canary", "lease_duration": 1200, "renewable": True, **auth}}
    )


def alive(*, ttl: int = 1200, **data: Any) -> Answer:
    return said(200, {"data": {"ttl": ttl, "creation_ttl": 1200, "renewable": True, **data}})


GRANTED = {"auth": {"client_token": "s.canary", "lease_duration": 1200, "renewable": True}}
NO_FORWARDING = said(
    400,
    {"errors": ["forwarding via header X-Vault-Inconsistent=forward-active-node disabled in configuration"]},
)
DENIED = said(403, {"errors": ["permission denied"]})


@dataclass
class FakeVault:
    """Answers by path: the next of a list, the last one for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    server: Loopback = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = Loopback(each_request(self.answer))
        self.on("auth/approle/login", login())
        self.on("auth/kubernetes/login", login())
        self.on("auth/token/lookup-self", alive())
        self.on("sys/seal-status", said(200, {"sealed": False, "initialized": True}))
        self.on(
            "sys/health", said(200, {"version": "9", "cluster_id": "i", "cluster_name": "n", "sealed": False})
        )

    def on(self, path: str, *answers: Answer) -> None:
        self.answers[f"/v1/{path}"] = list(answers)

    def answer(self, connection: Connection, received: Received) -> None:
        with self.lock:
            queue = self.answers.get(received.target, [said(404, {"errors": []})])
            chosen = queue.pop(0) if len(queue) > 1 else queue[0]
        chosen(connection, received)

    def count(self, path: str) -> int:
        return sum(each.target == f"/v1/{path}" for each in self.server.seen)


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    fake = FakeVault()
    with fake.server:
        yield fake


def backend(
    vault: FakeVault,
    *,
    timeout: float = 5.0,
    told: RecordedTelemetry | None = None,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> VaultBackend:
    return VaultBackend(
        VaultSettings(**{"url": vault.server.url, "role_id": "r", "secret_id": "canary-sid", **settings}),
        timeout=timeout,
        poll_period=60.0,
        connections=4,
        telemetry=told or RecordedTelemetry(),
        watchdog=Watchdog(),
        clock=clock,
    )


def failure(of: VaultBackend, path: str = "secret/data/app", *, seconds: float = 5.0) -> SecretsManagerError:
    with pytest.raises(SecretsManagerError) as caught:
        of.read(of.locate(path), Terms.within(seconds))
    return caught.value


@pytest.mark.parametrize(
    ("answer", "meaning"),
    rows(
        {
            "throttled": (said(429, {"errors": ["canary"]}), BackendThrottled),
            "failed inside": (said(500, {"errors": ["canary"]}), BackendUnavailable),
            "a bad gateway": (lambda c, _: c.reply(502, b"<html>canary"), BackendUnavailable),
            "a proxy without Vault": (lambda c, _: c.reply(503, b"<html>canary"), BackendUnavailable),
            "a locked namespace": (said(503, {"errors": ["canary"]}), BackendUnavailable),
            "a disaster recovery secondary": (said(472, {"errors": ["canary"]}), BackendUnavailable),
            "a page": (lambda c, _: c.reply(200, b"<html>canary"), BackendUnavailable),
            "a page in place of a denial": (lambda c, _: c.reply(403, b"<html>canary"), BackendUnavailable),
            "a path that cannot be read": (
                said(405, {"errors": ["canary: unsupported operation"]}),
                EngineMismatch,
            ),
            "a 405 of something else": (said(405, {"errors": ["canary"]}), BackendUnavailable),
            "a 405 of a gateway": (said(405, {"message": "canary"}), BackendUnavailable),
            "a page with 405": (lambda c, _: c.reply(405, b"<html>canary"), BackendUnavailable),
            "a call that Vault does not like": (said(400, {"errors": ["canary"]}), BackendUnavailable),
            "a page with 400": (lambda c, _: c.reply(400, b"<html>canary"), BackendUnavailable),
            "a path that is not below data/": (
                said(404, {"data": None, "warnings": ["canary"]}),
                SourceNotFound,
            ),
            "more than is looked through": (
                said(200, {"data": {"data": {"a": [[]] * 500_000}, "metadata": {"version": 1}}}),
                SourceTooLarge,
            ),
            "a large reply that is none": (
                lambda c, _: c.reply(200, b'{"a' + b"x" * 20_000),
                BackendUnavailable,
            ),
            "a large reply with damage inside": (
                lambda c, _: c.reply(
                    200, b'{"data":{"data":{"a" 1,"x":"' + b"x" * 20_000 + b'"},"metadata":{}}}'
                ),
                BackendUnavailable,
            ),
            "more members than are looked through": (
                lambda c, _: c.reply(
                    200, b'{"data":{"data":{"a":0' + b',"":0' * 250_000 + b'},"metadata":{}}}'
                ),
                SourceTooLarge,
            ),
            "another shape": (said(200, {"data": {"a": "canary"}}), EngineMismatch),
            "nothing there": (said(404, {"errors": []}), SourceNotFound),
            "no right": (DENIED, PermissionDenied),
        }
    ),
)
def test_each_answer_of_vault_to_a_read_has_one_meaning(
    vault: FakeVault, answer: Answer, meaning: type
) -> None:
    vault.on("secret/data/app", answer)
    told = RecordedTelemetry()
    error = failure(backend(vault, told=told))

    assert type(error) is meaning
    assert "canary" not in f"{error!r}"
    assert told.calls[-1] == ("read", error)


@pytest.mark.parametrize(("path", "meaning"), [("kv1/a..b", SourceNotFound), ("kv1/a.b", BackendUnavailable)])
def test_a_name_with_two_dots_that_vault_cannot_keep_is_no_fault_of_vault(
    vault: FakeVault, path: str, meaning: type
) -> None:
    vault.on(
        path, said(400, {"errors": ["1 error occurred:\n\t* read failed: relative paths not supported"]})
    )

    assert type(failure(backend(vault, engine="kv1"), path)) is meaning


@pytest.mark.parametrize(
    ("seal", "message"),
    [
        ({"sealed": True, "initialized": True}, "Vault is sealed"),
        ({"sealed": True, "initialized": False}, "Vault is not initialised"),
    ],
)
def test_a_503_of_a_server_that_says_it_is_sealed_is_a_seal(
    vault: FakeVault, seal: dict[str, bool], message: str
) -> None:
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(200, seal))

    assert failure(backend(vault)) == BackendSealed(message)


@pytest.mark.parametrize("letter", ["\u202e", "\u200b", "\ufeff", "\xa0", "\u3000", "\ue000", "\u0378"])
def test_a_path_that_vault_takes_no_letter_of_is_its_own_trouble_and_not_the_backends(
    vault: FakeVault, letter: str
) -> None:
    path = f"secret/data/app{letter}x"
    vault.on(quote(path), lambda c, _: c.reply(400, b""))
    error = failure(backend(vault), path)

    assert type(error) is SourceNotFound
    assert error.message.endswith(
        f"; Vault does not accept U+{ord(letter):04X}, which is not printable, in a path"
    )


def test_an_empty_400_about_a_path_that_shows_is_no_answer_of_vaults(vault: FakeVault) -> None:
    vault.on("secret/data/app", lambda c, _: c.reply(400, b""))

    assert failure(backend(vault)) == BackendUnavailable(
        "the reply is not from Vault: status 400, and not a JSON object"
    )


def test_many_reads_that_end_in_503_ask_for_the_seal_status_once_in_a_while(
    vault: FakeVault,
) -> None:
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(200, {"sealed": True, "initialized": True}), said(500, {}))
    now = 1000.0
    reader = backend(vault, clock=lambda: now)
    told = [failure(reader) for _ in range(5)]
    now += 5.0
    told += [failure(reader) for _ in range(5)]

    assert (
        told
        == [BackendSealed("Vault is sealed")] * 5
        + [BackendUnavailable("Vault cannot serve requests now (503)")] * 5
    )
    assert [received.target for received in vault.server.seen].count("/v1/sys/seal-status") == 2


def test_a_server_that_is_silent_about_its_seal_holds_a_read_for_less_than_a_second_more(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A call may last a second longer than its time.
    assert token_api._SEAL_SECONDS < 1.0
    monkeypatch.setattr(token_api, "_SEAL_SECONDS", 0.05)
    over = threading.Event()

    def silent(_connection: Connection, _received: Received) -> None:
        over.wait(60)

    vault.on("sys/seal-status", silent)
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    reader = backend(vault)
    with ThreadPoolExecutor(8) as readers:
        told = list(readers.map(lambda _: failure(reader), range(8)))
    over.set()

    assert told == [BackendUnavailable("Vault cannot serve requests now (503)")] * 8
    assert vault.count("sys/seal-status") == 1


@pytest.mark.parametrize(
    "answer",
    [
        said(200, {"sealed": "true"}),
        said(200, {"sealed": None, "initialized": "false"}),
        said(200, {}),
        said(503, {"errors": ["x"]}),
        said(403, {"errors": ["x"]}),
        lambda c, _: c.reply(200, b"<html>"),
        lambda c, _: c.reply(200, b"[]"),
    ],
    ids=["a text", "null", "nothing", "503", "403", "a page", "a list"],
)
def test_only_a_server_that_says_so_is_sealed(vault: FakeVault, answer: Answer) -> None:
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", answer)

    assert failure(backend(vault)) == BackendUnavailable("Vault cannot serve requests now (503)")


def test_a_page_with_the_status_of_a_gateway_is_named_by_its_status(vault: FakeVault) -> None:
    vault.on("secret/data/app", lambda c, _: c.reply(502, b"<html>"))

    assert failure(backend(vault)) == BackendUnavailable("a proxy got no valid answer from Vault (502)")


def test_a_lagging_standby_is_asked_again(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(412, {"errors": ["x"]}), said(412, {"errors": ["x"]}), secret())
    reading = backend(vault).read(backend(vault).locate("secret/data/app"), Terms.within(5.0))

    assert reading.pick("a") == "1"


def test_a_login_on_one_node_and_a_read_on_another_that_lags_are_no_reason_for_another_login(
    vault: FakeVault,
) -> None:
    index = vault_index(7)
    lags = said(412, {"errors": ["required index state not present"]})
    vault.on("auth/approle/login", said(200, GRANTED, X_Vault_Index=index))
    vault.on("auth/token/lookup-self", lags, alive())
    vault.on("secret/data/app", lags, NO_FORWARDING, secret())
    reader = backend(vault)

    assert reader.read(reader.locate("secret/data/app"), Terms.within(5.0)).pick("a") == "1"
    assert (vault.count("auth/approle/login"), vault.count("secret/data/app")) == (1, 3)
    assert all(
        each.headers.get("x-vault-index") == index for each in vault.server.seen if each.method == "GET"
    )


def test_a_standby_that_lags_right_after_the_login_does_not_hide_the_right_to_look_the_token_up(
    vault: FakeVault,
) -> None:
    lags = said(412, {"errors": ["required index state not present"]})
    vault.on("auth/approle/login", said(200, GRANTED, X_Vault_Index=vault_index(7)))
    vault.on("auth/token/lookup-self", lags, NO_FORWARDING, alive())
    reader = backend(vault)
    reader.maintain()
    reader.maintain()

    assert vault.count("auth/token/lookup-self") == 4


def test_a_token_whose_state_no_server_has_for_a_minute_is_replaced(vault: FakeVault) -> None:
    clock = Clock()
    reader = backend(vault, clock=clock, timeout=0.2)
    reader.maintain()
    # Another cluster was promoted, which never gets the state that the token names.
    vault.on("auth/token/lookup-self", said(412, {"errors": ["required index state not present"]}))
    for _ in range(4):
        with pytest.raises(BackendUnavailable, match="has not caught up"):
            reader.maintain()
        clock.now += 15
    assert vault.count("auth/approle/login") == 1
    reader.maintain()

    assert vault.count("auth/approle/login") == 2


def test_the_index_of_a_reply_is_shown_nowhere(vault: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    vault.on("auth/approle/login", said(200, GRANTED, X_Vault_Index="canary-index"))
    vault.on("secret/data/app", said(412, {"errors": ["x"]}))
    with caplog.at_level(logging.DEBUG):
        error = failure(backend(vault), seconds=0.3)

    assert vault.server.seen[-1].headers["x-vault-index"] == "canary-index"
    assert "canary" not in f"{error!r} {caplog.text}"
    assert not any("canary" in f"{record.__dict__}" for record in caplog.records)


@pytest.mark.parametrize(
    "answer",
    rows(
        {
            "400": said(400, {"errors": ["path disabled in replication DR secondary mode"]}),
            "503": said(503, {"errors": ["path disabled in replication DR secondary mode"]}),
            "472": said(472, {"errors": ["x"]}),
        }
    ),
)
def test_a_disaster_recovery_secondary_is_an_outage_and_no_refusal_of_the_credentials(
    vault: FakeVault, answer: Answer
) -> None:
    reader = backend(vault)
    vault.on("auth/approle/login", answer)
    error = failure(reader)

    assert isinstance(error, BackendUnavailable)
    assert error.reach is Reach.ALL
    assert "disaster recovery secondary" in error.message
    assert vault.count("sys/seal-status") == 0


def test_a_read_from_a_disaster_recovery_secondary_says_so(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(400, {"errors": ["path disabled in replication DR secondary mode"]}))
    error = failure(backend(vault))

    assert isinstance(error, BackendUnavailable)
    assert error.reach is Reach.ALL
    assert "disaster recovery secondary" in error.message


def test_a_standby_that_goes_on_lagging_is_a_fault_at_the_deadline(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(412, {"errors": ["x"]}))
    error = failure(backend(vault), seconds=0.5)

    assert isinstance(error, (BackendUnavailable, BackendTimeout))
    assert vault.count("secret/data/app") > 1


def test_an_older_version_than_before_is_not_used_at_once(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(5), secret(4))
    reader = backend(vault)
    reader.read(reader.locate("secret/data/app"), Terms.within(5.0))

    assert isinstance(failure(reader), SourceOutdated)


def test_a_path_that_was_removed_and_created_again_is_used_at_once(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(5), said(404, {"errors": []}), secret(1, a="new"))
    reader = backend(vault)
    source = reader.locate("secret/data/app")
    reader.read(source, Terms.within(5.0))
    failure(reader)

    assert reader.read(source, Terms.within(5.0)).pick("a") == "new"


def test_a_read_is_not_tried_a_third_time_when_the_new_token_is_refused_too(vault: FakeVault) -> None:
    vault.on("secret/data/app", DENIED)
    vault.on("auth/token/lookup-self", alive(), DENIED, alive())

    assert isinstance(failure(backend(vault)), PermissionDenied)
    assert (vault.count("auth/approle/login"), vault.count("secret/data/app")) == (2, 2)


def test_a_leased_secret_is_revoked_and_not_asked_for_again(vault: FakeVault) -> None:
    vault.on("db/creds/x", said(200, {"lease_id": "db/creds/x/1", "data": {"password": "canary"}}))
    vault.on("sys/leases/revoke", lambda c, _: c.reply(204))
    reader = backend(vault, engine="kv1")
    errors = {type(failure(reader, "db/creds/x")) for _ in range(3)}

    assert errors == {DynamicSecretUnsupported}
    assert vault.count("db/creds/x") == 1
    revoked = [each.body for each in vault.server.seen if each.target == "/v1/sys/leases/revoke"]
    assert [json.loads(body) for body in revoked] == [{"lease_id": "db/creds/x/1"}]


def test_a_lease_that_may_not_be_revoked_is_left(vault: FakeVault) -> None:
    vault.on("db/creds/x", said(200, {"lease_id": "db/creds/x/1", "data": {"password": "canary"}}))
    vault.on("sys/leases/revoke", DENIED)

    assert isinstance(failure(backend(vault), "db/creds/x"), DynamicSecretUnsupported)


def test_our_own_token_is_asked_for_under_no_path(vault: FakeVault) -> None:
    path = "team/auth/token/lookup-self"
    vault.on(path, said(200, {"lease_id": "", "data": {"id": "s.canary"}}))

    assert isinstance(failure(backend(vault, engine="kv1"), path), InvalidPath)
    assert vault.server.seen == []


BIG = "x" * 20_000
HIDDEN: dict[str, Any] = {
    "as a value": {"id": "s.canary"},
    "within a text": {"id": "token: s.canary!"},
    "in a list": {"id": ["a", ["s.canary"]]},
    "in a map": {"id": {"a": {"b": "s.canary"}}},
    "as a name": {"s.canary": "a"},
    "as a name further down": {"id": {"a": [{"s.canary": 1}]}},
}


@pytest.mark.parametrize("large", [False, True], ids=["parsed", "viewed"])
@pytest.mark.parametrize("place", HIDDEN)
def test_a_reply_that_holds_our_own_token_anywhere_is_refused(
    vault: FakeVault, place: str, *, large: bool
) -> None:
    values = {"a": "1", **HIDDEN[place], **({"big": BIG} if large else {})}
    vault.on("secret/data/app", secret(**values))

    assert isinstance(failure(backend(vault)), PermissionDenied)


@pytest.mark.parametrize("told", ["s.canary", "s.second"])
def test_a_reply_is_compared_with_the_current_token_and_with_earlier_tokens(
    vault: FakeVault, told: str
) -> None:
    vault.on("auth/approle/login", login(), login(client_token="s.second"))
    vault.on("auth/token/lookup-self", alive(), DENIED, alive())
    # The token ends, and the path says what the token is that asks.
    vault.on("secret/data/app", DENIED, secret(id=told))
    reader = backend(vault)

    assert isinstance(failure(reader), PermissionDenied)
    asked_with = [e.headers["x-vault-token"] for e in vault.server.seen if e.target == "/v1/secret/data/app"]
    assert asked_with == ["s.canary", "s.second"]
    # Before another thread has seen the new one as well.
    assert isinstance(failure(reader), PermissionDenied)


def test_a_lease_is_revoked_with_the_token_that_it_was_made_for(vault: FakeVault) -> None:
    vault.on("auth/approle/login", login(), login(client_token="s.second"))
    vault.on("auth/token/lookup-self", alive(), DENIED, alive())
    vault.on("db/creds/x", DENIED, said(200, {"lease_id": "db/creds/x/1", "data": {"password": "p"}}))
    vault.on("sys/leases/revoke", lambda c, _: c.reply(204))

    assert isinstance(failure(backend(vault, engine="kv1"), "db/creds/x"), DynamicSecretUnsupported)
    revoked = [e.headers["x-vault-token"] for e in vault.server.seen if e.target == "/v1/sys/leases/revoke"]
    assert revoked == ["s.second"]


@pytest.mark.parametrize("destroyed", [False, True])
def test_a_deleted_version_does_not_make_an_older_one_usable(vault: FakeVault, *, destroyed: bool) -> None:
    gone = {"data": None, "metadata": {"version": 7, "destroyed": destroyed, "deletion_time": "x"}}
    vault.on("secret/data/app", secret(7), said(404, {"data": gone}), secret(6), secret(8))
    reader = backend(vault)
    source = reader.locate("secret/data/app")
    reader.read(source, Terms.within(5.0))
    failure(reader)

    assert isinstance(failure(reader), SourceOutdated)
    assert reader.read(source, Terms.within(5.0)).version == "8"


def test_a_standby_that_does_not_know_the_path_does_not_make_an_older_version_usable(
    vault: FakeVault,
) -> None:
    def made(version: int, second: int) -> Answer:
        metadata = {"version": version, "created_time": f"2026-01-01T00:00:{second:02}.5Z"}
        return said(200, {"data": {"data": {"a": str(version)}, "metadata": metadata}})

    vault.on("secret/data/app", made(7, 20), said(404, {"errors": []}), made(6, 10), made(1, 30))
    reader = backend(vault)
    source = reader.locate("secret/data/app")
    reader.read(source, Terms.within(5.0))
    failure(reader)

    assert isinstance(failure(reader), SourceOutdated)
    # Removed and created again.
    assert reader.read(source, Terms.within(5.0)).version == "1"


def test_a_large_reply_is_read_with_its_texts_and_its_version(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(3, a="1", big="\u00e9" * 1_000_000, deep=[[[]]]))
    reading = backend(vault).read(backend(vault).locate("secret/data/app"), Terms.within(5.0))

    assert (reading.version, reading.pick("a"), len(reading.pick("big"))) == ("3", "1", 1_000_000)
    with pytest.raises(NotAString, match="is a list"):
        reading.pick("deep")


def test_large_replies_that_are_kept_leave_no_room_for_another_until_they_go(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(3, a="1", big="x" * 7_500_000))
    vault.on("secret/data/small", secret(3, a="1"))
    reader = backend(vault, timeout=3.0)
    source = reader.locate("secret/data/app")
    kept = [reader.read(source, Terms.within(5.0)) for _ in range(3)]
    error = failure(reader)
    assert isinstance(error, NoAnswerYet)
    # What is small is not held up.
    assert reader.read(reader.locate("secret/data/small"), Terms.within(5.0)).pick("a") == "1"
    error.bare()
    kept.clear()

    assert reader.read(source, Terms.within(5.0)).pick("a") == "1"


def test_a_secret_nested_deep_in_a_small_reply_costs_only_its_own_key(vault: FakeVault) -> None:
    deep = b"[" * 2_000 + b"]" * 2_000
    body = b'{"data":{"data":{"deep":' + deep + b',"a":"1"},"metadata":{"version":1}}}'
    vault.on("secret/data/app", lambda c, _: c.reply(200, body))

    assert backend(vault).read(backend(vault).locate("secret/data/app"), Terms.within(5.0)).pick("a") == "1"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_login_names_the_method_and_nothing_else(vault: FakeVault, status: int) -> None:
    vault.on("auth/approle/login", said(status, {"errors": ["canary"]}))
    told = RecordedTelemetry()
    error = failure(backend(vault, told=told))

    assert error == AuthFailed(f"Vault refused the login at auth/approle ({status})")
    assert told.logins_failed == 1


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"auth": None},
        {"auth": {}},
        {"auth": {"client_token": ""}},
        {"auth": {"client_token": None, "mfa_requirement": {}}},
        {"auth": "canary"},
    ],
    ids=str,
)
def test_a_login_that_gives_no_token_is_a_refused_login(vault: FakeVault, reply: Any) -> None:
    vault.on("auth/approle/login", said(200, reply))

    assert isinstance(failure(backend(vault)), AuthFailed)


def test_a_sealed_vault_at_login_is_not_mistaken_for_refused_credentials(vault: FakeVault) -> None:
    vault.on("auth/approle/login", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(200, {"sealed": True, "initialized": True}))

    assert failure(backend(vault)) == BackendSealed("Vault is sealed")


def test_a_login_that_hangs_leaves_the_read_in_time(vault: FakeVault) -> None:
    vault.on("auth/approle/login", lambda connection, _: connection.hang())
    error = failure(backend(vault), seconds=0.4)

    assert error.reason in {"SessionExpired", "BackendTimeout"}


def test_the_credentials_are_read_from_their_files_at_each_login(vault: FakeVault, tmp_path: Path) -> None:
    role, secret_id = tmp_path / "role", tmp_path / "secret"
    role.write_text("role-1\n")
    secret_id.write_text(" secret-1\n")
    vault.on("secret/data/app", secret(), DENIED, secret())
    reader = backend(vault, role_id_file=str(role), secret_id_file=str(secret_id))
    reader.read(reader.locate("secret/data/app"), Terms.within(5.0))
    secret_id.write_text("secret-2")
    vault.on("auth/token/lookup-self", DENIED, alive())
    reader.read(reader.locate("secret/data/app"), Terms.within(5.0))

    bodies = [json.loads(e.body) for e in vault.server.seen if e.target == "/v1/auth/approle/login"]
    assert bodies == [
        {"role_id": "role-1", "secret_id": "secret-1"},
        {"role_id": "role-1", "secret_id": "secret-2"},
    ]


def test_the_service_account_is_shown_with_its_role_at_its_own_mount(
    vault: FakeVault, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("jwt-canary")
    vault.on("auth/k8s/east/login", login())
    vault.on("secret/data/app", secret())
    reader = backend(
        vault,
        auth_method="kubernetes",
        kubernetes_role="sm",
        kubernetes_path="k8s/east",
        kubernetes_token_file=str(token),
    )
    reader.read(reader.locate("secret/data/app"), Terms.within(5.0))

    assert json.loads(vault.server.seen[0].body) == {"jwt": "jwt-canary", "role": "sm"}


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"\xff\xfe"])
def test_a_credentials_file_that_holds_nothing_is_named(
    vault: FakeVault, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "secret-id"
    if content is not None:
        file.write_bytes(content)
    error = failure(backend(vault, secret_id_file=str(file)))

    assert isinstance(error, AuthFailed)
    assert str(file) in error.message
    assert vault.count("auth/approle/login") == 0


def test_a_role_without_secret_id_is_logged_in_without_one(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret())
    reader = backend(vault, secret_id="")
    reader.read(reader.locate("secret/data/app"), Terms.within(5.0))

    assert json.loads(vault.server.seen[0].body) == {"role_id": "r"}


def test_the_health_of_the_server_is_asked_for_outside_of_the_namespace(vault: FakeVault) -> None:
    told = RecordedTelemetry()
    reader = backend(vault, told=told, namespace="team")
    reader.maintain()

    namespaces = {each.target: each.headers.get("x-vault-namespace") for each in vault.server.seen}
    assert told.servers == [("9", "i", "n")]
    assert namespaces["/v1/sys/health"] is None
    assert namespaces["/v1/auth/approle/login"] == "team"


def test_a_token_near_its_end_is_renewed_by_the_poll(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(ttl=1200), alive(ttl=250))
    vault.on("auth/token/renew-self", login(lease_duration=600))
    told = RecordedTelemetry()
    reader = backend(vault, told=told)
    reader.maintain()
    reader.maintain()

    renewals = [json.loads(e.body) for e in vault.server.seen if e.target == "/v1/auth/token/renew-self"]
    assert renewals == [{"increment": "600s"}]
    assert told.ttls == [1200, 250, 600]


def test_a_renewed_periodic_token_is_not_taken_for_one_at_its_maximum_life(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(ttl=100, period=120))
    vault.on("auth/token/renew-self", login(lease_duration=120))
    reader = backend(vault)
    for _ in range(3):
        reader.maintain()

    assert vault.count("auth/approle/login") == 1


def test_a_renewal_that_vault_refuses_is_counted_as_forbidden(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(ttl=1200), alive(ttl=1000))
    vault.on("auth/token/renew-self", DENIED)
    told = RecordedTelemetry()
    reader = backend(vault, told=told, max_token_ttl=1100)
    reader.maintain()
    with pytest.raises(AuthFailed, match="do not allow renew-self"):
        reader.maintain()

    assert told.renewals_failed == [("renew-self", "BackendSecretForbiddenError")]
    assert told.calls[-1] == ("renew-self", AuthFailed("Vault does not accept the token"))


def test_a_token_of_few_uses_is_given_back(vault: FakeVault) -> None:
    vault.on("auth/approle/login", login(num_uses=3))
    vault.on("auth/token/revoke-self", lambda c, _: c.reply(204))

    assert isinstance(failure(backend(vault)), AuthFailed)
    assert vault.count("auth/token/revoke-self") == 1


def test_a_token_of_few_uses_that_cannot_be_given_back_is_refused_all_the_same(vault: FakeVault) -> None:
    vault.on("auth/approle/login", login(num_uses=3))
    vault.on("auth/token/revoke-self", DENIED)

    assert isinstance(failure(backend(vault)), AuthFailed)


def test_a_look_up_of_an_unknown_shape_is_a_fault(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(), said(200, {"data": None}))
    reader = backend(vault)
    reader.maintain()

    with pytest.raises(BackendUnavailable, match="holds no data"):
        reader.maintain()


def test_a_503_of_a_server_that_does_not_say_whether_it_is_sealed_is_an_outage(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(500, {"errors": ["x"]}))

    assert failure(backend(vault)) == BackendUnavailable("Vault cannot serve requests now (503)")


def test_a_read_without_time_left_makes_no_call(vault: FakeVault) -> None:
    assert isinstance(failure(backend(vault), seconds=0.0), BackendTimeout)
    assert vault.server.seen == []


def test_a_disaster_recovery_secondary_is_asked_for_its_health_until_it_is_promoted(vault: FakeVault) -> None:
    health = {"version": "9", "cluster_id": "i", "sealed": False}
    vault.on(
        "sys/health",
        said(472, {**health, "replication_dr_mode": "secondary"}),
        said(200, {**health, "replication_dr_mode": "primary"}),
    )
    reader = backend(vault)
    for _ in range(3):
        reader.maintain()

    assert vault.count("sys/health") == 2


@pytest.mark.parametrize("status", [429, 472, 473, 501, 503])
def test_the_health_of_a_standby_is_information(vault: FakeVault, status: int) -> None:
    vault.on("sys/health", said(status, {"version": "9", "cluster_id": "i", "sealed": False}))
    told = RecordedTelemetry()
    backend(vault, told=told).maintain()

    assert told.servers == [("9", "i", "")]


@pytest.mark.parametrize(
    "answer",
    rows({"refused": said(400, {"errors": ["x"]}), "a page": lambda c, _: c.reply(500, b"x")}),
)
def test_a_health_that_fails_is_no_fault(vault: FakeVault, answer: Answer) -> None:
    vault.on("sys/health", answer)
    told = RecordedTelemetry()
    reader = backend(vault, told=told)
    reader.maintain()

    assert (told.servers, reader.ready()) == ([], True)


def test_no_canary_is_logged_at_any_level(vault: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    vault.on("secret/data/app", secret(a="canary-value"), DENIED)
    with caplog.at_level(logging.DEBUG):
        reader = backend(vault)
        reader.read(reader.locate("secret/data/app"), Terms.within(5.0))
        failure(reader)
        reader.maintain()

    assert "canary" not in caplog.text
    assert not any("canary" in f"{record.__dict__}" for record in caplog.records)


def test_reads_of_old_versions_say_nothing_about_the_newest(vault: FakeVault) -> None:
    """They neither make it look outdated, nor let an outdated one pass."""
    vault.on("secret/data/app", secret(7), secret(7), secret(6), secret(7))
    vault.on("secret/data/app?version=3", secret(3))
    vault.on("secret/data/app?version=9", said(404, {"errors": []}))
    deleted = {"data": None, "metadata": {"version": 5, "destroyed": False, "deletion_time": "x"}}
    vault.on("secret/data/app?version=5", said(404, {"data": deleted}))
    reader = backend(vault)

    def newest() -> str:
        return reader.read(reader.locate("secret/data/app"), Terms.within(5.0)).version

    def pinned(version: str) -> Reading:
        return reader.read(reader.locate("secret/data/app", version), Terms.within(5.0))

    assert newest() == "7"
    assert pinned("3").version == "3"
    with pytest.raises(SourceNotFound, match="version 9 of path"):
        pinned("9")
    with pytest.raises(SourceDeleted, match="version 5 of path"):
        pinned("5")
    assert newest() == "7"
    assert isinstance(failure(reader), SourceOutdated)
    assert newest() == "7"


def test_a_forbidden_version_is_a_refusal_and_no_absence(vault: FakeVault) -> None:
    vault.on("secret/data/app?version=3", DENIED)
    reader = backend(vault)

    with pytest.raises(PermissionDenied):
        reader.read(reader.locate("secret/data/app", "3"), Terms.within(5.0))
