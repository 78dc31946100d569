"""Paths and versions: what they name, and which are refused before any call."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath, InvalidVersion
from secrets_manager_aws.names import Wanted, account_of, locate, wanted_of

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/database-AbC123"
ID = "EXAMPLE1-90ab-cdef-fedc-ba987SECRET1"


def located(path: str, version: str = "") -> Source:
    return locate(path, version, "eu-west-1", takes_arns=True)


@pytest.mark.parametrize("path", ["shop/database", "a", "A_b+c=d.e@f-g", "..a", "x" * 512, ARN])
def test_a_name_or_an_arn_is_taken_as_written(path: str) -> None:
    assert located(path) == Source(path)


def test_capitals_and_small_letters_name_different_secrets() -> None:
    assert located("Shop") != located("shop")


@pytest.mark.parametrize("path", ["a b", "a:b", "ключ", "a\\b", "a*", "x" * 513, "a/", "a/../b", "a//b"])
def test_a_name_that_no_secret_has_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        located(path)


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (ARN.replace("eu-west-1", "us-east-1"), "in another region than 'eu-west-1'"),
        (ARN.removesuffix("-AbC123"), "not the whole ARN of a secret"),
        (ARN.replace(":secret:", ":parameter:"), "not the whole ARN of a secret"),
        (ARN.replace("secretsmanager", "s3"), "not the whole ARN of a secret"),
        (ARN.replace("shop/", "shop/../"), "segment"),
    ],
)
def test_an_arn_of_something_else_is_refused_with_the_reason(arn: str, why: str) -> None:
    with pytest.raises(InvalidPath, match=why):
        located(arn)


def test_a_name_that_begins_with_a_slash_is_named_by_its_arn() -> None:
    arn = ARN.replace("shop/", "/shop/")

    assert located(arn) == Source(arn)
    with pytest.raises(InvalidPath, match="is named by its ARN"):
        located("//shop/database")


def test_an_arn_is_refused_unless_the_settings_take_arns() -> None:
    with pytest.raises(InvalidPath, match="do not take ARNs"):
        locate(ARN, "", "eu-west-1", takes_arns=False)
    assert locate("shop/database", "", "eu-west-1", takes_arns=False) == Source("shop/database")


def test_only_an_arn_tells_the_account() -> None:
    assert account_of(located(ARN)) == "123456789012"
    assert not account_of(located("shop/database"))


@pytest.mark.parametrize("version", ["AWSPREVIOUS", "AWSPENDING", "blue", "Release_1.2+3", "s" * 31])
def test_a_word_of_up_to_31_characters_is_a_stage(version: str) -> None:
    source = located("shop", version)

    assert source == Source("shop", version)
    assert wanted_of(source) == Wanted("shop", stage=version)


@pytest.mark.parametrize("version", [ID, "0" * 32, "t" * 64])
def test_32_to_64_characters_are_the_id_of_a_version(version: str) -> None:
    assert wanted_of(located("shop", version)) == Wanted("shop", version_id=version)


def test_the_current_stage_is_the_same_as_no_version() -> None:
    assert located("shop", "AWSCURRENT") == located("shop")
    assert wanted_of(located("shop")) == Wanted("shop")


@pytest.mark.parametrize("version", ["3", "1.2", "-a", "a b", "AWSPREVIOUS ", "x" * 65, "é", "a/b", "@"])
def test_what_is_neither_an_id_nor_a_stage_is_refused_and_says_what_is_right(version: str) -> None:
    with pytest.raises(InvalidVersion, match="a stage such as AWSPREVIOUS, or an id of 32 to 64 characters"):
        located("shop", version)
