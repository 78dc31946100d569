"""Functions that make texts out of texts, as sprig and Go have them, in ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call, chosen
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.literals import written
from secrets_manager.migrate.go_template.values import Level, Value, compared, joined, piped, text_constant

_VERB = re.compile(r"%(.?)", re.DOTALL)


def through(name: str, *said: str) -> Callable[[Call], Value]:
    """A function of one text that a filter stands for, and what is said of it."""

    def translated(call: Call) -> Value:
        call.takes(1)
        for note in said:
            call.note(note)
        return piped(call.text(0), name)

    return translated


def to_string(call: Call) -> Value:
    """ToString."""
    call.takes(1)
    return call.printable(0)


def urlquery(call: Call) -> Value:
    """urlquery: a space is + there."""
    call.takes(1)
    return piped(piped(call.printable(0), "urlencode"), 'replace("%20", "+")')


def quote(call: Call) -> Value:
    """Quote: each in double quotes, with spaces between."""
    call.takes(1, -1)
    call.note(notes.QUOTED)
    return _spaced([piped(call.printable(at), "quote") for at in range(len(call.values))])


def squote(call: Call) -> Value:
    """Squote: each in single quotes, nothing escaped."""
    call.takes(1, -1)
    single = text_constant("'")
    return _spaced([joined([single, call.printable(at), single]) for at in range(len(call.values))])


def cat(call: Call) -> Value:
    """Cat: all with spaces between."""
    call.takes(1, -1)
    return _spaced([call.printable(at) for at in range(len(call.values))])


def print_texts(call: Call) -> Value:
    """Print; between two that are no texts Go sets a space."""
    call.takes(1, -1)
    return joined([call.text(at) for at in range(len(call.values))])


def println(call: Call) -> Value:
    """Println."""
    call.takes(1, -1)
    return joined([_spaced([call.printable(at) for at in range(len(call.values))]), text_constant("\n")])


def printf(call: Call) -> Value:
    """Printf with %s, %d, %q, %v and %% alone; a wrong number of arguments would be told in the result."""
    call.takes(1, -1)
    pattern = call.constant_text(0)
    parts: list[Value] = []
    at, used = 0, 1
    for verb in _VERB.finditer(pattern):
        parts.append(text_constant(pattern[at : verb.start()]))
        at = verb.end()
        if verb[1] == "%":
            parts.append(text_constant("%"))
            continue
        if used >= len(call.values):
            raise call.refuse("has more verbs than arguments")
        parts.append(_formatted(call, verb[1], used))
        used += 1
    if used < len(call.values):
        raise call.refuse("has more arguments than verbs")
    return joined([*parts, text_constant(pattern[at:])])


def _formatted(call: Call, verb: str, at: int) -> Value:
    value = call.values[at]
    if verb == "d" and value.kind is Kind.WHOLE:
        return call.printable(at)
    if verb in {"s", "q"} and value.kind is Kind.BYTES:
        value = replace(call.noted(value), kind=Kind.TEXT)
    elif verb in {"s", "q"} and value.kind in {Kind.TEXT, Kind.ANY}:
        value = call.text(at)
    elif verb == "v":
        return call.printable(at)
    else:
        raise call.refuse(
            f"has %{verb} for {value.kind.value}; known here are %s, %d, %q, %v, without a width"
        )
    if verb == "q":
        call.note(notes.QUOTED)
        return piped(value, "quote")
    return value


def replaced(call: Call) -> Value:
    """Replace OLD NEW TEXT."""
    call.takes(3)
    return piped(call.text(2), f"replace({call.text(0).text}, {call.text(1).text})")


def indent(call: Call) -> Value:
    """Indent WIDTH TEXT: every line, empty ones too."""
    call.takes(2)
    return _indented(call, "")


def nindent(call: Call) -> Value:
    """Nindent WIDTH TEXT: on a line of its own."""
    call.takes(2)
    return _indented(call, "\n")


def _indented(call: Call, before: str) -> Value:
    pad = call.width(0)
    lines = call.text(1)
    if pad:
        lines = piped(lines, f'replace("\\n", {written(chr(10) + pad)})')
    return joined([text_constant(before + pad), lines])


def trim_all(call: Call) -> Value:
    """TrimAll LETTERS TEXT."""
    call.takes(2)
    letters = call.constant_text(0)
    return piped(call.text(1), f"trim({written(letters)})") if letters else joined([call.text(1)])


def trim_suffix(call: Call) -> Value:
    """TrimSuffix END TEXT, once."""
    call.takes(2)
    end, text = call.constant_text(0), call.twice(call.text(1))
    if not end:
        return joined([text])
    return _whole(chosen(_test(text, "endingwith", end), _sliced(text, f":-{len(end)}"), text))


def trim_prefix(call: Call) -> Value:
    """TrimPrefix START TEXT, once."""
    call.takes(2)
    start, text = call.constant_text(0), call.twice(call.text(1))
    if not start:
        return joined([text])
    return _whole(chosen(_test(text, "startingwith", start), _sliced(text, f"{len(start)}:"), text))


def trunc(call: Call) -> Value:
    """Trunc LENGTH TEXT; of a negative length, the end."""
    call.takes(2)
    length, text = call.constant_whole(0), call.text(1)
    if abs(length) > 2**31:
        raise call.refuse("gets a length that is too large")
    call.note(notes.LETTERS)
    return _sliced(text, f":{length}" if length >= 0 else f"{length}:")


def contains(call: Call) -> Value:
    """Contains PART TEXT."""
    call.takes(2)
    return compared(call.text(0), "in", call.text(1))


def has_prefix(call: Call) -> Value:
    """HasPrefix START TEXT."""
    call.takes(2)
    return replace(_test(call.text(1), "startingwith", call.text(0)), kind=Kind.TRUTH)


def has_suffix(call: Call) -> Value:
    """HasSuffix END TEXT."""
    call.takes(2)
    return replace(_test(call.text(1), "endingwith", call.text(0)), kind=Kind.TRUTH)


def _whole(value: Value) -> Value:
    """What was asked for its end or start already, so it is there."""
    return replace(value, bare=False)


def _spaced(values: list[Value]) -> Value:
    parts: list[Value] = []
    for value in values:
        parts += [text_constant(" "), value]
    return joined(parts[1:])


def _test(text: Value, test: str, by: str | Value) -> Value:
    argument = written(by) if isinstance(by, str) else by.text
    return Value(
        text=f"{text.under(Level.FILTER)} is {test}({argument})", kind=Kind.TRUTH, level=Level.COMPARE
    )


def _sliced(text: Value, part: str) -> Value:
    return Value(text=f"{text.under(Level.ATOM)}[{part}]", kind=Kind.TEXT)


TEXTS: dict[str, Callable[[Call], Value]] = {
    "b64dec": through("b64decode", notes.BAD_BASE64),
    "b64enc": through("b64encode"),
    "cat": cat,
    "contains": contains,
    "hasPrefix": has_prefix,
    "hasSuffix": has_suffix,
    "indent": indent,
    "lower": through("lower", notes.CASE),
    "nindent": nindent,
    "print": print_texts,
    "printf": printf,
    "println": println,
    "quote": quote,
    "replace": replaced,
    "sha256sum": through("sha256"),
    "squote": squote,
    "toString": to_string,
    "trim": through("trim"),
    "trimAll": trim_all,
    "trimPrefix": trim_prefix,
    "trimSuffix": trim_suffix,
    "trimall": trim_all,
    "trunc": trunc,
    "upper": through("upper", notes.CASE),
    "urlquery": urlquery,
}
