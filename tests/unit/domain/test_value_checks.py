"""A value that is not what its definition demands is not written."""

from __future__ import annotations

import pytest

from secrets_manager.domain.definition import DataSource
from secrets_manager.domain.errors import CheckFailed, InvalidSpec
from secrets_manager.domain.value_checks import Check, check_values
from tests.builders import spec

BLOCK = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\nY2FuYXJ5\n-----END CERTIFICATE-----"
LEGACY = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
    "Y2FuYXJ5\n-----END RSA PRIVATE KEY-----\n"
)


def passes(check: Check, value: str | bytes) -> bool:
    data = {"key": value if isinstance(value, bytes) else value.encode()}
    try:
        check_values({"key": check}, data, ())
    except CheckFailed:
        return False
    return True


@pytest.mark.parametrize(
    "value",
    [
        BLOCK,
        f"{BLOCK}\n",
        BLOCK.replace("\n", "\r\n"),
        f"Bag Attributes\n  friendlyName: x\n{BLOCK}\n\n{BLOCK}\nmore",
        LEGACY,
        "-----BEGIN OPENSSH PRIVATE KEY-----\n  Y2FuYXJ5  \n-----END OPENSSH PRIVATE KEY-----  ",
    ],
)
def test_whole_blocks_are_pem(value: str) -> None:
    assert passes(Check.PEM, value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "canary",
        b"\x00\xff\xfe",
        BLOCK.replace("\n", " "),
        BLOCK.removesuffix("-----END CERTIFICATE-----"),
        BLOCK.removeprefix("-----BEGIN CERTIFICATE-----\n"),
        BLOCK.replace("END CERTIFICATE", "END PRIVATE KEY"),
        BLOCK.replace("Y2FuYXJ5\nY2FuYXJ5\n", ""),
        BLOCK.replace("Y2FuYXJ5\nY2FuYXJ5", "Y2FuYXJ"),
        BLOCK.replace("Y2FuYXJ5", "canary!"),
        f"{BLOCK}\n{BLOCK[:-1]}",
        f"{BLOCK}\n-----END CERTIFICATE-----",
        BLOCK.replace("\nY2FuYXJ5\n", f"\n{BLOCK}\n", 1),
        LEGACY.replace("\n\n", "\n"),
    ],
)
def test_what_is_cut_mixed_or_no_base64_is_not_pem(value: str | bytes) -> None:
    assert not passes(Check.PEM, value)


def test_no_part_of_a_value_is_told() -> None:
    with pytest.raises(CheckFailed) as caught:
        check_values({"key": Check.PEM}, {"key": b"canary"}, ())

    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"


@pytest.mark.parametrize("value", ['{"a": [1, null]}', "3", '"canary"', "null", "9" * 5000, "1e999", " [] "])
def test_any_json_is_json(value: str) -> None:
    assert passes(Check.JSON, value)


@pytest.mark.parametrize("value", ["", "canary", "{'a': 1}", "NaN", "{} {}", b'"\xff"', "[" * 100_000, "{"])
def test_what_does_not_parse_is_not_json(value: str | bytes) -> None:
    assert not passes(Check.JSON, value)


def test_only_nothing_at_all_is_empty() -> None:
    assert not passes(Check.NON_EMPTY, "")
    assert passes(Check.NON_EMPTY, " ")
    assert passes(Check.NON_EMPTY, b"\0")


def test_the_first_failure_by_name_is_reported() -> None:
    checks = {"c": Check.JSON, "b": Check.NON_EMPTY}

    with pytest.raises(CheckFailed, match=r"^data key 'b' is empty, though spec.checks demands it"):
        check_values(checks, {"c": b"", "b": b""}, ())


def test_a_key_that_is_missing_fails_its_check_unless_the_secret_may_be_without_it() -> None:
    check_values({"a": Check.PEM}, {}, {"a"})

    with pytest.raises(CheckFailed, match=r"^data key 'a' is missing, though"):
        check_values({"a": Check.PEM}, {}, {"b"})


def test_a_check_of_a_key_that_is_not_there_is_refused() -> None:
    keys = {"a": DataSource(path="app", key="a")}

    with pytest.raises(
        InvalidSpec, match=r"spec\.checks names 'b', which is no key of spec\.keysMap or spec\.template"
    ):
        spec(keys=keys, checks={"a": Check.JSON, "b": Check.JSON})
