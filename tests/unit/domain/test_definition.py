"""A SecretDefinition is valid once built, and always has an identity."""

from __future__ import annotations

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
from secrets_manager.domain.errors import InvalidKey, InvalidSpec, TypeNotAllowed
from tests.unit.domain.values import definition, spec

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


def test_a_spec_without_type_or_encoding_is_opaque_text() -> None:
    plain = SecretSpec(secret_name="app", keys={"user": SOURCE})

    assert plain.secret_type == OPAQUE
    assert plain.keys["user"].encoding is Encoding.DEFAULT


def test_no_keys_at_all_are_valid() -> None:
    assert spec(keys={}).paths == ()


def test_paths_are_distinct_in_the_order_of_first_use() -> None:
    keys = {name: DataSource(path=path, key=name) for name, path in [("x", "b"), ("y", "a"), ("z", "b")]}

    assert spec(keys=keys).paths == ("b", "a")


def test_the_target_is_in_the_definitions_own_namespace() -> None:
    assert definition(secret_name="db").target == Ref("team", "db")


def test_a_wrong_spec_still_claims_the_secret_it_names() -> None:
    assert definition(spec=InvalidSpec("no keysMap"), secret_name="app").target == Ref("team", "app")


def test_a_spec_that_names_no_secret_claims_none() -> None:
    assert definition(spec=InvalidSpec("no name"), secret_name=None).target is None


def test_of_two_definitions_the_earlier_is_senior() -> None:
    old, new = definition(created="2025-12-31T23:59:59Z", uid="z"), definition(uid="a")

    assert old.seniority < new.seniority


def test_of_two_definitions_of_one_second_the_uid_decides() -> None:
    assert definition(uid="a").seniority < definition(uid="b").seniority


@pytest.mark.parametrize("annotation", [ADOPT, RECREATE])
@pytest.mark.parametrize(("value", "opted"), [("true", True), ("True", False), ("yes", False), ("", False)])
def test_only_the_word_true_opts_in(annotation: str, value: str, *, opted: bool) -> None:
    assert definition(annotations={annotation: value}).opts_in(annotation) is opted


def test_without_the_annotation_nobody_opted_in() -> None:
    assert not definition().opts_in(ADOPT)


def test_two_states_that_are_wrong_in_the_same_way_are_equal() -> None:
    assert definition(spec=InvalidSpec("same")) == definition(spec=InvalidSpec("same"))
    assert definition(spec=InvalidSpec("same")) != definition(spec=InvalidSpec("other"))


def test_a_ref_reads_as_kubectl_writes_it() -> None:
    assert str(Ref("team", "app")) == "team/app"
