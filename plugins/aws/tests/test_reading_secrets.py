"""Reads of names, ARNs, stages and versions, and what the service says about them, on a server of moto."""

from __future__ import annotations

import json

import pytest

from plugins.aws.tests.support import AwsBench, RecordedTelemetry, backend_on, read
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    SourceDeleted,
    SourceNotFound,
    is_sure_absence,
)
from secrets_manager.runtime.terms import Terms
from secrets_manager_aws.faults import DecryptionFailed
from tests.builders import Clock, attempt
from tests.testbed.aws.cloud import Moto, Vaulted
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.pki import Authority

GET = "GetSecretValue"


@pytest.mark.parametrize("name", ["shop", "shop/database", "A_b+c=d.e@f-g"])
def test_a_name_and_its_arn_lead_to_the_same_secret(bench: AwsBench, name: str) -> None:
    bench.vaulted.put(name, '{"a": "1"}')

    assert read(bench.backend, name, "a") == "1"
    assert read(bench.backend, bench.vaulted.arn(name), "a") == "1"


def test_a_name_that_begins_with_a_slash_is_read_by_its_arn(bench: AwsBench) -> None:
    bench.vaulted.put("/shop/database", "slash")

    assert read(bench.backend, bench.vaulted.arn("/shop/database")) == "slash"
    with pytest.raises(SourceNotFound):
        read(bench.backend, "/shop/database")


def test_bytes_are_read_as_base64(bench: AwsBench) -> None:
    bench.vaulted.put_bytes("shop", b"\x00\xff")

    assert read(bench.backend, "shop") == "AP8="


def test_stages_and_ids_lead_to_their_versions(bench: AwsBench) -> None:
    first = bench.vaulted.put("shop", "1")
    second = bench.vaulted.put("shop", "2")
    bench.vaulted.stage("shop", first, "blue")

    found = {version: read(bench.backend, "shop", "", version) for version in ("", first, second, "blue")}
    assert found == {"": "2", first: "1", second: "2", "blue": "1"}
    assert read(bench.backend, "shop", "", "AWSPREVIOUS") == "1"
    bench.vaulted.put("shop", "3")
    assert read(bench.backend, "shop", "", "AWSPREVIOUS") == "2"
    assert read(bench.backend, "shop", "", "blue") == "1"


def test_a_reading_of_a_stage_names_the_version_it_is_at(bench: AwsBench) -> None:
    first = bench.vaulted.put("shop", "1")
    bench.vaulted.put("shop", "2")
    source = bench.backend.locate("shop", "AWSPREVIOUS")
    found = bench.backend.read(source, Terms.within(5.0))

    assert (found.source, found.version) == (source, first)


@pytest.mark.parametrize("version", ["green", "0" * 32])
def test_a_version_that_never_was_is_not_found_and_named(bench: AwsBench, version: str) -> None:
    bench.vaulted.put("shop", "1")

    with pytest.raises(SourceNotFound, match=f"version {version} of path 'shop'") as caught:
        read(bench.backend, "shop", "", version)
    assert is_sure_absence(caught.value)


def test_a_secret_that_is_marked_for_deletion_is_deleted_and_can_come_back(bench: AwsBench) -> None:
    version = bench.vaulted.put("shop", "1")
    bench.vaulted.delete("shop")
    for asked in ("", version, "AWSCURRENT"):
        with pytest.raises(SourceDeleted):
            read(bench.backend, "shop", "", asked)
    bench.vaulted.restore("shop")

    assert read(bench.backend, "shop") == "1"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "DecryptionFailure", DecryptionFailed),
        (400, "ThrottlingException", BackendThrottled),
        (500, "InternalServiceError", BackendUnavailable),
    ],
)
def test_what_is_the_trouble_of_one_secret_is_not_that_of_another(
    bench: AwsBench, proxy: FaultProxy, status: int, code: str, kind: type[Exception]
) -> None:
    for name in ("shop", "other"):
        bench.vaulted.put(name, "1")
    bench.backend.maintain()
    proxy.on("POST", "/").times(1).reply(status, {"__type": code, "Message": "canary"})

    fault = attempt(lambda: read(bench.backend, "shop"))
    assert type(fault) is kind
    assert "canary" not in str(fault)
    assert read(bench.backend, "other") == "1"


def test_credentials_that_are_refused_in_between_are_replaced_on_the_way(
    bench: AwsBench, proxy: FaultProxy
) -> None:
    bench.vaulted.put("shop", "1")
    bench.backend.maintain()
    proxy.on("POST", "/").times(1).reply(400, {"__type": "ExpiredTokenException"})

    # The static key is found again; that it was refused so soon is held against it for a while.
    fault = attempt(lambda: read(bench.backend, "shop"))
    assert isinstance(fault, AuthFailed)
    assert (bench.backend.login_number(), bench.backend.retry_login()) == (1, False)


def test_old_credentials_that_are_refused_cost_a_read_nothing(stored: Vaulted, proxy: FaultProxy) -> None:
    clock = Clock()
    stored.put("shop", "1")
    backend = backend_on(proxy.url, clock=clock)
    backend.maintain()
    clock.now += 60.0
    proxy.on("POST", "/").times(1).reply(400, {"__type": "ExpiredTokenException"})

    assert read(backend, "shop") == "1"
    assert backend.login_number() == 2
    backend.close()


def test_credentials_that_are_always_refused_are_said_to_be(bench: AwsBench, proxy: FaultProxy) -> None:
    proxy.on("POST", "/").reply(403, {"__type": "UnrecognizedClientException", "message": "canary"})
    fault = attempt(lambda: read(bench.backend, "shop"))

    assert fault == AuthFailed(
        "AWS Secrets Manager did not accept the credentials (UnrecognizedClientException)"
    )
    assert not bench.backend.ready()


@pytest.mark.parametrize("how", ["drip_body", "drip_headers", "hang"])
def test_an_answer_that_never_ends_ends_with_the_deadline(
    bench: AwsBench, proxy: FaultProxy, how: str
) -> None:
    bench.backend.maintain()
    getattr(proxy.on("POST", "/"), how)()
    source = bench.backend.locate("shop")

    assert isinstance(attempt(lambda: bench.backend.read(source, Terms.within(0.4))), BackendTimeout)


def test_the_authority_of_the_settings_is_trusted_and_no_other(
    moto: Moto, stored: Vaulted, authority: Authority
) -> None:
    stored.put("shop", "1")
    with FaultProxy(moto.url, tls=authority.issue("127.0.0.1", "localhost")) as served:
        trusting, other = backend_on(served.url, ca_cert=str(authority.ca_file)), backend_on(served.url)
        assert read(trusting, "shop") == "1"
        fault = attempt(lambda: read(other, "shop"))
        for each in (trusting, other):
            each.close()

    assert isinstance(fault, BackendTLS)


@pytest.mark.parametrize("where", ["http://127.0.0.1:9", "http://169.254.169.254"])
def test_a_redirect_is_not_followed(bench: AwsBench, proxy: FaultProxy, where: str) -> None:
    bench.vaulted.put("shop", "1")
    bench.backend.maintain()
    proxy.on("POST", "/").redirect(where)

    with pytest.raises(BackendUnavailable, match="status 307"):
        read(bench.backend, "shop")


@pytest.mark.parametrize(
    "answer",
    [
        {"Name": "other", "ARN": "arn:x", "VersionId": "0" * 36, "SecretString": "canary"},
        {"Name": "shop", "ARN": "arn:x", "VersionId": "canary!", "SecretString": "canary"},
        {"Name": "shop", "ARN": "arn:x", "SecretString": "canary"},
        {"SecretString": "canary"},
        {},
    ],
)
def test_an_answer_about_something_else_is_refused(
    bench: AwsBench, proxy: FaultProxy, answer: dict[str, str]
) -> None:
    bench.backend.maintain()
    proxy.on("POST", "/").reply(200, answer)

    with pytest.raises(BackendUnavailable, match="about something else than was asked for"):
        read(bench.backend, "shop")


def test_the_answer_of_another_version_than_was_asked_for_is_refused(
    bench: AwsBench, proxy: FaultProxy
) -> None:
    bench.backend.maintain()
    proxy.on("POST", "/").reply(200, {"Name": "shop", "VersionId": "1" * 36, "SecretString": "x"})

    with pytest.raises(BackendUnavailable, match="about something else than was asked for"):
        read(bench.backend, "shop", "", "2" * 36)


@pytest.mark.parametrize("how", ["html", "reset", "apply_then_drop", "truncated"])
def test_what_is_no_answer_is_an_outage(bench: AwsBench, proxy: FaultProxy, how: str) -> None:
    bench.vaulted.put("shop", "1")
    bench.backend.maintain()
    rule = proxy.on("POST", "/")
    if how == "truncated":
        rule.reply(200, b'{"Name": "shop", "VersionId":')
    else:
        getattr(rule, how)()

    assert isinstance(attempt(lambda: read(bench.backend, "shop")), BackendUnavailable)


def test_an_endless_answer_is_cut(bench: AwsBench, proxy: FaultProxy) -> None:
    bench.backend.maintain()
    proxy.on("POST", "/").oversize(9 * 1024 * 1024)

    assert isinstance(attempt(lambda: read(bench.backend, "shop")), BackendUnavailable)


def test_each_call_is_reported_with_its_fault(moto: object, proxy: FaultProxy, stored: Vaulted) -> None:
    stored.put("shop", json.dumps({"a": "1"}))
    told = RecordedTelemetry()
    backend = backend_on(proxy.url, telemetry=told)
    read(backend, "shop", "a")
    fault = attempt(lambda: read(backend, "never"))
    backend.close()

    assert told.calls == [("login", None), ("read", None), ("read", fault)]


def test_calls_wait_for_their_turn_and_are_refused_when_it_comes_too_late(
    proxy: FaultProxy, stored: Vaulted
) -> None:
    stored.put("shop", "1")
    backend = backend_on(proxy.url, max_requests_per_second=1)
    backend.maintain()
    faults = [attempt(lambda: backend.read(backend.locate("shop"), Terms.within(0.3))) for _ in range(3)]
    backend.close()

    assert isinstance(faults[-1], BackendThrottled)
    assert "max-requests-per-second" in faults[-1].message
