"""Signatures and rights, checked by the server: what credentials allow, and what is done without."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from plugins.aws.tests.support import backend_on, read
from secrets_manager.domain.errors import AuthFailed, PermissionDenied
from tests.builders import attempt
from tests.testbed.aws.cloud import Moto, Vaulted
from tests.testbed.fault_proxy import FaultProxy

GET, LIST, BATCH = (
    f"secretsmanager:{name}" for name in ("GetSecretValue", "ListSecrets", "BatchGetSecretValue")
)
CANARY = "canary-90c1"


@pytest.mark.parametrize(
    ("rights", "made"),
    [
        ((GET, LIST), {"ListSecrets": 1}),
        ((GET, BATCH), {"ListSecrets": 1, "BatchGetSecretValue": 1}),
        ((GET,), {"ListSecrets": 1, "BatchGetSecretValue": 1}),
    ],
)
def test_changes_are_noticed_by_what_the_rights_allow(
    moto: Moto,
    stored: Vaulted,
    monkeypatch: pytest.MonkeyPatch,
    rights: tuple[str, ...],
    made: dict[str, int],
) -> None:
    names = [f"app-{number}" for number in range(3)]
    for name in names:
        stored.put(name, "1")
    key_id, secret = moto.user("reader", *rights)
    moto.require_rights()
    # A proxy would send another Host header than was signed.
    backend = backend_on(moto.url, access_key_id=key_id, secret_access_key=secret)
    assert [read(backend, name) for name in names] == ["1"] * 3
    counted = Counter[str]()
    call = backend._calls.call

    def counting(action: str, *others: Any) -> Any:
        counted[action] += 1
        return call(action, *others)

    monkeypatch.setattr(backend._calls, "call", counting)
    found = backend.survey([backend.locate(name) for name in names])
    backend.close()

    assert counted == made
    assert (found is not None) == (len(rights) > 1)
    assert found is None or found.stale == frozenset()


def test_a_right_that_is_missing_is_reported_for_the_path(moto: Moto, stored: Vaulted) -> None:
    stored.put("shop", "1")
    key_id, secret = moto.user("reader", LIST)
    moto.require_rights()
    backend = backend_on(moto.url, access_key_id=key_id, secret_access_key=secret)

    assert attempt(lambda: read(backend, "shop")) == PermissionDenied("shop")
    assert backend.ready()
    backend.close()


def test_a_wrong_key_is_no_login_and_is_shown_nowhere(
    moto: Moto, stored: Vaulted, caplog: pytest.LogCaptureFixture
) -> None:
    stored.put("shop", "1")
    key_id, _ = moto.user("reader", GET)
    moto.require_rights()
    backend = backend_on(moto.url, access_key_id=key_id, secret_access_key=CANARY)
    with caplog.at_level(logging.DEBUG):
        fault = attempt(backend.maintain)
    backend.close()

    assert isinstance(fault, AuthFailed)
    assert "did not accept the credentials (InvalidSignatureException)" in fault.message
    assert not backend.ready()
    assert "login failed" in caplog.messages
    assert CANARY not in caplog.text
    assert key_id not in caplog.text


def test_nothing_that_is_read_or_logged_in_with_is_shown_at_any_level(
    stored: Vaulted, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    stored.put("shop", f'{{"a": "{CANARY}"}}')
    backend = backend_on(
        proxy.url, access_key_id=CANARY, secret_access_key=CANARY, session_token=CANARY, survey="batch"
    )
    sources = [backend.locate("shop")]
    shown = []
    with caplog.at_level(logging.DEBUG):
        backend.maintain()
        assert read(backend, "shop", "a") == CANARY
        backend.survey(sources)
        for status, answer in ((400, {"__type": CANARY, "Message": CANARY}), (200, {"x": CANARY})):
            proxy.clear()
            proxy.on("POST", "/").reply(status, answer)
            for call in (lambda: read(backend, "shop"), lambda: backend.survey(sources)):
                fault = attempt(call)
                shown += [repr(fault), str(fault), repr(fault.__cause__) if fault else ""]
    backend.close()

    assert CANARY not in caplog.text
    assert CANARY not in " ".join(shown)
    assert CANARY not in repr(vars(backend))
