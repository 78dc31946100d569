"""A SecretDefinition is valid once built, and always has an identity."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import (
    ADOPT,
    OPAQUE,
    RECREATE,
    DataSource,
    Ref,
    SecretSpec,
    is_subdomain,
)
from secrets_manager.domain.errors import DefinitionError, InvalidKey, InvalidSpec, TypeNotAllowed
from secrets_manager.domain.location import Location
from tests.builders import definition, spec

SOURCE = DataSource(path="secret/data/app", key="user")
LONGEST = "a" * 253


@pytest.mark.parametrize("name", ["a", "app", "app-1", "a.b", "0", "a-b.c-d", LONGEST])
def test_a_dns_subdomain_names_a_secret(name: str) -> None:
    assert is_subdomain(name)
    assert spec(secret_name=name).secret_name == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a b", "a\n", "é", LONGEST + "a"],
)
def test_any_other_name_is_an_invalid_spec(name: str) -> None:
    assert not is_subdomain(name)
    with pytest.raises(InvalidSpec, match=r"spec\.name"):
        spec(secret_name=name)


@pytest.mark.parametrize("key", ["a", "A.b_c-d", ".a", "-", "_", ".dockerconfigjson", "k" * 253])
def test_a_legal_data_key_is_accepted(key: str) -> None:
    assert list(spec(keys={key: SOURCE}).keys) == [key]


@pytest.mark.parametrize("key", ["", ".", "..", "..a", "...", "a/b", "a b", "a\n", "é", "k" * 254])
def test_a_data_key_that_kubernetes_refuses_is_named(key: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        spec(keys={"fine": SOURCE, key: SOURCE})

    assert repr(key) in caught.value.message


@pytest.mark.parametrize(
    "secret_type", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"]
)
def test_a_type_that_grants_other_identities_is_refused(secret_type: str) -> None:
    with pytest.raises(TypeNotAllowed) as caught:
        spec(secret_type=secret_type)

    assert secret_type in caught.value.message


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"keys": {"a": DataSource(path="p" * 4097, key="k")}}, "spec.keysMap[a].path"),
        ({"keys": {"a": DataSource(path="p", key="k" * 4097)}}, "spec.keysMap[a].key"),
        ({"keys": dict.fromkeys(map(str, range(16_385)), SOURCE)}, "16385 keys"),
        ({"secret_type": "t" * 1025}, "spec.type"),
    ],
)
def test_an_absurd_spec_is_invalid_and_reported_in_few_words(wish: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        spec(**wish)

    assert named in caught.value.message
    assert len(caught.value.message) < 200


def test_the_longest_that_is_taken_is_taken() -> None:
    keys = {"a": DataSource(path="p" * 4096, key="k" * 4096)}

    assert spec(keys=keys, secret_type="t" * 1024).locations == (Location("p" * 4096),)


@pytest.mark.parametrize("wish", [{"keys": {"k" * 10**6: SOURCE}}, {"secret_name": "n" * 10**6}])
def test_a_name_of_a_million_characters_is_not_repeated_whole(wish: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError) as caught:
        spec(**wish)

    assert len(caught.value.message) < 1500


def test_a_spec_without_type_or_encoding_is_opaque_text() -> None:
    plain = SecretSpec(secret_name="app", keys={"user": SOURCE})

    assert plain.secret_type == OPAQUE
    assert plain.keys["user"].encoding is Encoding.DEFAULT


def test_no_keys_at_all_are_valid() -> None:
    assert spec(keys={}).locations == ()


def test_paths_are_distinct_in_the_order_of_first_use() -> None:
    keys = {name: DataSource(path=path, key=name) for name, path in [("x", "b"), ("y", "a"), ("z", "b")]}

    assert spec(keys=keys).locations == (Location("b"), Location("a"))


def test_the_target_is_in_the_definitions_own_namespace() -> None:
    assert definition(secret_name="db").target == Ref("team", "db")


def test_a_wrong_spec_still_claims_the_secret_it_names() -> None:
    assert definition(spec=InvalidSpec("no keysMap"), secret_name="app").target == Ref("team", "app")


def test_a_spec_that_names_no_secret_claims_none() -> None:
    assert definition(spec=InvalidSpec("no name"), secret_name=None).target is None


def test_the_earlier_of_two_definitions_is_senior() -> None:
    old, new = definition(created="2025-12-31T23:59:59Z", uid="z"), definition(uid="a")

    assert old.seniority < new.seniority


def test_the_uid_decides_between_two_definitions_of_one_second() -> None:
    assert definition(uid="a").seniority < definition(uid="b").seniority


@pytest.mark.parametrize("annotation", [ADOPT, RECREATE])
@pytest.mark.parametrize(("value", "opted"), [("true", True), ("True", False), ("yes", False), ("", False)])
def test_only_the_word_true_opts_in(annotation: str, value: str, *, opted: bool) -> None:
    assert definition(annotations={annotation: value}).opts_in(annotation) is opted


def test_without_the_annotation_a_definition_does_not_opt_in() -> None:
    assert not definition().opts_in(ADOPT)


def test_two_states_that_are_wrong_in_the_same_way_are_equal() -> None:
    assert definition(spec=InvalidSpec("same")) == definition(spec=InvalidSpec("same"))
    assert definition(spec=InvalidSpec("same")) != definition(spec=InvalidSpec("other"))


def test_a_ref_reads_as_kubectl_writes_it() -> None:
    assert str(Ref("team", "app")) == "team/app"


def test_an_entry_cannot_be_left_out_and_have_a_default() -> None:
    entry = DataSource(path="app", key="user", optional=True, default="")

    with pytest.raises(InvalidSpec, match=r"spec\.keysMap\[user\] has both optional and default"):
        spec(keys={"user": entry})
