"""Whatever the server answers and definitions ask for: errors of ours come of it, and they show no value."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.errors import (
    BackendFault,
    DefinitionError,
    KeyFault,
    NotAMap,
    SecretsManagerError,
)
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.terms import Terms
from secrets_manager_aws import faults
from secrets_manager_aws.api import SecretsManagerApi
from secrets_manager_aws.names import Wanted, locate, wanted_of
from secrets_manager_aws.readings import secret_reading
from secrets_manager_aws.signing import AccessKey
from tests.builders import attempt

CANARY = "canary-6c6c"
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
_OF_SECRETS = "ARN Name VersionId SecretString SecretBinary SecretList SecretValues SecretVersionsToStages"
_OF_ERRORS = "Errors SecretId ErrorCode Message __type message NextToken"
WORDS = st.sampled_from([*_OF_SECRETS.split(), *_OF_ERRORS.split(), CANARY])
TEXTS = st.sampled_from(["shop", "0" * 36, "AWSCURRENT", "AccessDeniedException", CANARY])
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=15,
)
ANSWERS = st.dictionaries(WORDS, JSON, max_size=8)


class Server:
    """Calls and a session whose every answer is the same."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def call(self, *_asked: object) -> dict[str, Any]:
        return self._answer

    def key(self, _wait: float) -> tuple[int, AccessKey]:
        return 1, AccessKey("id", "secret")


def api(answer: dict[str, Any]) -> SecretsManagerApi:
    server: Any = Server(answer)
    return SecretsManagerApi(server, server)


@given(ANSWERS)
def test_any_answer_is_a_secret_or_an_outage(answer: dict[str, Any]) -> None:
    readings: list[Reading] = []

    def read() -> None:
        stored = api(answer).get(Wanted("shop"), Terms.within(60.0))
        readings.append(secret_reading(Source("shop"), stored.version, stored.content))

    fault = attempt(read)
    assert fault is None or (isinstance(fault, BackendFault) and CANARY not in fault.message)
    for reading in readings:
        assert answer["Name"] == "shop"
        assert reading.version == answer["VersionId"]


@given(ANSWERS)
def test_any_list_and_any_batch_is_read_or_an_outage(answer: dict[str, Any]) -> None:
    terms = Terms.within(60.0)
    with contextlib.suppress(BackendFault):
        next(api(answer).pages(lambda: terms))
    with contextlib.suppress(BackendFault):
        assert set(api(answer).current_versions(["shop"], terms)) <= {"shop"}


@given(st.integers(300, 599), JSON | st.binary(max_size=50))
def test_any_refusal_has_a_meaning_and_shows_no_word_of_it(status: int, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = faults.of_source(faults.parse_refusal(Reply(status, {}, content)), Source("shop"))

    assert isinstance(error, SecretsManagerError)
    assert CANARY not in error.message


@given(st.text(max_size=40) | st.from_regex(r"\A/?[a-z/.@+=_-]{1,30}\Z"), st.text(max_size=70))
def test_a_path_that_is_taken_is_sent_as_it_is_written(path: str, version: str) -> None:
    found: list[Source] = []
    error = attempt(lambda: found.append(locate(path, version, "eu-west-1", takes_arns=True)))

    assert error is None or isinstance(error, DefinitionError)
    for source in found:
        assert wanted_of(source).secret_id == path.removeprefix("/")
        assert locate(source.path, source.version, "eu-west-1", takes_arns=True) == source


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_each_member_of_an_object_is_found_by_its_name(members: dict[str, Any]) -> None:
    reading = secret_reading(Source("shop"), "v", {"SecretString": json.dumps(members)})
    present = {name for name, value in members.items() if value is not None}

    assert set(reading.whole().names()) == present
    for name in present - {""}:
        found, value = reading.text_of(name), members[name]
        assert found == value if isinstance(value, str) else json.loads(found) == value


@given(st.text(max_size=60) | JSON.map(json.dumps))
def test_any_text_is_its_own_document(text: str) -> None:
    reading = secret_reading(Source("shop"), "v", {"SecretString": text})

    found: list[str] = []
    fault = attempt(lambda: found.append(reading.pick("")))
    # A member with the empty name comes before the text, and may be no text.
    assert found == [text] or '""' in text
    assert fault is None or isinstance(fault, KeyFault)
    with contextlib.suppress(KeyFault, NotAMap):
        reading.text_of("a")
        reading.whole()
    reading.canonical()
