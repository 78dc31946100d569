"""The command line is read as Go's flag package reads it."""

from __future__ import annotations

import pytest

from secrets_manager.daemon.config.flags import ExitRequest, Flags, parse_flags, usage
from secrets_manager.daemon.config.options import OPTIONS

CANARY = "canary-5f2c"

ACCEPTED = {
    "one dash and equals": (["-vault.url=http://x"], {"vault.url": "http://x"}),
    "two dashes and equals": (["--vault.url=http://x"], {"vault.url": "http://x"}),
    "the value as next argument": (["-vault.url", "http://x"], {"vault.url": "http://x"}),
    "a next argument that looks like a flag is the value": (["-vault.url", "-once"], {"vault.url": "-once"}),
    "an empty value": (["-vault.engine="], {"vault.engine": ""}),
    "an equals sign in the value": (["-vault.role-id=a=b"], {"vault.role-id": "a=b"}),
    "a bare boolean": (["-once"], {"once": True}),
    "a boolean with a value": (["-once=f"], {"once": False}),
    "the last mention wins": (["-workers=1", "-workers=2"], {"workers": 2}),
    "a hexadecimal integer": (["-vault.max-token-ttl=0x12c"], {"vault.max-token-ttl": 300.0}),
    "an integer with underscores": (
        ["-vault.renew-ttl-increment=1_000"],
        {"vault.renew-ttl-increment": 1000.0},
    ),
    "a duration in parts": (["-reconcile-period=1m30s"], {"reconcile-period": 90.0}),
    "a duration below one": (["-reconcile-period=.5s"], {"reconcile-period": 0.5}),
    "a duration in microseconds": (["-reconcile-period=1500000µs"], {"reconcile-period": 1.5}),
    "a list is trimmed": (["-watch-namespaces= a ,,b,a"], {"watch-namespaces": ("a", "b")}),
    "a list in quotes": (['-watch-namespaces="a,b"'], {"watch-namespaces": ("a", "b")}),
    "a named log level": (["-zap-log-level=DEBUG"], {"zap-log-level": 10}),
    "a numbered log level": (["-zap-log-level=3"], {"zap-log-level": 8}),
    "the least log level": (["-zap-log-level=127"], {"zap-log-level": 1}),
}


@pytest.mark.parametrize(("argv", "values"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_well_formed_flag_gives_its_value(argv: list[str], values: dict[str, object]) -> None:
    found = parse_flags(argv, OPTIONS)

    assert isinstance(found, Flags)
    assert (found.values, found.rest) == (values, ())


STOPS = {
    "a word": (["-once", "run", "-x"], ("run", "-x")),
    "a single dash": (["-once", "-", "-x"], ("-", "-x")),
    "an empty argument": (["-once", "", "-x"], ("", "-x")),
    "two dashes, which are dropped": (["-once", "--", "-x"], ("-x",)),
    "the value of a boolean as next argument": (["-once", "false"], ("false",)),
}


@pytest.mark.parametrize(("argv", "rest"), STOPS.values(), ids=STOPS.keys())
def test_reading_stops_at(argv: list[str], rest: tuple[str, ...]) -> None:
    assert parse_flags(argv, OPTIONS) == Flags(values={"once": True}, rest=rest)


REFUSED = {
    "an unknown flag": (["-nope=1"], "flag provided but not defined: -nope"),
    "three dashes": (["---once"], "bad flag syntax: ---once"),
    "a nameless flag": (["-=x"], "bad flag syntax: -="),
    "a value that is not there": (["-vault.url"], "flag needs an argument: -vault.url"),
    "not a duration": (
        ["-reconcile-period=5"],
        'invalid value "5" for flag -reconcile-period: parse error',
    ),
    "not an integer": (["-workers=1e3"], 'invalid value "1e3" for flag -workers: parse error'),
    "an integer out of range": (
        ["-workers=9223372036854775808"],
        'invalid value "9223372036854775808" for flag -workers: value out of range',
    ),
    "not a boolean": (["-once=yes"], 'invalid boolean value "yes" for -once: parse error'),
    "not a log level": (
        ["-zap-log-level=loud"],
        'invalid value "loud" for flag -zap-log-level: invalid log level "loud"',
    ),
    "log level zero": (
        ["-zap-log-level=0"],
        'invalid value "0" for flag -zap-log-level: invalid log level "0"',
    ),
    "not an encoder": (
        ["-zap-encoder=xml"],
        'invalid value "xml" for flag -zap-encoder: invalid encoder value "xml"',
    ),
    "not a stack trace level": (
        ["-zap-stacktrace-level=x"],
        'invalid value "x" for flag -zap-stacktrace-level: invalid stacktrace level "x"',
    ),
    "a line break in the value": (["-workers=a\nb"], 'invalid value "a\\nb" for flag -workers: parse error'),
}


@pytest.mark.parametrize(("argv", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_flag_ends_with_go_s_message_then_usage_and_status_2(argv: list[str], message: str) -> None:
    assert parse_flags(argv, OPTIONS) == ExitRequest(code=2, err=f"{message}\n{usage(OPTIONS)}")


@pytest.mark.parametrize("flag", ["-h", "-help", "--help", "--h"])
def test_help_is_usage_on_standard_error_and_status_0(flag: str) -> None:
    assert parse_flags([flag, "-nope"], OPTIONS) == ExitRequest(code=0, err=usage(OPTIONS))


@pytest.mark.parametrize(
    "argv",
    [
        [f"---vault.secret-id={CANARY}"],
        [f"-vault.secretid={CANARY}"],
        [f"-vault.secret-id={CANARY}", "-nope"],
        ["-vault.secret-id", CANARY, "-workers=x"],
    ],
)
def test_no_message_repeats_a_secret(argv: list[str]) -> None:
    assert CANARY not in repr(parse_flags(argv, OPTIONS))


def test_a_token_given_to_the_wrong_flag_is_masked_in_the_message() -> None:
    request = parse_flags(["-workers", "hvs.CAESIJ1xyz"], OPTIONS)

    assert isinstance(request, ExitRequest)
    assert request.err.startswith('invalid value "[redacted]" for flag -workers: parse error\n')


def test_the_values_are_not_in_the_repr() -> None:
    assert CANARY not in repr(parse_flags([f"-vault.secret-id={CANARY}"], OPTIONS))


def test_usage_lists_every_flag_in_order_with_its_default() -> None:
    lines = usage(OPTIONS).splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  -")]

    assert lines[0] == "Usage of secrets-manager:"
    assert named == sorted(f"-{name}" for name in OPTIONS.by_flag)
    assert "  -reconcile-period duration" in lines
    assert lines[lines.index("  -reconcile-period duration") + 1].endswith("(default 5s)")
    assert lines[lines.index("  -vault.engine string") + 1].endswith('(default "kv2")')
    assert lines[lines.index("  -vault.max-token-ttl int") + 1].endswith("(default 300)")
    assert not lines[lines.index("  -once") + 1].endswith(")")
