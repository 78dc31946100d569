"""Replies to the Azure SDK through our transport, damaged or not: understood, or refused as ours."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson
import pytest
from azure.core.credentials import AccessTokenInfo
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.client import (
    KeyVaultClient,
    KeyVaultRefused,
    StoredKey,
    StoredSecret,
    UnreadableList,
)
from secrets_manager.backends.azure_key_vault.clouds import endpoint_of
from secrets_manager.backends.azure_key_vault.objects import Item, ObjectKind, item_of, locate
from secrets_manager.backends.azure_key_vault.public_keys import NoPublicKey, public_forms
from secrets_manager.backends.azure_key_vault.readings import SecretReading, secret_reading
from secrets_manager.backends.azure_key_vault.transport import KeyVaultTransport
from secrets_manager.backends.base import Source
from secrets_manager.backends.kit import entra_faults
from secrets_manager.domain.errors import (
    BackendFault,
    BackendUnavailable,
    InvalidPath,
    SecretsManagerError,
    SourceError,
)
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings
from tests.unit.foreign_input import ANY_JSON, as_bytes, damaged, mangled, nested, perhaps_damaged

CANARY = "canary-4711"
ITEM = Item(ObjectKind.SECRET, "app", "")
PLACE = endpoint_of(AzureKvSettings(name="shop-vault"))
CHALLENGE = 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'
ID = "https://shop-vault.vault.azure.net/secrets/app/0123456789abcdef0123456789abcdef"
BUNDLE = {
    "id": ID,
    "value": "a value",
    "contentType": "text/plain",
    "attributes": {
        "enabled": True,
        "created": 1,
        "updated": 2,
        "nbf": 3,
        "exp": 4102444800,
        "recoveryLevel": "x",
    },
    "tags": {"a": "b"},
    "managed": False,
}
LIST: dict[str, Any] = {
    "value": [
        {"id": ID.rpartition("/")[0], "attributes": {"enabled": True, "updated": 2}},
        {"id": ID.rpartition("/")[0].replace("app", "db"), "attributes": {"enabled": False, "updated": 5}},
    ],
    "nextLink": None,
}
JWK = {"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "y": ""}
ERROR = {"error": {"code": "Forbidden", "message": CANARY, "innererror": {"code": "ForbiddenByPolicy"}}}
NO_TOKEN = {
    "error": "invalid_client",
    "error_description": f"AADSTS7000215: {CANARY}",
    "error_codes": [7000215],
    "correlation_id": CANARY,
}
STATUSES = st.sampled_from([400, 401, 403, 404, 408, 409, 429, 500, 503]) | st.integers(300, 599)
DATES = (
    st.none()
    | st.sampled_from(["Mon, 05 Jan 2026 10:00:00 GMT", "Mon, 99 Jan 9999 10:00:00 -0000"])
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=30)
)


class Wire:
    """Stands where the pools of connections do: asks for a token first, then gives the reply of the test."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.limit = self
        self.clock = time.monotonic

    def turn(self, terms: Terms) -> None:
        assert terms.deadline.left() > 0

    def send(self, _url: str, send: Callable[[Wire], Any]) -> Any:
        return send(self)

    def call(self, request: Request, *, max_bytes: int) -> Reply:
        assert max_bytes
        if not any(name.lower() == "authorization" for name in request.headers):
            return Reply(401, HTTPHeaderDict({"WWW-Authenticate": CHALLENGE}), b"")
        return self._reply


class Pass:
    """A credential that always has a token."""

    generation = 1

    def get_token_info(self, *_scopes: str, options: object = None) -> AccessTokenInfo:
        return AccessTokenInfo("token", int(time.time()) + 3600)

    def reject_token(self, generation: int, _fault: object) -> None:
        assert generation == self.generation


def client(body: bytes, status: int = 200, **headers: str) -> KeyVaultClient:
    """A client of the real SDK whose vault says this to everything."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    reply = Reply(status, HTTPHeaderDict({"Content-Type": "application/json", **named}), body)
    transport = KeyVaultTransport(
        cast("Any", Wire(reply)), faults.VAULT, only_host="shop-vault.vault.azure.net"
    )
    return KeyVaultClient(PLACE, cast("Any", Pass()), transport, time.monotonic)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or why it does not; anything else escapes."""
    try:
        return call()
    except (KeyVaultRefused, SecretsManagerError) as error:
        return error


def terms() -> Terms:
    return Terms.within(5.0)


def test_a_whole_reply_is_understood() -> None:
    held = client(as_bytes(BUNDLE)).get(ITEM, terms())

    assert (held.value, held.version) == ("a value", "0123456789abcdef0123456789abcdef")
    assert held.properties.validity.expires == pytest.approx(4102444800)


@given(perhaps_damaged(BUNDLE), DATES)
def test_a_secret_is_what_the_vault_says_or_a_fault(document: Any, date: str | None) -> None:
    found = outcome(
        lambda: client(as_bytes(document), 200, **({"Date": date} if date else {})).get(ITEM, terms())
    )

    if isinstance(found, StoredSecret):
        assert found.value == document.get("value") or not isinstance(document.get("value"), str)
        assert found.value is None or isinstance(found.value, str)
        assert re.fullmatch("[0-9A-Za-z]{0,64}", found.version)
        read = secret_reading(ITEM, Source("app"), found.version, found.value, "")
        assert read.canonical() == read.canonical()
    else:
        assert isinstance(found, BackendFault)
        assert "a value" not in found.message


@given(mangled(as_bytes(BUNDLE)) | st.binary(max_size=20), st.sampled_from([200, 201, 204, 206]))
def test_bytes_that_are_no_secret_are_a_fault(body: bytes, status: int) -> None:
    found = outcome(lambda: client(body, status).get(ITEM, terms()))

    assert isinstance(found, StoredSecret | BackendFault)
    if isinstance(found, StoredSecret):
        assert orjson.loads(body)["id"]


@pytest.mark.parametrize(
    "asked", [ITEM, Item(ObjectKind.CERTIFICATE, "APP", ""), ITEM._replace(version="9" * 32)]
)
@pytest.mark.parametrize("other", ["other", "app2", "ap", "app/app", "secrets/app", ""])
def test_the_answer_about_another_secret_is_refused(asked: Item, other: str) -> None:
    whole = {**BUNDLE, "id": ID.replace("/app/", f"/{other}/")}
    found = outcome(lambda: client(as_bytes(whole)).get(asked, terms()))

    assert isinstance(found, BackendFault)
    assert "a value" not in found.message


def test_the_answer_about_another_version_than_requested_is_refused() -> None:
    version = ID.rpartition("/")[2]
    body = as_bytes(BUNDLE)

    assert isinstance(
        outcome(lambda: client(body).get(ITEM._replace(version="9" * 32), terms())), BackendFault
    )
    assert client(body).get(ITEM._replace(version=version.upper()), terms()).value == "a value"
    assert client(body).get(ITEM._replace(name="aPP"), terms()).value == "a value"


KID = "https://shop-vault.vault.azure.net/keys/app/1"


@pytest.mark.parametrize(
    "kid",
    [
        KID.replace("shop-vault", "other"),
        KID.replace("/app/", "/other/"),
        KID.replace("/1", "/2"),
        KID.replace("/keys/", "/secrets/"),
        f"{KID}/1",
        "app",
        "/",
        "",
        None,
        7,
    ],
)
def test_nor_is_that_about_another_key(kid: object) -> None:
    body = as_bytes({"key": {**JWK, "kid": kid}})

    found = outcome(lambda: client(body).get_key(Item(ObjectKind.KEY, "app", "1"), terms()))

    assert isinstance(found, BackendFault)
    ours = client(as_bytes({"key": {**JWK, "kid": KID}})).get_key(Item(ObjectKind.KEY, "app", "1"), terms())
    assert ours.version == "1"


ELSEWHERE = {
    "another vault": ("shop-vault.", "rival-vault."),
    "another cloud": ("vault.azure.net", "vault.azure.cn"),
    "another port": ("vault.azure.net", "vault.azure.net:8443"),
    "a key": ("/secrets/", "/keys/"),
    "a certificate": ("/secrets/", "/certificates/"),
    "a deleted secret": ("/secrets/", "/deletedsecrets/"),
}
VERSION = ID.rpartition("/")[2]


@pytest.mark.parametrize(
    "asked",
    [ITEM, ITEM._replace(version=VERSION), Item(ObjectKind.CERTIFICATE, "app", "")],
    ids=["newest", "version", "certificate"],
)
@pytest.mark.parametrize("change", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_whole_answer_of_another_vault_or_about_another_kind_is_none(
    asked: Item, change: tuple[str, str]
) -> None:
    found = outcome(lambda: client(as_bytes({**BUNDLE, "id": ID.replace(*change)})).get(asked, terms()))

    assert isinstance(found, BackendUnavailable)
    assert "about something else" in found.message
    assert "rival" not in found.message


@pytest.mark.parametrize("change", ELSEWHERE.values(), ids=ELSEWHERE)
def test_nor_is_a_list_or_a_deletion_of_another_vault(change: tuple[str, str]) -> None:
    listed = {"value": [*LIST["value"][:1], {**LIST["value"][1], "id": ID.replace(*change)}]}
    deletion = {**BUNDLE, "id": ID.replace(*change), "recoveryId": "x", "deletedDate": 1}

    with pytest.raises(UnreadableList):
        next(client(as_bytes(listed)).pages(5.0))
    assert isinstance(
        outcome(lambda: client(as_bytes(deletion)).is_deleted("app", terms())), BackendUnavailable
    )


@pytest.mark.parametrize("spelling", ["SHOP-VAULT.vault.AZURE.net", "shop-vault.vault.azure.net:443"])
def test_a_host_may_be_in_capitals_or_have_the_usual_port(spelling: str) -> None:
    whole = {**BUNDLE, "id": ID.replace("shop-vault.vault.azure.net", spelling)}

    assert client(as_bytes(whole)).get(ITEM, terms()).value == "a value"


@given(perhaps_damaged(LIST))
def test_a_list_gives_properties_by_name_or_a_fault(document: Any) -> None:
    vault = client(as_bytes(document)).pages(5.0)

    try:
        found = outcome(lambda: next(vault, None))
    except UnreadableList:
        assert isinstance(document["value"], list)
        return

    assert found is None or isinstance(found, dict | BackendFault)
    if isinstance(found, dict):
        assert all(isinstance(name, str) for name in found)


@given(perhaps_damaged({"key": {**JWK, "kid": KID}}))
def test_a_key_gives_its_public_half_or_a_fault(document: Any) -> None:
    found = outcome(lambda: client(as_bytes(document)).get_key(Item(ObjectKind.KEY, "app", ""), terms()))

    assert isinstance(found, StoredKey | BackendFault)


@given(perhaps_damaged(ERROR) | ANY_JSON, STATUSES, st.none() | st.sampled_from(["7", "-1", "soon", CANARY]))
def test_a_refusal_is_reported_in_our_own_words(document: Any, status: int, retry_after: str | None) -> None:
    headers = {"Retry_After": retry_after} if retry_after else {}
    found = outcome(lambda: client(as_bytes(document), status, **headers).get(ITEM, terms()))

    fault = faults.from_vault(found.refusal, "app") if isinstance(found, KeyVaultRefused) else found
    assert isinstance(fault, SecretsManagerError)
    assert CANARY not in fault.message


@given(
    perhaps_damaged(NO_TOKEN) | ANY_JSON,
    STATUSES,
    st.sampled_from([entra_faults.from_login, entra_faults.from_machine]),
)
def test_a_failed_login_is_reported_by_its_codes_alone(
    document: Any, status: int, told: Callable[[Reply], BackendFault]
) -> None:
    fault = told(Reply(status, HTTPHeaderDict(), as_bytes(document)))

    assert isinstance(fault, BackendFault)
    assert CANARY not in fault.message


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_a_reply_that_is_nested_without_end_is_a_fault(depth: int) -> None:
    assert isinstance(outcome(lambda: client(nested(depth)).get(ITEM, terms())), BackendFault)
    assert isinstance(entra_faults.from_login(Reply(400, HTTPHeaderDict(), nested(depth))), BackendFault)


def test_half_a_character_in_a_value_is_read() -> None:
    held = client(as_bytes(BUNDLE).replace(b"a value", b"a\\ud800b")).get(ITEM, terms())

    read = secret_reading(ITEM, Source("app"), held.version, held.value, "")
    assert read.canonical() != secret_reading(ITEM, Source("app"), held.version, "ab", "").canonical()


# ── what stands in a value ───────────────────────────────────────────────────────────────────────────


def by_the_standard(document: Any, pointer: str) -> Any:
    """RFC 6901, sections 3, 4 and 6, for pointers without escapes of their own in the fragment."""
    found = document
    for token in pointer.split("/")[1:]:
        if re.search("~[^01]|~$", token):
            raise LookupError
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            if name not in map(str, range(len(found))):
                raise LookupError
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise LookupError
    return found


TOKENS = st.sampled_from(["", "a", "b", "0", "1", "01", "-", "-1", "~0", "~1", "~", "~2", "a~1b", "²"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["", "a", "b", "0", "~", "/", "a/b", "~1"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(DOCUMENTS, st.lists(TOKENS, min_size=1, max_size=3).map(lambda tokens: "/" + "/".join(tokens)))
def test_a_pointer_picks_what_the_standard_says(document: Any, pointer: str) -> None:
    stored = SecretReading(Source("app"), "1", {"value": as_bytes(document).decode()})
    try:
        wanted = by_the_standard(document, pointer)
    except LookupError:
        wanted = None

    found = outcome(lambda: stored.pick(f"#{pointer}"))

    if isinstance(wanted, str):
        assert found == wanted
    else:
        assert isinstance(found, SourceError)


@pytest.mark.parametrize("depth", [300, 1020, 100_000])
def test_a_pointer_into_a_document_nested_without_end_is_an_error_of_that_key(depth: int) -> None:
    stored = SecretReading(Source("app"), "1", {"value": nested(depth).decode()})

    assert isinstance(outcome(lambda: stored.pick("#/a")), SourceError)


@given(damaged(JWK).filter(lambda it: isinstance(it, dict)))
def test_a_json_web_key_is_a_public_key_or_none(jwk: Mapping[str, Any]) -> None:
    try:
        forms = public_forms(jwk)
    except NoPublicKey:
        return

    assert forms["public.pem"].startswith("-----BEGIN PUBLIC KEY-----")


@given(
    st.lists(
        st.sampled_from(["secrets", "keys", "certificates", "a", "A-1", "", "..", "%2e", "a_b", "é"]),
        max_size=4,
    )
)
def test_a_path_names_one_object_or_none(parts: list[str]) -> None:
    path = "/".join(parts)
    named = re.fullmatch(
        r"/?(?:(secrets|keys|certificates)/)?([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]{1,64}))?", path
    )
    try:
        source = locate(path)
    except InvalidPath:
        assert named is None
    else:
        assert named is not None
        assert item_of(source) == Item(ObjectKind(named[1] or "secrets"), named[2].lower(), named[3] or "")
