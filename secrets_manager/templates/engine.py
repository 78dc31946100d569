"""The only importer of MiniJinja: a text that passed the scan to its names, and to what it renders.

One environment for each thread. An environment holds a lock while it renders, and while it calls back into
Python it waits for the interpreter: two threads on one environment could wait for each other. It costs 6 KiB
and a template is read again each time, in about 4 microseconds: kept, each took 8 KiB.

An error of MiniJinja gives its line and its kind. Its texts, which quote values, are dropped here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from minijinja import Environment, TemplateError

from secrets_manager.templates import functions
from secrets_manager.templates.faults import NOT_THERE, Fault, Refused
from secrets_manager.templates.views import Meter, view


class Effort(NamedTuple):
    """What one rendering may take.

    An instruction is a step, and so are about 64 bytes that are made. A look at a part of a value counts as
    64 bytes and what it copies.
    """

    steps: int
    looks: int


# What nearly all templates need by far. The worst texts that were found take 20 ms of one core for it.
SMALL = Effort(2_000, 2**20)
# For a few of a definition; the worst take 0.3 s. MiniJinja lets other threads run meanwhile, and the filters
# and views of ours, which do not, take no longer than 50 ms each. It makes 2 MiB at the most.
LARGE = Effort(30_000, 8 * 2**20)

# Built-in names that no template can reach, since the scan lets none of them pass. Removed all the same.
_REMOVED = ("cycler", "debug", "dict", "joiner", "namespace", "range")
_KINDS = {
    "UndefinedError": NOT_THERE,
    "OutOfFuel": "takes too many steps, or makes too much",
    "InvalidOperation": "does something that its values do not allow",
    "SyntaxError": "is not valid syntax",
    "CannotUnpack": "takes apart something that has another number of parts",
    "MissingArgument": "gives too few arguments",
    "TooManyArguments": "gives too many arguments",
}
_OTHER = "cannot be rendered"

_threads = threading.local()


def check(text: str) -> frozenset[str]:
    """The names that a scanned ``text`` takes from outside. Raises Fault when it is not valid syntax."""
    engine = _engine()
    try:
        names = engine.environment.undeclared_variables_in_str(text)
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
        refused = refusal_of(error)
    else:
        return frozenset(names).difference(functions.FUNCTIONS)
    raise Fault(refused.line or 1, refused.kind)


def render(text: str, values: Mapping[str, object], effort: Effort = LARGE) -> str:
    """``text`` with ``values``, which are exactly those of its names that are there. Raises Refused."""
    engine, meter = _engine(), Meter(effort.looks)
    engine.meter = meter
    engine.environment.fuel = effort.steps
    shown = {name: view(value, name, meter) for name, value in values.items()}
    # As names of the template, so that a text is handed to MiniJinja once, and not each time it is used.
    head = "".join(f"{{% set {name}={name} %}}" for name in shown)
    try:
        result: str | Refused = engine.environment.render_str(head + text, "template", **shown)
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
        result = refusal_of(error)
    finally:
        # A fault's traceback leads to the values.
        engine.meter = Meter(0)
    result = meter.fault or result
    if isinstance(result, Refused):
        raise result
    return result


class _Engine:
    """The environment of a thread, and the meter of what it renders now."""

    def __init__(self) -> None:
        self.meter = Meter(0)
        self.environment = Environment(
            undefined_behavior="strict",
            debug=False,
            pycompat=False,
            keep_trailing_newline=True,
        )
        for name in _REMOVED:
            self.environment.remove_global(name)
        for name, function in functions.FILTERS.items():
            self.environment.add_filter(name, self._metered(name, function))
        for name, function in functions.FUNCTIONS.items():
            self.environment.add_global(name, self._metered(name, function))

    def _metered(self, name: str, function: functions.Function) -> Callable[..., object]:
        def called(*values: object, **named: object) -> object:
            try:
                self.meter.charge(0, name)
                return function(functions.Call(self.meter, name), *values, **named)
            except Refused:
                raise
            except Exception:  # noqa: BLE001 - its text may quote a value
                refused = Refused(f"{name} got arguments that it does not take", name)
            raise refused

        return called


def _engine() -> _Engine:
    if not hasattr(_threads, "engine"):
        _threads.engine = _Engine()
    engine: _Engine = _threads.engine
    return engine


def refusal_of(error: BaseException) -> Refused:
    """``error`` in words of ours, which hold nothing of its text. Raises what is not about a template."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, TemplateError):
        line = error.line
        refused = Refused(_KINDS.get(error.kind, _OTHER), line=line if isinstance(line, int) else 0)
        refused.undefined = error.kind == "UndefinedError"
        refused.exhausted = error.kind == "OutOfFuel"
        return refused
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    # Whatever went wrong in the environment, it may be locked for ever.
    vars(_threads).pop("engine", None)
    return Refused(_OTHER)
