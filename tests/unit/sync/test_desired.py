"""From a definition and its readings to the Secret it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import DataSource, Ref, SecretSpec
from secrets_manager.domain.errors import (
    DecodeError,
    InvalidForType,
    InvalidSpec,
    KeyNotFound,
    NotAString,
)
from secrets_manager.domain.secret import Owner
from secrets_manager.sync.composing import secret_data
from secrets_manager.sync.desired import desired_secret
from secrets_manager.sync.gathering import Gathering
from tests.builders import DIGESTER, definition, owner, spec

READINGS = {
    "a": Reading(
        Source("a"), "1", {"user": "alice", "number": 3, "yes": True, "null": None, "list": [], "x": {}}
    ),
    "b": Reading(Source("b"), "2", {"cert": "Y2VydA==\n", "bad": "canary!", "user": "bob"}),
}


def source(path: str, key: str, encoding: Encoding = Encoding.DEFAULT) -> DataSource:
    return DataSource(path=path, key=key, encoding=encoding)


def desired_data(wanted: SecretSpec, readings: Mapping[str, Reading]) -> dict[str, bytes]:
    """As the reconciler takes it, path by path."""
    gathering = Gathering(wanted)
    for location in wanted.locations:
        gathering.take([location], readings[location.path])
    return dict(secret_data(wanted, gathering.result(), None))


def test_each_key_is_picked_and_decoded() -> None:
    keys = {
        "name": source("a", "user"),
        "other": source("b", "user", Encoding.TEXT),
        "cert": source("b", "cert", Encoding.BASE64),
    }

    assert desired_data(spec(keys=keys), READINGS) == {"name": b"alice", "other": b"bob", "cert": b"cert"}


def test_no_keys_are_no_data() -> None:
    assert desired_data(spec(keys={}), {}) == {}


@pytest.mark.parametrize("key", ["missing", "null", "", "data"])
def test_a_key_that_is_missing_or_null_is_not_found(key: str) -> None:
    with pytest.raises(KeyNotFound):
        desired_data(spec(keys={"x": source("a", key)}), READINGS)


@pytest.mark.parametrize(
    ("key", "found"), [("number", "number"), ("yes", "bool"), ("list", "list"), ("x", "map")]
)
def test_a_value_that_is_no_text_is_reported_by_its_type(key: str, found: str) -> None:
    with pytest.raises(NotAString, match=f"is a {found}, not a string"):
        desired_data(spec(keys={"x": source("a", key)}), READINGS)


def test_a_value_that_cannot_be_decoded_is_reported_without_the_value() -> None:
    with pytest.raises(DecodeError) as caught:
        desired_data(spec(keys={"x": source("b", "bad", Encoding.BASE64)}), READINGS)

    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_the_first_by_name_of_several_faults_is_reported() -> None:
    keys = {"z": source("a", "missing"), "y": source("a", "number")}

    with pytest.raises(NotAString):
        desired_data(spec(keys=keys), READINGS)


def test_data_that_the_type_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidForType):
        desired_data(spec(secret_type="kubernetes.io/tls", keys={"tls.crt": source("a", "user")}), READINGS)


def test_the_secret_is_what_the_definition_says() -> None:
    wanting = definition(
        spec=spec(secret_type="example.org/x"),
        labels={"team": "b", "helm.sh/chart": "c"},
        annotations={"note": "n", "secrets-manager.tuenti.io/adopt": "true"},
    )
    found = desired_secret(wanting, {"user": b"alice"}, wanting, DIGESTER)

    assert found.ref == Ref("team", "app")
    assert found.type == "example.org/x"
    assert found.data == {"user": b"alice"}
    assert found.digests == DIGESTER.each(found.data)
    assert found.owner == owner()
    assert (found.labels, found.annotations) == ({"team": "b"}, {"note": "n"})
    assert (found.adopt, found.recreate, found.senior) == (True, False, None)


def test_the_owner_mark_points_at_the_definition_and_blocks_nothing() -> None:
    found = desired_secret(definition(), {}, None, DIGESTER).owner

    assert found == Owner(
        api_version="secrets-manager.tuenti.io/v1alpha1",
        kind="SecretDefinition",
        name="app",
        uid="uid-1",
        controller=False,
        block_owner_deletion=False,
    )


def test_recreating_is_opted_in_by_its_annotation() -> None:
    wanting = definition(annotations={"secrets-manager.tuenti.io/recreate": "true"})

    assert desired_secret(wanting, {}, wanting, DIGESTER).recreate


ELDER = definition(ref=Ref("team", "elder"), uid="uid-0", created="2025-01-01T00:00:00Z")
YOUNGER = definition(ref=Ref("team", "younger"), uid="uid-2", created="2027-01-01T00:00:00Z")


def test_the_eldest_definition_that_wants_a_secret_is_the_senior_of_all_others() -> None:
    assert desired_secret(definition(), {}, ELDER, DIGESTER).senior == ELDER.ref
    assert desired_secret(YOUNGER, {}, ELDER, DIGESTER).senior == ELDER.ref
    assert desired_secret(ELDER, {}, ELDER, DIGESTER).senior is None
    # Seen anew, or made since it was looked up.
    assert desired_secret(ELDER, {}, replace(ELDER, generation=7), DIGESTER).senior is None
    assert desired_secret(ELDER, {}, YOUNGER, DIGESTER).senior is None


def test_a_definition_that_cannot_be_used_wants_no_secret() -> None:
    with pytest.raises(InvalidSpec, match="no keysMap"):
        desired_secret(definition(spec=InvalidSpec("no keysMap")), {}, None, DIGESTER)
