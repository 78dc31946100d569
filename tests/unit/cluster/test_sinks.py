"""From an informer's objects to stores, and to whoever has to look."""

from __future__ import annotations

from secrets_manager.cluster.definition_store import DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.domain.definition import Ref
from tests.unit.cluster.objects import DIGESTER, REF, raw_definition, raw_secret

Told = list[tuple[str, str]]


def definition_sink(
    *, namespace: str | None = None, excluded: frozenset[str] = frozenset()
) -> tuple[DefinitionSink, Told]:
    told: Told = []

    def teller(word: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return lambda ref: told.append((word, ref.name))

    listeners = DefinitionListeners(
        listed=teller("listed"),
        changed=teller("changed"),
        deleted=teller("deleted"),
        missing=teller("missing"),
    )
    sink = DefinitionSink(
        store=DefinitionStore(), listeners=listeners, namespace=namespace, excluded=excluded
    )
    return sink, told


def secret_sink(*, excluded: frozenset[str] = frozenset()) -> tuple[SecretSink, Told]:
    told: Told = []
    sink = SecretSink(
        store=SecretStore(),
        digester=DIGESTER,
        changed_secret=lambda secret: told.append(("changed", secret.ref.name)),
        tracking_changed=lambda: told.append(("tracking", "")),
        namespace="shop",
        excluded=excluded,
    )
    return sink, told


# ── definitions ──────────────────────────────────────────────────────────────────────────────────────


def test_a_list_tells_of_what_is_new_and_of_what_it_lacks() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition("known"))
    sink.changed(raw_definition("lost"))
    told.clear()
    sink.restart()
    sink.listed(raw_definition("known"))
    sink.listed(raw_definition("new"))
    sink.complete("9")

    assert told == [("listed", "new"), ("missing", "lost")]
    assert sink.store.get(Ref("shop", "lost")) is not None


def test_a_list_that_broke_off_makes_nothing_missing() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition("known"))
    told.clear()
    sink.restart()
    sink.listed(raw_definition("new"))
    sink.restart()
    sink.listed(raw_definition("known"))
    sink.complete("9")

    assert told == [("listed", "new"), ("missing", "new")]


def test_a_list_of_one_namespace_misses_nothing_of_another() -> None:
    sink, told = definition_sink(namespace="elsewhere")
    sink.store = DefinitionStore()
    sink.changed(raw_definition("known"))
    told.clear()
    sink.complete("9")

    assert told == []


def test_a_change_is_told_unless_only_the_status_changed() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    sink.changed(raw_definition(resourceVersion="6", status={"conditions": []}))
    sink.changed(raw_definition(resourceVersion="7", labels={"a": "b"}))

    assert told == [("changed", "db"), ("changed", "db")]


def test_a_deletion_is_told_once() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    told.clear()
    sink.deleted(raw_definition())
    sink.deleted(raw_definition())

    assert told == [("deleted", "db")]


def test_a_definition_with_a_broken_spec_is_told_like_any_other() -> None:
    sink, told = definition_sink()
    sink.changed({**raw_definition(), "spec": 3})

    assert told == [("changed", "db")]


def test_being_denied_forgets_nothing() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    told.clear()
    sink.denied()

    assert (told, len(sink.store)) == ([], 1)


def test_excluded_definitions_are_neither_stored_nor_told() -> None:
    sink, told = definition_sink(excluded=frozenset({"shop"}))
    sink.restart()
    sink.listed(raw_definition())
    sink.complete("9")
    sink.changed(raw_definition())
    sink.deleted(raw_definition())

    assert (told, len(sink.store)) == ([], 0)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


def listed(sink: SecretSink, *names: str, version: str = "9") -> None:
    sink.restart()
    for name in names:
        sink.listed(raw_secret(name))
    sink.complete(version)


def test_the_first_list_says_once_that_secrets_can_be_watched() -> None:
    sink, told = secret_sink()
    listed(sink, "db")

    assert told == [("tracking", "")]
    assert sink.store.tracks("shop")
    assert sink.store.get(REF) is not None


def test_a_later_list_tells_what_differs() -> None:
    sink, told = secret_sink()
    listed(sink, "same", "gone")
    told.clear()
    listed(sink, "same", "new", version="10")

    assert told == [("changed", "new"), ("changed", "gone")]


def test_a_list_is_taken_whole_or_not_at_all() -> None:
    sink, _ = secret_sink()
    sink.restart()
    sink.listed(raw_secret("half"))
    assert len(sink.store) == 0
    listed(sink, "db")

    assert sink.store.get(Ref("shop", "half")) is None


def test_changes_and_deletions_are_told() -> None:
    sink, told = secret_sink()
    sink.changed(raw_secret())
    sink.changed(raw_secret())
    sink.deleted(raw_secret(resourceVersion="8"))
    sink.deleted(raw_secret(resourceVersion="8"))

    assert told == [("changed", "db"), ("changed", "db")]


def test_being_denied_and_allowed_again_is_told_each_time() -> None:
    sink, told = secret_sink()
    sink.denied()
    listed(sink, "db")
    sink.denied()
    sink.denied()

    assert told == [("tracking", "")] * 2
    assert not sink.store.tracks("shop")


def test_excluded_secrets_are_neither_stored_nor_told() -> None:
    sink, told = secret_sink(excluded=frozenset({"shop"}))
    listed(sink, "db")
    sink.changed(raw_secret())
    sink.deleted(raw_secret())

    assert (told, len(sink.store)) == ([("tracking", "")], 0)


def test_no_value_is_kept() -> None:
    sink, _ = secret_sink()
    sink.restart()
    sink.listed(raw_secret(data={"a": b"canary-value"}))

    assert "canary" not in repr(sink) + repr(sink._listed)
    assert "Y2FuYXJ5" not in repr(sink) + repr(sink._listed)
