"""No Secret is changed or deleted because the backend failed, lied or forgot.

One daemon with Secrets in step meets one fault after another, scripted between it and the real server. Each
fault must be reported in the condition of the definitions that suffer from it, must leave every Secret as it
is down to its resourceVersion, and must be over by itself when the backend is well again.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.world import PATIENCE, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import RuleBuilder
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

LOGIN = r"/v1/auth/approle/login"
# Every value holds this, and so does everything that the backend says while it fails.
CANARY = "canary-5e1f0c"
KEPT = ("app", "two-paths", "decoded")
# A pause after faults in a row is at most this; a busy machine may add some.
RECOVERY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One daemon behind a proxy, its definitions, and ways to disturb the backend."""

    world: World
    proxy: FaultProxy
    authority: Authority
    namespace: str
    daemon: DaemonProcess

    def secrets(self) -> dict[str, tuple[str, str]]:
        """Identity and version of each Secret."""
        return self.world.versions(self.namespace, KEPT)

    def reading(self, name: str = "app") -> RuleBuilder:
        """A rule about reads of this KV2 secret."""
        return self.proxy.on("GET", self.path(name))

    def reads(self, name: str = "app") -> int:
        """The number of reads of this secret that reached the proxy."""
        return self.proxy.count("GET", self.path(name))

    def path(self, name: str) -> str:
        """The path of this secret, as the proxy sees it."""
        return rf"/v1/{re.escape(self.world.path(name))}"

    def wait(self, reason: str) -> dict[str, Any]:
        """Wait until the definition `app` has a reason that matches this regular expression."""
        return self.world.wait_reason(self.namespace, "app", reason, RECOVERY)


@pytest.fixture(scope="module")
def stage(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    proxy = FaultProxy(openbao.url, tls=authority.issue("127.0.0.1"))
    namespace = definitions_api.create_namespace()
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("faults")) as world:
        _prepare(world, namespace)
        pace = ("-reconcile-period=500ms", "-config.backend-timeout=1s")
        flags = (*pace, f"-watch-namespaces={namespace}", "-enable-debug-log")
        environ = {"VAULT_ADDR": proxy.url, "VAULT_CACERT": str(authority.ca_file)}
        with world.daemon(*flags, **environ) as daemon:
            for name in KEPT:
                world.wait_reason(namespace, name, "Synced")
            yield Stage(world=world, proxy=proxy, authority=authority, namespace=namespace, daemon=daemon)
            assert daemon.stop() == 0
    proxy.stop()
    definitions_api.delete_namespace(namespace)


def _prepare(world: World, namespace: str) -> None:
    world.write("app", a="before")
    world.write("app", a=CANARY, b="aGVsbG8=")
    world.write("other", a=CANARY)
    world.define(namespace, "app", world.keys("a"))
    world.define(namespace, "two-paths", {**world.keys("a"), "o": source(world.path("other"), "a")})
    world.define(namespace, "decoded", {"b": source(world.path("app"), "b", "base64")})


# ── the faults ───────────────────────────────────────────────────────────────────────────────────────

Break = Callable[[Stage], object]
METADATA = {"version": 2, "destroyed": False, "deletion_time": ""}


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of docs/reliability.md, a regular expression for the reason, and how it comes about."""

    row: int
    reason: str
    break_it: Break


def _reads(act: Callable[[RuleBuilder], object]) -> Break:
    return lambda stage: act(stage.reading())


def _everything(act: Callable[[RuleBuilder], object]) -> Break:
    return lambda stage: act(stage.proxy.on(".*", ".*"))


def _status(status: int, *errors: str, **fields: Any) -> Break:
    return _reads(lambda rule: rule.reply(status, {"errors": [*errors, CANARY]}, **fields))


def _body(content: object, status: int = 200) -> Break:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return _reads(lambda rule: rule.reply(status, body, {"Content-Type": "application/json"}))


def _values(values: object) -> Break:
    return _body({"data": {"data": values, "metadata": METADATA}})


def _gone(**metadata: Any) -> Break:
    return _body({"data": {"data": None, "metadata": {**METADATA, **metadata}}}, status=404)


def _refuse(stage: Stage) -> None:
    stage.proxy.refuse()


def _seal(*, initialized: bool) -> Break:
    told = {"initialized": initialized, "sealed": True}

    def break_it(stage: Stage) -> None:
        stage.proxy.on("GET", r"/v1/sys/seal-status").reply(200, told)
        stage.proxy.on(".*", ".*").vault_error(503 if initialized else 501, CANARY)

    return break_it


def _present(certificate: Callable[[Authority], Any]) -> Break:
    return lambda stage: stage.proxy.present(certificate(stage.authority))


def _stranger(authority: Authority) -> Any:
    return Authority(authority.ca_file.parent / "stranger", "stranger").issue("127.0.0.1")


def _break_login(act: Callable[[RuleBuilder], object]) -> Break:
    """The token dies and every login is refused."""

    def break_it(stage: Stage) -> None:
        act(stage.proxy.on("PUT|POST", LOGIN))
        stage.world.openbao.revoke_logins()

    return break_it


_DR_SECONDARY = "path disabled in replication DR secondary mode"
EXPIRED, WRONG_HOST = dt.timedelta(hours=-1), "elsewhere.test"
LEASED = {"lease_id": "database/creds/app/1", "lease_duration": 60, "data": {"a": CANARY}}

FAULTS = {
    "refused connections": Fault(45, "BackendUnavailable", _refuse),
    "a reset": Fault(45, "BackendUnavailable", _everything(lambda rule: rule.reset())),
    "an answer that is lost": Fault(45, "BackendUnavailable", _reads(lambda rule: rule.apply_then_drop())),
    "an expired certificate": Fault(
        47, "BackendTLS", _present(lambda ours: ours.issue("127.0.0.1", valid_for=EXPIRED))
    ),
    "a certificate of a stranger": Fault(47, "BackendTLS", _present(_stranger)),
    "a certificate for another host": Fault(47, "BackendTLS", _present(lambda ours: ours.issue(WRONG_HOST))),
    "a seal": Fault(48, "BackendSealed", _seal(initialized=True)),
    "no initialisation": Fault(48, "BackendSealed", _seal(initialized=False)),
    "a standby that points elsewhere": Fault(
        49, "BackendUnavailable", _everything(lambda rule: rule.redirect("https://elsewhere.test"))
    ),
    "a standby that points at plain HTTP": Fault(
        49,
        "BackendUnavailable",
        lambda stage: stage.proxy.on(".*", ".*").redirect(stage.world.openbao.url),
    ),
    "standbys in a circle": Fault(
        49,
        "BackendUnavailable",
        lambda stage: stage.proxy.on(".*", ".*").redirect(stage.proxy.url),
    ),
    "a standby without its active node": Fault(49, "BackendUnavailable", _status(472)),
    "a quota": Fault(50, "BackendThrottled", _status(429, "rate limit quota exceeded")),
    "a quota with a pause": Fault(50, "BackendThrottled", _status(429, retry_after=1)),
    "500": Fault(51, "BackendUnavailable", _status(500, "internal error")),
    "502": Fault(51, "BackendUnavailable", _body(f"<html>{CANARY}</html>".encode(), 502)),
    "504": Fault(51, "BackendUnavailable", _body(b"", 504)),
    "a page with 200": Fault(51, "BackendUnavailable", _reads(lambda rule: rule.html())),
    "nothing with 200": Fault(51, "BackendUnavailable", _body(b"")),
    "a list": Fault(51, "BackendUnavailable", _body([{"data": CANARY}])),
    "half of a reply": Fault(
        51, "BackendUnavailable", _body(f'{{"data": {{"data": {{"a": "{CANARY}'.encode())
    ),
    "JSON without a bottom": Fault(51, "BackendUnavailable", _body(b"[" * 100_000)),
    "silence": Fault(52, "BackendTimeout", _reads(lambda rule: rule.hang())),
    "an answer that comes too late": Fault(52, "BackendTimeout", _reads(lambda rule: rule.hang_reply())),
    "dripping headers": Fault(52, "BackendTimeout", _reads(lambda rule: rule.drip_headers(0.05))),
    "a dripping body": Fault(52, "BackendTimeout", _reads(lambda rule: rule.drip_body(0.05))),
    "a reply without end": Fault(52, "BackendUnavailable", _reads(lambda rule: rule.oversize(20_000_000))),
    "a gzip bomb": Fault(52, "BackendUnavailable", _reads(lambda rule: rule.gzip_bomb(50_000_000))),
    "a standby that has not caught up": Fault(53, "BackendUnavailable", _status(412)),
    "a missing right": Fault(54, "PermissionDenied", _status(403, "permission denied")),
    "nothing at the path": Fault(59, "SourceNotFound", _status(404)),
    "a deleted version": Fault(59, "SourceDeleted", _gone(deletion_time="2026-01-01T00:00:00Z")),
    "a destroyed version": Fault(59, "SourceDestroyed", _gone(destroyed=True)),
    "a disaster recovery secondary": Fault(
        87, "BackendUnavailable", _everything(lambda rule: rule.vault_error(400, _DR_SECONDARY))
    ),
    "no token and a login to a disaster recovery secondary": Fault(
        87, "BackendUnavailable", _break_login(lambda rule: rule.vault_error(400, _DR_SECONDARY))
    ),
    "another engine": Fault(60, "EngineMismatch", _body({"data": {"a": CANARY}})),
    "no data at all": Fault(60, "EngineMismatch", _body({"data": None})),
    "data that is no map": Fault(60, "EngineMismatch", _values([CANARY])),
    "another key": Fault(61, "KeyNotFound", _values({"other": CANARY})),
    "null": Fault(61, "KeyNotFound", _values({"a": None, "b": None})),
    "a map": Fault(61, "NotAString", _values({"a": {CANARY: CANARY}, "b": [CANARY]})),
    "no token and a login that hangs": Fault(
        58, "SessionExpired|BackendTimeout", _break_login(lambda rule: rule.hang())
    ),
    "no token and a login that fails": Fault(
        58, "BackendUnavailable", _break_login(lambda rule: rule.vault_error(500, CANARY))
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_no_secret_is_changed_or_deleted_because_the_backend_failed_lied_or_forgot(
    stage: Stage, kind: str
) -> None:
    before, reads = stage.secrets(), stage.reads()
    fault = FAULTS[kind]
    fault.break_it(stage)
    try:
        condition = stage.wait(fault.reason)
        after = stage.secrets()
        ready = stage.daemon.fetch("/readyz")[0]
    finally:
        stage.proxy.clear()
        stage.proxy.present(stage.authority.issue("127.0.0.1"))
        stage.proxy.accept()
    stage.wait("Synced")

    assert condition["status"] == "False"
    assert after == before
    assert stage.secrets() == before
    assert ready == 200
    assert stage.reads() > reads


def test_a_standby_that_catches_up_within_the_call_is_no_news(stage: Stage) -> None:
    """Row 53 of docs/reliability.md."""
    before = stage.wait("Synced")
    lags = stage.reading().times(2).vault_error(412, "required index state not present")
    lags.wait_hit(2, timeout=PATIENCE)
    stage.world.wait_polls("app")

    assert stage.wait("Synced") == before


def test_a_lower_version_than_before_is_not_written_at_once(stage: Stage) -> None:
    """Row 53: a standby that lags, or one that was restored."""
    before = stage.secrets()
    old = {"data": {"data": {"a": "before", "b": "eA=="}, "metadata": {**METADATA, "version": 1}}}
    rule = stage.reading().times(2).reply(200, old)
    rule.wait_hit(2, timeout=PATIENCE)
    stage.world.wait_polls("app")

    assert stage.secrets() == before
    stage.wait("Synced")


def test_a_lower_version_that_three_polls_saw_is_believed(stage: Stage) -> None:
    """Row 53: a backup was restored."""
    stage.world.write("restored", a="1")
    stage.world.write("restored", a="2")
    stage.world.define(stage.namespace, "restored", stage.world.keys("a", of="restored"))
    stage.world.wait_data(stage.namespace, "restored", {"a": "2"})

    old = {"data": {"data": {"a": "1"}, "metadata": {**METADATA, "version": 1}}}
    rule = stage.reading("restored").reply(200, old)
    stage.world.wait_data(stage.namespace, "restored", {"a": "1"})

    assert rule.hits >= 3


def test_a_path_that_hands_out_leases_is_read_once_and_the_lease_is_given_back(stage: Stage) -> None:
    """Row 65 of docs/reliability.md."""
    stage.world.write("leased", a="1")
    stage.world.define(stage.namespace, "leased", stage.world.keys("a", of="leased"))
    stage.world.wait_reason(stage.namespace, "leased", "Synced")
    before = stage.world.secret(stage.namespace, "leased")

    rule = stage.reading("leased").reply(200, LEASED)
    stage.world.wait_reason(stage.namespace, "leased", "DynamicSecretUnsupported")
    stage.world.wait_polls("app", 3)

    assert rule.hits == 1
    assert stage.proxy.count("PUT", "/v1/sys/leases/revoke") == 1
    assert stage.world.secret(stage.namespace, "leased") == before


def test_a_definition_of_two_paths_is_written_whole_or_not_at_all(stage: Stage) -> None:
    """Rows 27 and 71: one path has a new value, the other cannot be read."""
    stage.world.write("one", a="1")
    stage.world.write("two", a="1")
    keys = {"one": source(stage.world.path("one"), "a"), "two": source(stage.world.path("two"), "a")}
    stage.world.define(stage.namespace, "both", keys)
    stage.world.wait_data(stage.namespace, "both", {"one": "1", "two": "1"})
    before = stage.world.secret(stage.namespace, "both")

    lost = stage.reading("two").reply(404, {"errors": []})
    lost.wait_hit(timeout=PATIENCE)
    stage.world.write("one", a="2")
    stage.world.wait_polls("one")
    stage.world.wait_reason(stage.namespace, "both", "SourceNotFound")
    assert stage.world.secret(stage.namespace, "both") == before
    lost.remove()

    stage.world.wait_data(stage.namespace, "both", {"one": "2", "two": "1"})


def test_keys_of_one_path_come_from_one_version_however_fast_it_changes(stage: Stage) -> None:
    """Row 71 of docs/reliability.md."""
    world, seen = stage.world, set()
    world.write("pair", a="0", b="0")
    world.define(stage.namespace, "pair", world.keys("a", "b", of="pair"))
    world.wait_reason(stage.namespace, "pair", "Synced")
    watched = f"/api/v1/namespaces/{stage.namespace}/secrets"
    with world.cluster.api.watch(watched, fieldSelector="metadata.name=pair") as events:
        for number in range(1, 60):
            world.write("pair", a=str(number), b=str(number))
        for event in events:
            data = event["object"]["data"]
            seen.add((data["a"], data["b"]))
            if base64.b64decode(data["a"]) == b"59":
                break

    assert len(seen) > 1
    assert {(a, b) for a, b in seen if a != b} == set()


def test_only_one_login_runs_at_a_time_however_many_reads_wait(stage: Stage) -> None:
    """Row 45 of docs/reliability.md."""
    world, names = stage.world, [f"many-{number}" for number in range(20)]
    for name in names:
        world.write(name, a="1")
        world.define(stage.namespace, name, world.keys("a", of=name))
    for name in names:
        world.wait_reason(stage.namespace, name, "Synced")

    begun = len(stage.proxy.requests)
    hung = stage.proxy.on("PUT|POST", LOGIN).hang()
    world.openbao.revoke_logins()
    hung.wait_hit(3, timeout=PATIENCE)
    logins = [each.at for each in stage.proxy.requests[begun:] if re.fullmatch(LOGIN, each.path)]
    stage.proxy.clear()

    # Each login is given up after a second, and the next one begins at least half a second later.
    assert min(later - earlier for earlier, later in pairwise(logins)) > 0.9
    for name in names:
        wait_until(
            lambda name=name: world.condition(stage.namespace, name)["reason"] == "Synced",  # type: ignore[misc]
            RECOVERY,
            f"{name} in step again",
        )


def test_a_backend_whose_host_name_is_unknown_is_unavailable(stage: Stage, namespace: str) -> None:
    """Row 45: a name below .invalid never resolves."""
    world, environ = stage.world, {"VAULT_ADDR": "https://vault.invalid"}
    world.define(namespace, "app", world.keys("a"))
    with world.daemon(f"-watch-namespaces={namespace}", **environ) as daemon:
        told = world.wait_reason(namespace, "app", "BackendUnavailable")
        alive = daemon.fetch("/healthz")[0]
        assert daemon.stop() == 0

    assert "cannot be reached" in told["message"]
    assert alive == 200


def test_no_value_and_no_text_of_the_backend_shows_anywhere(stage: Stage) -> None:
    stage.wait("Synced")
    named = [stage.world.found(stage.namespace, name) for name in KEPT]
    happened = [stage.world.events(stage.namespace, name) for name in KEPT]
    said = [stage.daemon.output(), stage.daemon.metrics(), json.dumps(named), json.dumps(happened)]

    assert stage.world.data(stage.namespace, "app") == {"a": CANARY}
    assert [CANARY[:8] in each for each in said] == [False] * 4


def test_no_fault_was_an_error_of_the_program_itself(stage: Stage) -> None:
    stage.wait("Synced")

    assert "InternalError" not in stage.daemon.output()
    assert "unexpected" not in stage.daemon.output()
    assert "Traceback" not in stage.daemon.output()


# This test is last: refused credentials are sent again after 5, 10 and then every 30 seconds.
def test_a_role_that_is_gone_is_reported_makes_the_daemon_unready_and_leaves_the_secrets(
    stage: Stage,
) -> None:
    """Row 58: the token dies, and there is no other."""
    before, begun = stage.secrets(), len(stage.proxy.requests)
    stage.world.openbao.request("DELETE", f"auth/approle/role/{stage.world.role.name}")
    stage.world.openbao.revoke_logins()

    condition = stage.wait("AuthFailed")
    wait_until(lambda: stage.daemon.fetch("/readyz")[0] == 503, PATIENCE, "it is not ready")

    assert condition["message"] == "Vault refused the login at auth/approle (400)"
    assert stage.daemon.fetch("/healthz")[0] == 200
    assert stage.secrets() == before
    logins = sum(bool(re.fullmatch(LOGIN, each.path)) for each in stage.proxy.requests[begun:])
    assert 1 <= logins <= 3
