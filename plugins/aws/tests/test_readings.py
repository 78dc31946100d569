"""What a definition finds in a secret: members of a JSON object, the text as it is, or bytes."""

from __future__ import annotations

import base64

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.errors import BackendUnavailable, KeyNotFound, NotAMap, NotAString
from secrets_manager_aws.readings import secret_reading

SOURCE = Source("shop")
CANARY = "canary-2b91"


def of_text(text: str) -> Reading:
    return secret_reading(SOURCE, "v", {"SecretString": text})


def test_the_members_of_a_json_object_are_keys_and_the_empty_key_is_the_text_as_it_is_stored() -> None:
    text = '{"user": "u",\n "port": 5432}\n'
    reading = of_text(text)

    assert (reading.pick("user"), reading.text_of("port"), reading.pick("")) == ("u", "5432", text)
    assert (reading.text_of(""), reading.value_of("")) == (text, text)
    assert reading.floor("") == reading.floor_of_text("") == len(text) - 2
    with pytest.raises(NotAString):
        reading.pick("port")


def test_a_member_with_the_empty_name_comes_before_the_text() -> None:
    assert of_text('{"": "mine"}').pick("") == "mine"


def test_the_text_is_no_member_of_the_whole_path() -> None:
    assert set(of_text('{"user": "u", "port": 5432}').whole().names()) == {"user", "port"}


def test_what_definitions_ask_for_is_found_after_it_was_narrowed() -> None:
    reading = of_text('{"a": {"b": ["x"]}}').narrow(["", "#/a/b/0"])

    assert (reading.pick(""), reading.pick("#/a/b/0")) == ('{"a": {"b": ["x"]}}', "x")


def test_numbers_keep_their_digits() -> None:
    reading = of_text('{"a": 1.10, "b": 12345678901234567890123, "c": 1e999, "d": %s}' % ("9" * 5000))

    found = [reading.text_of(key) for key in "abcd"]
    assert found == ["1.10", "12345678901234567890123", "1e999", "9" * 5000]
    assert reading.whole().text_of("b") == "12345678901234567890123"


@pytest.mark.parametrize(
    "text", ["plain", "", '["a"]', '"text"', "5", "{", "{'a': 1}", '{"a": NaN}', "{" * 9999]
)
def test_any_other_text_has_no_keys_and_is_no_whole_path(text: str) -> None:
    reading = of_text(text)

    assert reading.pick("") == text
    with pytest.raises(KeyNotFound):
        reading.pick("a")
    with pytest.raises(NotAMap):
        reading.whole()


def test_bytes_come_as_base64_as_the_encoding_of_a_definition_takes_them() -> None:
    encoded = base64.b64encode(b"\x00\xff{}").decode()
    reading = secret_reading(SOURCE, "v", {"SecretBinary": encoded})

    assert reading.pick("") == encoded
    with pytest.raises(NotAMap):
        reading.whole()


@pytest.mark.parametrize("content", [{}, {"SecretString": None}, {"SecretString": 5}, {"SecretBinary": []}])
def test_an_answer_without_a_text_is_not_the_services(content: dict[str, object]) -> None:
    with pytest.raises(BackendUnavailable, match="not from AWS Secrets Manager"):
        secret_reading(SOURCE, "v", content)


@pytest.mark.parametrize("text", [CANARY, f'{{"a": "{CANARY}"}}', f"{{{CANARY}"])
def test_a_reading_shows_no_value(text: str) -> None:
    assert CANARY not in repr(of_text(text))
    assert of_text(text).weight() >= len(text)
