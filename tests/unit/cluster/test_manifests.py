"""API dicts to values and back."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster import manifests
from secrets_manager.cluster.write import bodies
from secrets_manager.domain.abnormal import UNLIKE_OURS, Abnormal
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.errors import DefinitionError, InvalidKey, InvalidSpec, TypeNotAllowed
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.domain.plan import Operation, Plan
from secrets_manager.domain.secret import LAST_UPDATE, MANAGED_BY, MANAGED_BY_LABEL
from secrets_manager.domain.update_times import update_time
from tests import builders
from tests.unit.cluster.objects import (
    DIGESTER,
    REF,
    a_definition,
    desired,
    observed,
    owner,
    raw_definition,
    raw_secret,
)

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, 999999, tzinfo=dt.UTC)
DATA_CHANGED = Plan(operation=Operation.REPLACED, reason="DataDiffers", changed_keys=("user",))
MARKS_CHANGED = Plan(operation=Operation.REPLACED, reason="MetadataDiffers")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def field_or_junk(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A map with some of these fields, or anything at all."""
    return st.fixed_dictionaries({}, optional=dict(fields)) | ANY_JSON


NEARLY_A_DEFINITION = field_or_junk(
    metadata=field_or_junk(
        namespace=ANY_JSON,
        name=ANY_JSON,
        uid=ANY_JSON,
        generation=ANY_JSON,
        labels=ANY_JSON,
        finalizers=ANY_JSON,
    ),
    spec=field_or_junk(
        name=st.text(max_size=5) | ANY_JSON,
        type=ANY_JSON,
        keysMap=st.dictionaries(
            st.text(max_size=5),
            field_or_junk(
                path=ANY_JSON, key=ANY_JSON, encoding=st.sampled_from(["text", "base64"]) | ANY_JSON
            ),
            max_size=2,
        )
        | ANY_JSON,
    ),
    status=field_or_junk(
        observedGeneration=ANY_JSON,
        conditions=st.lists(
            field_or_junk(type=st.just("Ready"), status=ANY_JSON, reason=ANY_JSON), max_size=2
        )
        | ANY_JSON,
        sources=st.lists(ANY_JSON, max_size=2) | ANY_JSON,
    ),
).filter(lambda value: isinstance(value, dict))


@given(NEARLY_A_DEFINITION)
def test_every_stored_definition_has_a_spec_or_an_error(raw: dict[str, Any]) -> None:
    read = manifests.definition(raw)

    assert isinstance(read.spec, SecretSpec | DefinitionError)
    assert isinstance(read.ref, Ref)
    assert manifests.definition(raw) == read


@given(NEARLY_A_DEFINITION)
def test_every_stored_status_reads_as_a_status_or_none(raw: dict[str, Any]) -> None:
    read = manifests.status(raw)

    assert read is None or isinstance(read.condition.reason, str)


def spec(**fields: Any) -> dict[str, Any]:
    """A valid spec with some fields replaced."""
    return {"name": "db", "keysMap": {"a": {"path": "p", "key": "k"}}, **fields}


BAD_SPECS: dict[str, tuple[Any, type[DefinitionError], str]] = {
    "no spec": (None, InvalidSpec, "spec is missing, not a map"),
    "spec a list": ([], InvalidSpec, "spec is a list, not a map"),
    "no name": ({"keysMap": {}}, InvalidSpec, "spec.name is missing, not a string"),
    "name a number": (spec(name=3), InvalidSpec, "spec.name is a number, not a string"),
    "name a dot": (spec(name="."), InvalidSpec, "spec.name '.' is not a valid Secret name"),
    "name with a slash": (spec(name="a/b"), InvalidSpec, "spec.name 'a/b' is not a valid Secret name"),
    "name empty": (spec(name=""), InvalidSpec, "spec.name '' is not a valid Secret name"),
    "metadata a list": (spec(metadata=[]), InvalidSpec, "spec.metadata is a list, not a map"),
    "labels a string": (
        spec(metadata={"labels": "x"}),
        InvalidSpec,
        "spec.metadata.labels is a string, not a map",
    ),
    "an annotation a number": (
        spec(metadata={"annotations": {"port": 5432}}),
        InvalidSpec,
        "spec.metadata.annotations[port] is a number, not a string",
    ),
    "no keysMap": ({"name": "db"}, InvalidSpec, "spec.keysMap is missing, not a map"),
    "keysMap a list": (spec(keysMap=[]), InvalidSpec, "spec.keysMap is a list, not a map"),
    "type a bool": (spec(type=True), InvalidSpec, "spec.type is a bool, not a string"),
    "a key that is a string": (
        spec(keysMap={"a": "p"}),
        InvalidSpec,
        "spec.keysMap[a] is a string, not a map",
    ),
    "a key without path": (spec(keysMap={"a": {}}), InvalidSpec, "spec.keysMap[a].path is missing"),
    "a path that is a map": (
        spec(keysMap={"a": {"path": {}, "key": "k"}}),
        InvalidSpec,
        "spec.keysMap[a].path is a map",
    ),
    "a key that is null": (spec(keysMap={"a": None}), InvalidSpec, "spec.keysMap[a] is missing"),
    "unknown encoding": (
        spec(keysMap={"a": {"path": "p", "key": "k", "encoding": "hex"}}),
        InvalidSpec,
        "spec.keysMap[a].encoding is 'hex'; it may be text, base64, json or absent",
    ),
    "checks are a list": (spec(checks=["pem"]), InvalidSpec, "spec.checks is a list, not a map"),
    "a check is a number": (spec(checks={"a": 3}), InvalidSpec, "spec.checks[a] is a number, not a string"),
    "an unknown check": (
        spec(checks={"a": "xml"}),
        InvalidSpec,
        "spec.checks[a] is 'xml'; it may be pem, json, nonEmpty",
    ),
    "an unknown word for its end": (
        spec(onDelete="Orphan"),
        InvalidSpec,
        "spec.onDelete is 'Orphan'; it may be Delete, Retain or absent",
    ),
    **{
        f"a refresh period of {text!r:.20}": (
            spec(refreshPeriod=text),
            InvalidSpec,
            f"spec.refreshPeriod is {text[:40]!r}; it may be a duration from 1s to 168h, such as 90s,",
        )
        for text in ("", "0", "1", "7d", "999ms", "-5s", "168h0m0.1s", "9" * 30 + "h", "1h" * 100_000)
    },
    "a refresh period that is a number": (
        spec(refreshPeriod=60),
        InvalidSpec,
        "spec.refreshPeriod is a number, not a string",
    ),
    "optional is a text": (
        spec(keysMap={"a": {"path": "p", "key": "k", "optional": "true"}}),
        InvalidSpec,
        "spec.keysMap[a].optional is a string, not a bool",
    ),
    "default is a number": (
        spec(keysMap={"a": {"path": "p", "key": "k", "default": 5432}}),
        InvalidSpec,
        "spec.keysMap[a].default is a number, not a string",
    ),
    "illegal data key": (spec(keysMap={"a b": {"path": "p", "key": "k"}}), InvalidKey, "'a b'"),
    "token type": (spec(type="kubernetes.io/service-account-token"), TypeNotAllowed, "service-account-token"),
}


@pytest.mark.parametrize(("raw", "kind", "said"), BAD_SPECS.values(), ids=BAD_SPECS)
def test_a_spec_that_cannot_be_used_names_the_field_and_what_was_found(
    raw: Any, kind: type[DefinitionError], said: str
) -> None:
    body = raw_definition()
    body["spec"] = raw
    read = manifests.definition(body)

    assert type(read.spec) is kind
    assert said in str(read.spec)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1.0), ("1h30m", 5400.0), ("168h", 604800.0), ("1500ms", 1.5), (None, None)]
)
def test_a_refresh_period_is_a_duration_as_in_the_settings(text: str | None, seconds: float | None) -> None:
    body = raw_definition()
    body["spec"] = spec(refreshPeriod=text)
    read = manifests.definition(body).spec

    assert isinstance(read, SecretSpec)
    assert read.refresh_period == seconds


# With one wide character, which makes each of the others take four bytes of memory.
ENDLESS = "k" * 10**6 + "\U0001f511"
ENDLESS_SPECS: dict[str, Any] = {
    "a key that is no map": spec(keysMap={ENDLESS: []}),
    "a key whose path is no text": spec(keysMap={ENDLESS: {"path": 1}}),
    "a key whose key is no text": spec(keysMap={ENDLESS: {"path": "p", "key": {}}}),
    "a check that is a number": spec(checks={ENDLESS: 3}),
    "an unknown check": spec(checks={ENDLESS: ENDLESS}),
    "a check of no key": spec(checks={ENDLESS: "json"}),
    "an unknown word for its end": spec(onDelete=ENDLESS),
    "a key with an unknown encoding": spec(keysMap={ENDLESS: {"path": "p", "encoding": ENDLESS}}),
    "a key that no Secret can have": spec(keysMap={ENDLESS: {"path": "p"}}),
    "a path": spec(keysMap={"a": {"path": ENDLESS}}),
    "a key of the source": spec(keysMap={"a": {"path": "p", "key": ENDLESS}}),
    "a type": spec(type=ENDLESS),
    "a backend": spec(backend=ENDLESS),
    "a name": spec(name=ENDLESS),
    "a field that nobody knows": spec(type="helm.sh/x", **{ENDLESS: ENDLESS}),
}


@pytest.mark.parametrize("how", ENDLESS_SPECS)
def test_of_a_spec_that_cannot_be_used_little_is_kept_however_long_its_texts_are(how: str) -> None:
    read = manifests.definition({**raw_definition(), "spec": ENDLESS_SPECS[how]})

    assert isinstance(read.spec, DefinitionError)
    assert len(repr(read)) < 4000


@pytest.mark.parametrize(
    ("raw", "claimed"), [(spec(type=3), "db"), (spec(name=3), None), (spec(name="a/b"), None), ([], None)]
)
def test_a_broken_spec_still_claims_the_secret_that_it_names(raw: Any, claimed: str | None) -> None:
    body = raw_definition()
    body["spec"] = raw

    assert manifests.definition(body).secret_name == claimed


def test_a_definition_is_read_whole() -> None:
    read = manifests.definition(
        raw_definition(
            spec={
                "name": "target",
                "type": "kubernetes.io/tls",
                "keysMap": {"tls.crt": {"path": "secret/data/x", "key": "", "encoding": "base64"}},
            },
            labels={"a": "b"},
            annotations={"c": "d"},
            finalizers=["f"],
            deletionTimestamp="2026-01-02T00:00:00Z",
        )
    )

    assert (read.ref, read.uid, read.created, read.generation) == (REF, "uid-db", "2026-01-01T00:00:00Z", 1)
    assert (read.labels, read.annotations, read.finalizers) == ({"a": "b"}, {"c": "d"}, ("f",))
    assert read.deleting
    assert isinstance(read.spec, SecretSpec)
    assert read.target == Ref("shop", "target")
    assert read.spec.secret_type == "kubernetes.io/tls"
    assert read.spec.keys["tls.crt"].encoding == "base64"


@pytest.mark.parametrize(
    ("more", "optional", "default"),
    [
        ({}, False, None),
        ({"optional": None, "default": None}, False, None),
        ({"optional": False, "default": ""}, False, ""),
        ({"optional": True}, True, None),
    ],
)
def test_what_may_be_absent_is_read(more: dict[str, Any], *, optional: bool, default: str | None) -> None:
    keys = {"a": {"path": "p", "key": "k", **more}}
    read = manifests.definition(raw_definition(spec={"name": "db", "keysMap": keys}))

    assert isinstance(read.spec, SecretSpec)
    assert (read.spec.keys["a"].optional, read.spec.keys["a"].default) == (optional, default)


def test_an_absent_type_is_opaque_and_an_absent_key_is_empty() -> None:
    read = manifests.definition(raw_definition(spec={"name": "db", "keysMap": {"a": {"path": "p"}}}))

    assert isinstance(read.spec, SecretSpec)
    assert (read.spec.secret_type, read.spec.keys["a"].key) == ("Opaque", "")


# ── the status ───────────────────────────────────────────────────────────────────────────────────────


STATUS = builders.status(
    secret_name="db",
    observed_generation=3,
    ready=False,
    reason="KeyNotFound",
    message="no key",
    sources=(
        SourceVersion("secret/data/db", "4"),
        SourceVersion("kv1/db", ""),
        SourceVersion("secret/data/db", "7", "eu"),
    ),
)


def test_a_status_that_was_written_is_read_back_the_same() -> None:
    body = bodies.status_body(a_definition(), "9", STATUS)

    assert manifests.status(json.loads(json.dumps(body))) == STATUS
    assert body["metadata"] == {"namespace": "shop", "name": "db", "uid": "uid-db", "resourceVersion": "9"}


def test_the_backend_of_a_source_is_written_unless_it_is_the_default_one() -> None:
    body = bodies.status_body(a_definition(), "9", STATUS)

    assert body["status"]["sources"] == [
        {"path": "secret/data/db", "version": "4"},
        {"path": "kv1/db", "version": ""},
        {"path": "secret/data/db", "version": "7", "backend": "eu"},
    ]


def _conditions(abnormal: Abnormal | None) -> list[dict[str, Any]]:
    """Those of the status of a definition that is not ready."""
    body = bodies.status_body(a_definition(), "5", builders.status(ready=False, abnormal=abnormal))
    conditions: list[dict[str, Any]] = body["status"]["conditions"]
    return conditions


@pytest.mark.parametrize("kind", ["Stalled", "Reconciling"])
def test_a_condition_beside_ready_has_its_words_and_its_own_time(kind: str) -> None:
    abnormal = Abnormal(kind, "2026-03-03T00:00:00Z")
    ready, beside = _conditions(abnormal)

    assert beside == {**ready, "type": kind, "status": "True", "lastTransitionTime": "2026-03-03T00:00:00Z"}
    read = manifests.status({"status": {"conditions": [ready, beside]}})
    assert read is not None
    assert read.abnormal == abnormal


def test_conditions_beside_ready_that_are_unlike_ours_are_seen_as_such() -> None:
    ready, stalled = _conditions(Abnormal("Stalled", "2026-03-03T00:00:00Z"))
    others = [
        [ready, {**stalled, "status": "False"}],
        [ready, {**stalled, "message": "by hand"}],
        [ready, stalled, {**stalled, "type": "Reconciling"}],
        [{**ready, "status": "True"}, stalled],
    ]

    found = [manifests.status({"status": {"conditions": each}}) for each in others]

    assert [each and each.abnormal for each in found] == [UNLIKE_OURS] * 4


def test_only_conditions_of_other_types_are_those_of_others() -> None:
    theirs = {"type": "Approved", "status": "True"}
    conditions = [*_conditions(Abnormal("Stalled", "2026-03-03T00:00:00Z")), theirs]

    assert manifests.status_of_others({"status": {"conditions": conditions}}) == {"conditions": [theirs]}


@pytest.mark.parametrize(
    "written", [None, {}, {"conditions": []}, {"conditions": [{"type": "Other"}]}, "done"]
)
def test_a_status_without_a_ready_condition_is_none(written: Any) -> None:
    assert manifests.status({**raw_definition(), "status": written}) is None


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_read_without_its_values() -> None:
    seen = manifests.observed_secret(raw_secret(data={"a": b"canary-value", "b": b""}), DIGESTER)

    assert seen.digests == {"a": DIGESTER.of(b"canary-value"), "b": DIGESTER.of(b"")}
    assert "canary" not in repr(seen)
    assert (seen.ref, seen.uid, seen.resource_version, seen.type) == (REF, "uid-secret-db", "7", "Opaque")


@pytest.mark.parametrize("data", [None, {}])
def test_a_secret_without_data_has_no_digests(data: Any) -> None:
    assert manifests.observed_secret({**raw_secret(), "data": data}, DIGESTER).digests == {}


@given(st.dictionaries(st.from_regex(r"[-._a-zA-Z0-9]{1,20}", fullmatch=True), st.binary(max_size=64)))
def test_a_written_secret_reads_back_with_the_same_digests(data: dict[str, bytes]) -> None:
    body = bodies.new_secret(desired(data), NOW)
    seen = manifests.observed_secret(json.loads(json.dumps(body)), DIGESTER)

    assert seen.digests == DIGESTER.each(data)


def test_a_new_secret_carries_our_marks_and_the_time() -> None:
    body = bodies.new_secret(desired({"a": b"\x00\xff"}, type="kubernetes.io/tls"), NOW)
    metadata = body["metadata"]

    assert (body["apiVersion"], body["kind"], body["type"]) == ("v1", "Secret", "kubernetes.io/tls")
    assert body["data"] == {"a": base64.b64encode(b"\x00\xff").decode()}
    assert metadata["labels"] == {MANAGED_BY_LABEL: MANAGED_BY}
    assert metadata["annotations"] == {LAST_UPDATE: "2026-05-04T03.02.01Z"}
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
            "kind": "SecretDefinition",
            "name": "db",
            "uid": "uid-db",
            "controller": False,
            "blockOwnerDeletion": False,
        }
    ]


def test_the_owner_mark_of_a_definition_blocks_nothing() -> None:
    assert bodies.owner_of(a_definition()) == owner()


FOREIGN = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": "u", "controller": True}


def replaced(now: dt.datetime | None = NOW, before: str = "before", **metadata: Any) -> dict[str, Any]:
    """The PUT over a Secret that others have put things on."""
    raw = raw_secret(labels={"theirs": "l"}, annotations={"theirs": "a", LAST_UPDATE: before}, **metadata)
    seen = manifests.observed_secret(raw, DIGESTER)
    return bodies.replaced_secret(desired(), seen, DATA_CHANGED if now else MARKS_CHANGED, now or NOW)


def test_a_replace_keeps_what_others_put_on_the_secret() -> None:
    body = replaced(ownerReferences=[FOREIGN], finalizers=["theirs/keep"])
    metadata = body["metadata"]

    assert metadata["labels"] == {"theirs": "l", MANAGED_BY_LABEL: MANAGED_BY}
    assert metadata["annotations"]["theirs"] == "a"
    assert metadata["ownerReferences"][0] == FOREIGN
    assert metadata["finalizers"] == ["theirs/keep"]


def test_a_replace_is_fenced_by_uid_and_version() -> None:
    metadata = replaced()["metadata"]

    assert (metadata["uid"], metadata["resourceVersion"]) == ("uid-secret-db", "7")
    assert "finalizers" not in metadata


@pytest.mark.parametrize(("now", "time"), [(NOW, "2026-05-04T03.02.01Z"), (None, "before")])
def test_the_time_moves_only_with_the_data(now: dt.datetime | None, time: str) -> None:
    assert replaced(now)["metadata"]["annotations"][LAST_UPDATE] == time


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-05-04T03.02.00Z", "2026-05-04T03.02.01Z"),
        ("2026-05-04T03.02.01Z", "2026-05-04T03.02.02Z"),
        ("2026-05-04T03.59.59Z", "2026-05-04T04.00.00Z"),
        ("2027-05-04T03.02.01Z", "2026-05-04T03.02.01Z"),
        ("9999-12-31T23.59.59Z", "2026-05-04T03.02.01Z"),
        ("2026-05-04T03:02:01Z", "2026-05-04T03.02.01Z"),
        ("2026-02-30T03.02.01Z", "2026-05-04T03.02.01Z"),
    ],
    ids=["earlier", "the same second", "a clock ahead", "next year", "the last second", "not ours", "no day"],
)
def test_the_time_of_a_write_is_never_that_of_the_write_before(before: str, after: str) -> None:
    assert replaced(before=before)["metadata"]["annotations"][LAST_UPDATE] == after


def test_an_immutable_secret_stays_immutable() -> None:
    assert (
        bodies.replaced_secret(desired(), observed(immutable=True), MARKS_CHANGED, NOW)["immutable"] is True
    )
    assert "immutable" not in bodies.replaced_secret(desired(), observed(), MARKS_CHANGED, NOW)


def test_releasing_a_finalizer_keeps_all_the_rest() -> None:
    raw = {**raw_definition(finalizers=["a", "b"]), "extra": {"x": 1}}
    released = manifests.without_finalizer(raw, "a")

    assert released["metadata"]["finalizers"] == ["b"]
    assert {**released, "metadata": raw["metadata"]} == raw
    assert raw["metadata"]["finalizers"] == ["a", "b"]


def test_releasing_a_finalizer_that_is_not_there_changes_nothing() -> None:
    raw = raw_definition(finalizers=["b"])

    assert manifests.without_finalizer(raw, "a") == raw


# ── times ────────────────────────────────────────────────────────────────────────────────────────────


ANY_TIME = st.builds(
    lambda seconds, hours: dt.datetime.fromtimestamp(seconds, dt.timezone(dt.timedelta(hours=hours))),
    st.floats(min_value=0, max_value=2.5e11),
    st.integers(min_value=-12, max_value=14),
)


@given(ANY_TIME)
def test_times_are_utc_with_whole_seconds_in_their_layouts(now: dt.datetime) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bodies.rfc3339(now))
    assert update_time(now) == bodies.rfc3339(now).replace(":", ".")
    parsed = dt.datetime.fromisoformat(bodies.rfc3339(now))
    assert dt.timedelta(0) <= now - parsed < dt.timedelta(seconds=1)


# ── any object ───────────────────────────────────────────────────────────────────────────────────────


@given(st.dictionaries(st.sampled_from(["metadata", "kind"]), ANY_JSON))
def test_identity_is_text_whatever_the_object(raw: dict[str, Any]) -> None:
    ref = manifests.ref_of(raw)

    assert all(isinstance(text, str) for text in (*ref, manifests.uid_of(raw), manifests.version_of(raw)))


def test_identity_is_that_of_the_metadata() -> None:
    raw = raw_secret()

    assert (manifests.ref_of(raw), manifests.uid_of(raw), manifests.version_of(raw)) == (
        REF,
        "uid-secret-db",
        "7",
    )


def test_two_readings_of_one_definition_are_equal_whatever_its_status() -> None:
    plain: Definition = manifests.definition(raw_definition())

    assert manifests.definition(raw_definition(status={"conditions": []}, resourceVersion="99")) == plain
