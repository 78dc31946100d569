"""Command lines of any kind are read as Go's flag package documents it."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.config.flags import ExitRequest, parse_flags
from secrets_manager.daemon.config.options import OPTIONS

# By flag: texts and what they mean; None where they are not well formed. A number that one of them takes is
# met by the others too.
VALUES: Mapping[str, Mapping[str, object]] = {
    "once": {"true": True, "f": False, "1": True, "0": False, "yes": None, "": None},
    "workers": {"8": 8, "0x10": 16, "-1": -1, "1": 1, "0": 0, "5": 5, "1_0": 10, "0b1_0": 2, "": None},
    "reconcile-period": {"5s": 5.0, "1m30s": 90.0, ".5s": 0.5, "5": None, "-1s": -1.0, "0": 0.0},
    "vault.url": {"http://x": "http://x", "": "", "-once": "-once", "a=b": "a=b"},
    "vault.secret-id": {"canary": "canary", "--": "--"},
}
SWITCHES = {"once"}
PARTS = st.sampled_from(
    [*VALUES, *(text for texts in VALUES.values() for text in texts), "h", "help", "nope"]
)
ARGUMENTS = st.tuples(
    st.sampled_from(["", "-", "--", "---"]), PARTS, st.sampled_from(["", "=", "=="]), PARTS | st.just("")
).map(lambda parts: "".join(parts if parts[2] else parts[:2]))
COMMAND_LINES = st.lists(ARGUMENTS | PARTS | st.sampled_from(["-", "--", ""]), max_size=6)


class Refused(Exception):
    """The text is the first line on standard error, "" for help."""


def by_the_documentation(argv: list[str]) -> tuple[dict[str, object], list[str]]:
    """Values and remaining arguments, as pkg.go.dev/flag describes "Command line flag syntax"."""
    values: dict[str, object] = {}
    waiting = list(argv)
    while waiting and waiting[0].startswith("-") and waiting[0] != "-":
        argument = waiting.pop(0)
        if argument == "--":
            break
        name, text = parted(argument)
        if name not in VALUES:
            raise Refused("" if name in {"h", "help"} else f"flag provided but not defined: -{name}")
        if text is None and name in SWITCHES:
            text = "true"
        if text is None:
            if not waiting:
                raise Refused(f"flag needs an argument: -{name}")
            text = waiting.pop(0)
        values[name] = understood(name, text)
    return values, waiting


def parted(argument: str) -> tuple[str, str | None]:
    bare = argument.removeprefix("-").removeprefix("-")
    if not bare or bare.startswith(("-", "=")):
        shown, equals, _ = argument.partition("=")
        raise Refused(f"bad flag syntax: {shown}{equals}")
    name, equals, text = bare.partition("=")
    return name, text if equals else None


def understood(name: str, text: str) -> object:
    meaning = VALUES[name].get(text)
    if meaning is not None:
        return meaning
    if name in {"vault.url", "vault.secret-id"}:
        return text
    kind = "invalid boolean value" if name in SWITCHES else "invalid value"
    raise Refused(kind)


@given(COMMAND_LINES)
def test_any_command_line_is_read_as_documented(argv: list[str]) -> None:
    found = parse_flags(argv, OPTIONS)
    wanted, said = None, ""
    try:
        wanted = by_the_documentation(argv)
    except Refused as refused:
        said = str(refused)

    if isinstance(found, ExitRequest):
        assert wanted is None
        assert found.code == (2 if said else 0)
        assert found.err.startswith(said or "Usage of ")
        assert "canary" not in found.err.partition("\n")[0].partition("-vault.secret-id")[2]
    else:
        assert (dict(found.values), list(found.rest)) == wanted


@given(st.lists(st.text(max_size=12) | st.text(max_size=12).map("-vault.secret-id={}".format), max_size=4))
def test_no_command_line_raises(argv: list[str]) -> None:
    parse_flags(argv, OPTIONS)
