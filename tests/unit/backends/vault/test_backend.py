"""VaultBackend against replies that a real server gives seldom, each said byte for byte."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendSealed,
    BackendThrottled,
    BackendTimeout,
    BackendUnavailable,
    DynamicSecretUnsupported,
    EngineMismatch,
    PermissionDenied,
    SecretsManagerError,
    SourceNotFound,
    SourceOutdated,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import VaultSettings
from tests.unit.backends.tables import rows
from tests.unit.backends.vault.doubles import Told
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
    vault: FakeVault, *, timeout: float = 5.0, told: Told | None = None, **settings: Any
) -> VaultBackend:
    return VaultBackend(
        VaultSettings(**{"url": vault.server.url, "role_id": "r", "secret_id": "canary-sid", **settings}),
        timeout=timeout,
        poll_period=60.0,
        connections=4,
        telemetry=told or Told(),
        watchdog=Watchdog(),
    )


def failure(of: VaultBackend, path: str = "secret/data/app") -> SecretsManagerError:
    with pytest.raises(SecretsManagerError) as caught:
        of.read(of.locate(path))
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
            "a path that cannot be read": (said(405, {"errors": ["canary"]}), EngineMismatch),
            "a path that Vault does not like": (said(400, {"errors": ["canary"]}), EngineMismatch),
            "another shape": (said(200, {"data": {"a": "canary"}}), EngineMismatch),
            "nothing there": (said(404, {"errors": []}), SourceNotFound),
            "no right": (DENIED, PermissionDenied),
        }
    ),
)
def test_what_vault_answers_to_a_read_has_one_meaning(
    vault: FakeVault, answer: Answer, meaning: type
) -> None:
    vault.on("secret/data/app", answer)
    told = Told()
    error = failure(backend(vault, told=told))

    assert type(error) is meaning
    assert "canary" not in f"{error!r}"
    assert told.calls[-1] == ("read", error)


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


def test_a_page_with_the_status_of_a_gateway_is_named_by_its_status(vault: FakeVault) -> None:
    vault.on("secret/data/app", lambda c, _: c.reply(502, b"<html>"))

    assert failure(backend(vault)) == BackendUnavailable("no Vault behind the proxy answered (502)")


def test_a_lagging_standby_is_asked_again(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(412, {"errors": ["x"]}), said(412, {"errors": ["x"]}), secret())
    reading = backend(vault).read(backend(vault).locate("secret/data/app"))

    assert reading.pick("a") == "1"


def test_a_standby_that_goes_on_lagging_is_a_fault_within_the_timeout(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(412, {"errors": ["x"]}))
    error = failure(backend(vault, timeout=0.5))

    assert isinstance(error, (BackendUnavailable, BackendTimeout))
    assert vault.count("secret/data/app") > 1


def test_an_older_version_than_before_is_not_used_at_once(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(5), secret(4))
    reader = backend(vault)
    reader.read(reader.locate("secret/data/app"))

    assert isinstance(failure(reader), SourceOutdated)


def test_a_path_that_was_removed_and_made_anew_is_used_at_once(vault: FakeVault) -> None:
    vault.on("secret/data/app", secret(5), said(404, {"errors": []}), secret(1, a="new"))
    reader = backend(vault)
    source = reader.locate("secret/data/app")
    reader.read(source)
    failure(reader)

    assert reader.read(source).pick("a") == "new"


def test_the_old_token_is_not_asked_twice_when_the_new_one_is_refused_too(vault: FakeVault) -> None:
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


def test_our_own_token_is_handed_out_under_no_path(vault: FakeVault) -> None:
    vault.on("team/auth/token/lookup-self", said(200, {"lease_id": "", "data": {"id": "s.canary"}}))

    assert isinstance(failure(backend(vault, engine="kv1"), "team/auth/token/lookup-self"), PermissionDenied)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_login_names_the_method_and_nothing_else(vault: FakeVault, status: int) -> None:
    vault.on("auth/approle/login", said(status, {"errors": ["canary"]}))
    told = Told()
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


def test_a_sealed_vault_at_login_is_told_from_refused_credentials(vault: FakeVault) -> None:
    vault.on("auth/approle/login", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(200, {"sealed": True, "initialized": True}))

    assert failure(backend(vault)) == BackendSealed("Vault is sealed")


def test_a_login_that_hangs_leaves_the_read_in_time(vault: FakeVault) -> None:
    vault.on("auth/approle/login", lambda connection, _: connection.hang())
    error = failure(backend(vault, timeout=0.4))

    assert error.reason in {"SessionExpired", "BackendTimeout"}


def test_the_credentials_are_read_from_their_files_at_each_login(vault: FakeVault, tmp_path: Path) -> None:
    role, secret_id = tmp_path / "role", tmp_path / "secret"
    role.write_text("role-1\n")
    secret_id.write_text(" secret-1\n")
    vault.on("secret/data/app", secret(), DENIED, secret())
    reader = backend(vault, role_id_file=str(role), secret_id_file=str(secret_id))
    reader.read(reader.locate("secret/data/app"))
    secret_id.write_text("secret-2")
    vault.on("auth/token/lookup-self", DENIED, alive())
    reader.read(reader.locate("secret/data/app"))

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
    reader.read(reader.locate("secret/data/app"))

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
    reader.read(reader.locate("secret/data/app"))

    assert json.loads(vault.server.seen[0].body) == {"role_id": "r"}


def test_the_server_is_asked_who_it_is_outside_of_the_namespace(vault: FakeVault) -> None:
    told = Told()
    reader = backend(vault, told=told, namespace="team")
    reader.maintain()

    namespaces = {each.target: each.headers.get("x-vault-namespace") for each in vault.server.seen}
    assert told.servers == [("9", "i", "n")]
    assert namespaces["/v1/sys/health"] is None
    assert namespaces["/v1/auth/approle/login"] == "team"


def test_a_token_near_its_end_is_renewed_by_the_poll(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(ttl=1200), alive(ttl=250))
    vault.on("auth/token/renew-self", login(lease_duration=600))
    told = Told()
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


def test_a_renewal_that_vault_refuses_is_told_as_forbidden(vault: FakeVault) -> None:
    vault.on("auth/token/lookup-self", alive(ttl=1200), alive(ttl=1000))
    vault.on("auth/token/renew-self", DENIED)
    told = Told()
    reader = backend(vault, told=told, max_token_ttl=1100)
    reader.maintain()
    with pytest.raises(AuthFailed, match="renew itself"):
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

    with pytest.raises(BackendUnavailable, match="unknown shape"):
        reader.maintain()


def test_a_503_of_a_server_that_does_not_say_whether_it_is_sealed_is_an_outage(vault: FakeVault) -> None:
    vault.on("secret/data/app", said(503, {"errors": ["x"]}))
    vault.on("sys/seal-status", said(500, {"errors": ["x"]}))

    assert failure(backend(vault)) == BackendUnavailable("Vault cannot serve now (503)")


def test_a_read_without_time_left_makes_no_call(vault: FakeVault) -> None:
    assert isinstance(failure(backend(vault, timeout=0.0)), BackendTimeout)
    assert vault.server.seen == []


@pytest.mark.parametrize("status", [429, 472, 473, 501, 503])
def test_the_health_of_a_standby_is_information(vault: FakeVault, status: int) -> None:
    vault.on("sys/health", said(status, {"version": "9", "cluster_id": "i", "sealed": False}))
    told = Told()
    backend(vault, told=told).maintain()

    assert told.servers == [("9", "i", "")]


@pytest.mark.parametrize(
    "answer",
    rows({"refused": said(400, {"errors": ["x"]}), "a page": lambda c, _: c.reply(500, b"x")}),
)
def test_a_health_that_fails_is_no_fault(vault: FakeVault, answer: Answer) -> None:
    vault.on("sys/health", answer)
    told = Told()
    reader = backend(vault, told=told)
    reader.maintain()

    assert (told.servers, reader.ready()) == ([], True)


def test_no_canary_is_logged_at_any_level(vault: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    vault.on("secret/data/app", secret(a="canary-value"), DENIED)
    with caplog.at_level(logging.DEBUG):
        reader = backend(vault)
        reader.read(reader.locate("secret/data/app"))
        failure(reader)
        reader.maintain()

    assert "canary" not in caplog.text
    assert not any("canary" in f"{record.__dict__}" for record in caplog.records)
