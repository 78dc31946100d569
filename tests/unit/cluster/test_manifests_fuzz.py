"""Every object in the cluster is read, or refused with an error of ours: definitions, statuses, Secrets."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster import manifests
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.cluster.write import bodies
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.decoding import Encoding
from secrets_manager.domain.definition import DataSource, Ref, SecretSpec
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.domain.plan import plan
from secrets_manager.domain.secret import LAST_UPDATE
from tests.unit.cluster.objects import DIGESTER, a_definition, desired, observed, raw_definition, raw_secret
from tests.unit.foreign_input import ANY_JSON, TEXT, as_bytes, damaged, perhaps_damaged

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?(\.[a-z0-9]{1,3})?", fullmatch=True)
DATA_KEYS = st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,8}", fullmatch=True)
SOURCES = st.builds(DataSource, path=TEXT, key=TEXT, encoding=st.sampled_from(Encoding))
SPECS = st.builds(
    SecretSpec,
    secret_name=NAMES,
    secret_type=st.sampled_from(["Opaque", "kubernetes.io/tls", "example.com/own"]),
    keys=st.dictionaries(DATA_KEYS, SOURCES, max_size=3),
)
FULL = raw_definition(
    spec={
        "name": "db",
        "type": "kubernetes.io/tls",
        "keysMap": {
            "tls.crt": {"path": "secret/data/db", "key": "crt", "encoding": "base64"},
            "tls.key": {"path": "secret/data/db", "key": "key", "encoding": "text"},
        },
    },
    status={
        "observedGeneration": 1,
        "secretName": "db",
        "conditions": [{"type": "Ready", "status": "True", "reason": "Synced", "message": "in step"}],
        "sources": [{"path": "secret/data/db", "version": "3"}],
    },
    labels={"app": "shop"},
    annotations={"note": "n"},
    finalizers=["a.example.com"],
    deletionTimestamp=None,
)
SECRET = raw_secret(
    labels={"app.kubernetes.io/managed-by": "secrets-manager"},
    annotations={LAST_UPDATE: "2026-01-01T00.00.00Z"},
    ownerReferences=[
        {"apiVersion": "v1", "kind": "SecretDefinition", "name": "db", "uid": "u", "controller": False}
    ],
    finalizers=[],
)


def written(spec: SecretSpec) -> dict[str, Any]:
    """The YAML of a spec, as a user would have it."""
    keys = {
        key: {"path": one.path, "key": one.key, **({"encoding": one.encoding.value} if one.encoding else {})}
        for key, one in spec.keys.items()
    }
    return {"name": spec.secret_name, "type": spec.secret_type, "keysMap": keys}


@given(SPECS)
def test_a_valid_definition_is_what_its_author_wrote(spec: SecretSpec) -> None:
    sent = orjson.loads(as_bytes(raw_definition(spec=written(spec))))

    assert manifests.definition(sent).spec == spec


def is_usable(spec: Any) -> bool:
    """The rules for a spec, said once more in another way."""
    if not isinstance(spec, dict) or not isinstance(spec.get("keysMap"), dict):
        return False
    name, kind = spec.get("name"), spec.get("type")
    legal = isinstance(name, str) and 0 < len(name) <= 253 and all(map(is_label, name.split(".")))
    refused = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
    typed = kind is None or (isinstance(kind, str) and kind not in refused)
    return legal and typed and all(is_data_key(k) and is_source(v) for k, v in spec["keysMap"].items())


def is_label(text: str) -> bool:
    return (
        bool(text) and set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and text.strip("-") == text
    )


def is_data_key(text: str) -> bool:
    return re.match(r"^[-._a-zA-Z0-9]{1,253}\Z", text) is not None and text != "." and text[:2] != ".."


def is_source(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        return False
    optional = [entry.get("key"), entry.get("encoding")]
    texts = all(value is None or isinstance(value, str) for value in optional)
    return texts and entry.get("encoding") in (None, "", "text", "base64", "json")


@given(perhaps_damaged(FULL["spec"]))
def test_a_spec_is_taken_exactly_when_the_rules_say_so(spec: Any) -> None:
    found = manifests.definition({**FULL, "spec": spec}).spec

    assert isinstance(found, SecretSpec) == is_usable(spec)
    assert isinstance(found, SecretSpec | DefinitionError)


@given(damaged(FULL).filter(lambda raw: isinstance(raw, dict)))
def test_a_damaged_definition_costs_its_own_spec_at_most(raw: dict[str, Any]) -> None:
    heard: list[Ref] = []
    sink = definition_sink(heard.append)

    sink.restart()
    sink.listed(raw)
    sink.complete("1")
    sink.changed(raw)
    sink.deleted(raw)

    assert set(heard) <= {manifests.ref_of(raw)}
    assert manifests.without_finalizer(raw, "a.example.com")["metadata"]["finalizers"] is not None


def definition_sink(hear: Callable[[Ref], None]) -> DefinitionSink:
    listeners = DefinitionListeners(listed=hear, changed=hear, missing=hear)
    return DefinitionSink(store=DefinitionStore(), listeners=listeners, namespace=None)


STATUSES = st.builds(
    Status,
    observed_generation=st.integers(0, 2**40),
    secret_name=TEXT,
    condition=st.builds(
        Condition,
        ready=st.booleans(),
        reason=TEXT,
        message=TEXT,
        observed_generation=st.integers(0, 2**40),
        last_transition_time=st.just("2026-01-01T00:00:00Z"),
    ),
    sources=st.lists(st.builds(SourceVersion, TEXT, TEXT), max_size=3).map(tuple),
)


@given(STATUSES)
def test_a_status_that_was_written_reads_back_as_it_was(status: Status) -> None:
    body = bodies.status_body(a_definition(), "5", status)

    assert manifests.status(orjson.loads(as_bytes(body))) == status


@given(damaged(SECRET).filter(lambda raw: isinstance(raw, dict)))
def test_a_damaged_secret_is_seen_and_never_taken_for_a_value_it_does_not_hold(raw: dict[str, Any]) -> None:
    seen = manifests.observed_secret(raw, DIGESTER)

    assert dict(seen.digests) == {key: digest_of(value) for key, value in data_of(raw).items()}
    sink = SecretSink(
        store=SecretStore(),
        digester=DIGESTER,
        changed_secret=lambda _: None,
        tracking_changed=lambda: None,
        namespace=None,
    )
    sink.restart()
    sink.listed(raw)
    sink.complete("1")
    sink.changed(raw)
    sink.deleted(raw)


def data_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    data = raw.get("data")
    return data if isinstance(data, dict) else {}


def digest_of(value: Any) -> bytes:
    """What stands for a value; nothing stands for what is no base64."""
    if value is None:
        return DIGESTER.of(b"")
    if not isinstance(value, str) or not value.isascii():
        return b""
    try:
        content = base64.b64decode(value, validate=True)
    except ValueError:
        return b""
    return DIGESTER.of(content)


@given(
    data=st.dictionaries(DATA_KEYS, st.binary(max_size=40), max_size=3),
    labels=st.dictionaries(DATA_KEYS, TEXT, max_size=2),
    annotations=st.dictionaries(DATA_KEYS, TEXT, max_size=2),
)
def test_a_secret_that_was_written_reads_back_as_what_was_wanted(
    data: dict[str, bytes], labels: dict[str, str], annotations: dict[str, str]
) -> None:
    wanted = desired(data, labels=labels, annotations=annotations)

    created = orjson.loads(as_bytes(bodies.new_secret(wanted, NOW)))
    seen = manifests.observed_secret(created, DIGESTER)
    again = manifests.observed_secret(
        orjson.loads(as_bytes(bodies.replaced_secret(wanted, observed(), plan(wanted, observed()), NOW))),
        DIGESTER,
    )

    assert seen.digests == again.digests == wanted.digests
    assert labels.items() <= seen.labels.items()
    assert annotations.items() <= seen.annotations.items()
    assert wanted.owner in seen.owners


@given(
    st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "type", "immutable"]), ANY_JSON)
)
def test_nothing_in_an_object_is_relied_on(raw: dict[str, Any]) -> None:
    manifests.definition(raw)
    manifests.status(raw)
    manifests.observed_secret(raw, DIGESTER)
