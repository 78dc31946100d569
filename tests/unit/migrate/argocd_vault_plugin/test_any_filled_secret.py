"""Whatever a Secret with placeholders holds, planning ends, and what is made makes what the plug-in would."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from contextlib import suppress
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from secrets_manager.cluster import specs
from secrets_manager.commands.schema.validation import schema_faults
from secrets_manager.domain.errors import TemplateFailed
from secrets_manager.migrate.argocd_vault_plugin.placeholders import of_text
from secrets_manager.migrate.operators import kind_of
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.templates import compile_templates
from tests.unit.migrate.accounts import VALUES, is_accounted, leaves
from tests.unit.migrate.objects import filled_secret, plan_of, put

HELD = {"b": "ü", "plain": "p{{ä", "coded": "cMO8eA==", "tree": '{"a": {"b": ["x", 5]}}', "lines": "a\nb"}
PATH = "secret/data/a"
MODIFIERS = st.lists(
    st.sampled_from(
        ["base64encode", "base64decode", "sha256sum", "jsonPath {.a.b[0]}", "jsonParse", "x", ""]
    ),
    max_size=3,
)
LITERALS = st.sampled_from(
    ["", "{", "{{", "{%", "{#", "}}", "%}", " ", "a", "\n", "ä", "{{ plain }}", "<b>", "<"]
)


@st.composite
def filled(draw: st.DrawFn) -> str:
    """A placeholder, of a path or of the object's own."""
    key = draw(st.sampled_from(sorted(HELD)))
    steps = "".join(f" | {each}" for each in draw(MODIFIERS))
    return draw(st.sampled_from([f"<path:{PATH}#{key}{steps}>", f"<{key}{steps}>"]))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


TEXTS = st.lists(st.one_of(LITERALS, filled()), max_size=4).map("".join)
ENCODED = st.one_of(filled(), TEXTS.map(encoded), TEXTS)
ANNOTATIONS = st.dictionaries(
    st.sampled_from(["path", "secret-version", "kv-version", "ignore", "remove-missing", "other"]).map(
        lambda name: f"avp.kubernetes.io/{name}"
    ),
    st.sampled_from([PATH, "1", "2", "true", "a//b", ""]),
    max_size=3,
)
KEYS = st.sampled_from(["A", "B", "plain", "data", "a.b"])


@st.composite
def secrets(draw: st.DrawFn) -> Json:
    """A Secret with any values, annotations and fields."""
    body = filled_secret(
        draw(TEXTS),
        stringData=draw(st.dictionaries(KEYS, TEXTS, max_size=3)),
        data=draw(st.dictionaries(KEYS, ENCODED, max_size=3)),
        annotations=draw(ANNOTATIONS),
    )
    for path in draw(
        st.lists(st.sampled_from(["type", "immutable", "data.*", "spec.x", "metadata.labels.*"]), max_size=2)
    ):
        body = put(body, path, draw(VALUES))
    return body


@given(body=secrets())
def test_every_secret_has_a_verdict_and_every_field_of_it_is_accounted_for(body: Json) -> None:
    kind = kind_of("", "Secret", body)
    assume(kind is not None)
    assert kind is not None
    before = copy.deepcopy(body)

    (report, *others) = plan_of(body).reports

    assert (body, others) == (before, [])
    for path, value in leaves(body):
        assert is_accounted(kind, report, path, value), path
    assert (report.verdict is Verdict.REFUSED) == any(remark.refuses for remark in report.remarks)


# What can be converted, whatever Vault holds.
GOOD_MODIFIERS = st.tuples(
    st.lists(st.sampled_from(["jsonPath {.a.b[0]}", "jsonParse | jsonPath {.a.b[0]}"]), max_size=1),
    st.lists(st.sampled_from(["base64encode", "base64decode", "sha256sum"]), max_size=3),
).map(lambda both: [*both[0], *both[1]])


@st.composite
def good(draw: st.DrawFn) -> str:
    """A placeholder that can be converted."""
    steps = "".join(f" | {each}" for each in draw(GOOD_MODIFIERS))
    key = draw(st.sampled_from(sorted(HELD)))
    return draw(st.sampled_from([f"<path:{PATH}#{key}{steps}>", f"<{key}{steps}>"]))


GOOD_TEXTS = st.lists(st.one_of(LITERALS, good()), max_size=4).map("".join)


@given(
    plain=st.dictionaries(KEYS, GOOD_TEXTS, max_size=3),
    coded=st.dictionaries(KEYS, st.one_of(good(), GOOD_TEXTS.map(encoded)), max_size=3),
)
def test_what_is_made_makes_the_bytes_that_the_plug_in_makes(plain: Json, coded: Json) -> None:
    annotations = {"avp.kubernetes.io/path": PATH}
    body = filled_secret(stringData=plain, data=coded, annotations=annotations)
    assume(kind_of("", "Secret", body) is not None)

    (made,) = plan_of(body).definitions

    assert schema_faults(made.manifest) == []
    spec = made.manifest["spec"]
    found = rendered(spec)
    for name, content in secret_of(plain, coded).items():
        # A template decodes texts and no bytes, which is told.
        assert found.get(name) == content or (name in spec["template"] and not is_text(content))


def is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def rendered(spec: Json) -> dict[str, bytes]:
    """The Secret that the daemon makes of the values above, without keys that fail by themselves."""
    specs.secret_spec(spec)
    inputs: Json = {}
    for name, origin in spec.get("inputs", {}).items():
        with suppress(ValueError, LookupError):
            inputs[name] = held(origin["key"])
    found: dict[str, bytes] = {}
    for name, origin in spec.get("keysMap", {}).items():
        with suppress(ValueError, LookupError):
            found[name] = value_of(origin)
    for name, text in spec.get("template", {}).items():
        with suppress(TemplateFailed):
            found |= compile_templates({name: text}).render(inputs)
    return found


def held(key: str) -> Any:
    if not key.startswith("#/"):
        return HELD[key]
    first, *rest = key.removeprefix("#/").split("/")
    value = json.loads(HELD[first])
    for step in rest:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def value_of(origin: Json) -> bytes:
    value = held(origin["key"])
    if origin.get("encoding") == "base64":
        return base64.b64decode(value, validate=True)
    return str(value).encode()


def secret_of(plain: Json, coded: Json) -> dict[str, bytes]:
    """The Secret that the plug-in and the API server make, without keys at which one of them fails."""
    found: dict[str, bytes] = {}
    for name, text in {**coded, **plain}.items():
        try:
            if name in plain:
                found[name] = filled_in(text).encode()
            else:
                found[name] = base64.b64decode(in_base64(text), validate=True)
        except (ValueError, KeyError, TypeError):
            continue
    return found


def in_base64(text: str) -> str:
    try:
        inner = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return filled_in(text)
    return encoded(filled_in(inner)) if "<" in inner else text


def filled_in(text: str) -> str:
    parts = of_text(text, names_path=True)
    return "".join(
        part if isinstance(part, str) else changed(HELD[part.key], part.modifiers) for part in parts
    )


def changed(value: str, modifiers: tuple[str, ...]) -> str:
    for each in modifiers:
        match each.split():
            case ["base64encode"]:
                value = encoded(value)
            case ["base64decode"]:
                value = base64.b64decode(value, validate=True).decode()
            case ["sha256sum"]:
                value = hashlib.sha256(value.encode()).hexdigest()
            case ["jsonPath", _]:
                value = json.loads(value)["a"]["b"][0]
            case ["jsonParse"]:
                value = json.dumps(json.loads(value))
            case _:
                raise ValueError(each)
    return value
