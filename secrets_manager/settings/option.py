"""Lets a field of a settings group describe itself once: its option's name, kind, check, help and secrecy.

Flags, environment names, keys of the settings file, usage, docs and the removal of credentials all follow
from that. A group may stand in any table, and any number of times: `options_of` gives its options there, and
`build_group` makes it from their values. This module must not read anything, nor know which groups there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Required, TypedDict, TypeVar, Unpack

from secrets_manager.settings.checks import anything
from secrets_manager.settings.kinds import COUNT, DURATION, LIST, SWITCH, TEXT, ValueKind

ENVIRONMENT_PREFIX = "SECRETS_MANAGER_"
# Stands in a help for the table that the group is in.
TABLE = "{table}"
# Stands in the text of a contradiction for the best environment name of its first option.
VARIABLE = "{variable}"
KIND_OF: dict[type, ValueKind] = {bool: SWITCH, int: COUNT, float: DURATION, str: TEXT, tuple: LIST}

T = TypeVar("T")
G = TypeVar("G")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that a user can set.

    Attributes:
        name: the flag's name; its dots separate the tables of a settings file.
        kind: the syntax of its value.
        help: one sentence for the usage and the docs.
        default: the value in force when the option is not given; None if there is none.
        check: from a well-formed value to the one to use; raises `ValueError` with a reason.
        overriding: environment names of the original that win over everything.
        fallbacks: environment names, best first, that count only when the option is not given otherwise. They
            are meant for other programs, too.
        secret: whether its value is never shown, and is removed from the process's arguments and environment,
            except for fall-backs.
        warned: whether a secret on the command line causes a warning.
        in_flags: whether a flag may hold it.
        in_environment: whether a `SECRETS_MANAGER_*` name may hold it.
        in_file: whether a settings file may hold it.
        exit_code: the exit status if the value is refused.

    """

    name: str
    kind: ValueKind
    help: str
    default: object = field(default=None, repr=False)
    check: Callable[[Any], object] = anything
    overriding: str = ""
    fallbacks: tuple[str, ...] = ()
    secret: bool = False
    warned: bool = True
    in_flags: bool = True
    in_environment: bool = True
    in_file: bool = True
    exit_code: int = 2

    @property
    def table(self) -> str:
        """The table of a settings file it stands in; `""` for the top."""
        return self.name.rpartition(".")[0]

    @property
    def environment(self) -> str:
        """The option's own environment name; double underscores stand for the dots."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "__").replace("-", "_").upper()

    @property
    def best_variable(self) -> str:
        """The environment name to recommend: the one that wins over everything, if there is one."""
        return self.overriding or self.environment

    @property
    def default_text(self) -> str:
        """The default as written on the command line; `""` when there is none or it is empty."""
        return "" if self.default is None else self.kind.show(self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Settings that contradict each other.

    Attributes:
        names: the options concerned; the first is named in the fault.
        text: the fault and the remedy; `{table}` stands for the table of the group, `{variable}` for the
            environment name of the first option.
        exit_code: the exit status because of it.
        decides: whether its exit status wins over those of other faults.

    """

    names: tuple[str, ...]
    text: str
    exit_code: int = 2
    decides: bool = False

    def within(self, table: str, *others: str) -> Contradiction:
        """The same about a group in this table; it concerns the ``others``, too."""
        names = tuple(_join_names(table, name) for name in self.names)
        return replace(self, names=(*names, *others), text=self.text.replace(TABLE, table))


class OptionDetails(TypedDict, total=False):
    """The details of a field besides its default, check, kind and name; see `Option`."""

    help: Required[str]
    overriding: str
    fallbacks: tuple[str, ...]
    secret: bool
    warned: bool
    in_flags: bool
    in_environment: bool
    exit_code: int


def option(
    default: T,
    check: Callable[[Any], T] = anything,
    *,
    kind: ValueKind | None = None,
    name: str = "",
    **details: Unpack[OptionDetails],
) -> T:
    """A field that describes itself.

    Its kind follows from the default and its name from the field's, unless given. The name is in the table of
    the group; a name that begins with / is not, as some of the original's.
    """
    known = Option(name=name, kind=kind or KIND_OF[type(default)], default=default, check=check, **details)
    return field(default=default, repr=not known.secret, metadata={"option": known})


def group(kind: type[G], table: str = "") -> G:
    """A field that is a group of its own, in this table of the table of the group it is in."""
    return field(default_factory=kind, metadata={"group": kind, "table": table})


def own_table(usual: str) -> str:
    """A field that holds the table in which the group stands, for messages; equal groups may differ in it."""
    return field(default=usual, repr=False, compare=False, metadata={"own-table": True})


def options_of(kind: type[Any], table: str = "", *, overriding: bool = True) -> Iterator[Option]:
    """The options of a group that stands in this table, in order.

    The well-known names that override everything are for one server: another server of its kind does without.
    """
    for member in fields(kind):
        if "group" in member.metadata:
            inner = _join_names(table, member.metadata["table"])
            yield from options_of(member.metadata["group"], inner, overriding=overriding)
        elif "option" in member.metadata:
            known: Option = member.metadata["option"]
            yield replace(
                known,
                name=_name(member, table),
                help=known.help.replace(TABLE, table),
                overriding=known.overriding if overriding else "",
            )


def build_group(kind: type[G], values: Mapping[str, object], table: str = "") -> G:
    """The group in this table with these values, by option name, in place of its defaults."""
    found: dict[str, object] = {}
    for member in fields(kind):  # type: ignore[arg-type]  # a group is a dataclass
        if "group" in member.metadata:
            inner = _join_names(table, member.metadata["table"])
            found[member.name] = build_group(member.metadata["group"], values, inner)
        elif "own-table" in member.metadata:
            found[member.name] = table
        elif "option" in member.metadata and (name := _name(member, table)) in values:
            found[member.name] = values[name]
    return kind(**found)


def _name(member: Field[Any], table: str) -> str:
    name: str = member.metadata["option"].name or member.name.replace("_", "-")
    return name[1:] if name.startswith("/") else _join_names(table, name)


def _join_names(table: str, name: str) -> str:
    return f"{table}.{name}" if table and name else table or name
