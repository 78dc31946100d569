"""What a definition reads, and whether the policy lets it, in sentences; pure."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.commands.verdicts import Judge
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.data_from import DataFrom, Rename
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import DataSource, Definition, Input, SecretSpec
from secrets_manager.domain.errors import ConfigError
from secrets_manager.domain.location import Location, Origin
from secrets_manager.domain.wording import in_quotes

# The key that an entry without one names.
_NO_KEY = "data"
_ENCODINGS = {
    Encoding.BASE64: ", decoded from base64",
    Encoding.JSON: ", as JSON text where it is no text",
}


def reads(spec: SecretSpec) -> Iterator[str]:
    """A sentence for each part of the spec that reads something."""
    for key, source in sorted(spec.keys.items()):
        encoding = _ENCODINGS.get(source.encoding, "")
        yield f"Key {key} is {_value(source.key, source)}{encoding}{_lack(source)}."
    for entry in spec.data_from:
        yield f"{_whole(entry)}."
    for name, wanted in sorted(spec.inputs.items()):
        what = _value(wanted.key, wanted) if wanted.key is not None else f"all of {place(wanted.location)}"
        yield f"Templates find {what} under the name {in_quotes(name)}{_lack(wanted)}."
    for key in sorted(spec.templates):
        yield f"Key {key} is made by a template of spec.template."


def place(location: Location) -> str:
    """A path, its version, and its backend."""
    version = f", version {location.version}" if location.version else ""
    backend = "" if location.backend == DEFAULT_BACKEND else f" of backend {location.backend}"
    return f"path {in_quotes(location.path)}{version}{backend}"


def permissions(wanting: Definition, spec: SecretSpec, judge: Judge | None) -> Iterator[str]:
    """Which rule of the policy decides about each path."""
    if judge is None:
        yield (
            "The path policy was not looked at: it stands in the settings of the daemon, which can be given "
            "behind --, such as `-- -config settings.toml`."
        )
        return
    for location in spec.locations:
        try:
            verdict = judge.verdict(wanting.ref.namespace, location.backend, location.path)
        except ConfigError:
            yield f"The settings have no backend {in_quotes(location.backend)}."
            continue
        word = "allowed" if verdict.allowed else "denied"
        yield f"{_begun(place(location))} is {word} {verdict.why}."


def _value(key: str | None, source: Origin) -> str:
    return f"the value of {in_quotes(key or _NO_KEY)} at {place(source.location)}"


def _lack(source: DataSource | Input) -> str:
    if source.default is not None:
        return "; where that is not there, the default text of the definition"
    return "; it is left out where that is not there" if source.optional else ""


def _whole(entry: DataFrom) -> str:
    chosen = f"each key of {place(entry.location)}"
    if entry.include:
        chosen += f" that matches {' or '.join(map(in_quotes, entry.include))}"
    if entry.exclude:
        word = "and" if entry.include else "that"
        chosen += f" {word} does not match {' or '.join(map(in_quotes, entry.exclude))}"
    renamed = "" if entry.rename == Rename() else ", renamed as spec.dataFrom says,"
    rest = "; it may be absent" if entry.optional else ""
    return f"{_begun(chosen)}{renamed} becomes a key{rest}"


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
