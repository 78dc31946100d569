"""From an informer's objects to stores, and to the callbacks that reconcile."""

from __future__ import annotations

from secrets_manager.cluster import manifests
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL
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


def test_a_list_reports_new_definitions_and_those_that_are_missing() -> None:
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


def test_a_change_of_a_definition_is_reported_unless_only_its_status_changed() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    sink.changed(raw_definition(resourceVersion="6", status={"conditions": []}))
    sink.changed(raw_definition(resourceVersion="7", labels={"a": "b"}))

    assert told == [("changed", "db"), ("changed", "db")]


def test_the_deletion_of_a_definition_is_reported_once() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    told.clear()
    sink.deleted(raw_definition())
    sink.deleted(raw_definition())

    assert told == [("changed", "db")]


def test_a_definition_with_a_broken_spec_is_reported_like_any_other() -> None:
    sink, told = definition_sink()
    sink.changed({**raw_definition(), "spec": 3})

    assert told == [("changed", "db")]


def test_being_denied_forgets_nothing() -> None:
    sink, told = definition_sink()
    sink.changed(raw_definition())
    told.clear()
    sink.denied()

    assert (told, len(sink.store)) == ([], 1)


def test_excluded_definitions_are_neither_stored_nor_reported() -> None:
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
    listed(sink, "db", version="10")

    assert told == [("tracking", "")]
    assert sink.store.tracks("shop")
    assert sink.store.get(REF) is not None


def test_a_later_list_reports_the_secrets_that_differ() -> None:
    sink, told = secret_sink()
    listed(sink, "same", "gone")
    told.clear()
    listed(sink, "same", "new", version="10")

    assert told == [("changed", "new"), ("changed", "gone")]


def test_an_event_with_an_absurd_version_hides_changes_until_the_next_list_at_most() -> None:
    secrets, told = secret_sink()
    listed(secrets, "db")
    secrets.changed(raw_secret(resourceVersion="9" * 18))
    listed(secrets, "db", version="10")
    told.clear()
    secrets.changed(raw_secret(data={"password": b"other"}, resourceVersion="11"))
    assert told == [("changed", "db")]

    definitions, told = definition_sink()
    definitions.changed(raw_definition(resourceVersion="9" * 18))
    definitions.restart()
    definitions.listed(raw_definition())
    definitions.complete("10")
    told.clear()
    definitions.changed(raw_definition(labels={"a": "b"}, resourceVersion="11"))
    assert told == [("changed", "db")]


def test_a_list_after_reads_by_name_reports_the_secrets_that_differ_from_them() -> None:
    sink, told = secret_sink()
    sink.denied()
    for name in ("same", "edited", "gone"):
        seen = manifests.observed_secret(raw_secret(name, labels={MANAGED_BY_LABEL: MANAGED_BY}), DIGESTER)
        sink.store.learn(seen.ref, seen)
    sink.restart()
    sink.listed(raw_secret("same", labels={MANAGED_BY_LABEL: MANAGED_BY}))
    sink.listed(raw_secret("edited", data={"password": b"other"}, resourceVersion="9"))
    sink.complete("10")

    assert told == [("tracking", ""), ("changed", "edited"), ("changed", "gone")]


def test_an_answer_from_before_a_list_that_lacks_the_secret_is_not_taken_after_it() -> None:
    sink, _ = secret_sink()
    listed(sink, "other", version="50")
    late = manifests.observed_secret(raw_secret("db", labels={MANAGED_BY_LABEL: MANAGED_BY}), DIGESTER)
    sink.store.learn(late.ref, late)

    assert sink.store.get(late.ref) is None


def test_a_secret_that_is_not_there_or_not_ours_when_asked_for_is_known_no_more() -> None:
    sink, _ = secret_sink()
    listed(sink, "db", "app")
    sink.denied()
    sink.store.learn(Ref("shop", "db"), None)
    foreign = manifests.observed_secret(raw_secret("app", resourceVersion="20"), DIGESTER)
    sink.store.learn(foreign.ref, foreign)

    assert len(sink.store) == 0


def test_a_list_is_taken_whole_or_not_at_all() -> None:
    sink, _ = secret_sink()
    sink.restart()
    sink.listed(raw_secret("half"))
    assert len(sink.store) == 0
    listed(sink, "db")

    assert sink.store.get(Ref("shop", "half")) is None


def test_changes_and_deletions_of_secrets_are_reported() -> None:
    sink, told = secret_sink()
    sink.changed(raw_secret())
    sink.changed(raw_secret())
    sink.deleted(raw_secret(resourceVersion="8"))
    sink.deleted(raw_secret(resourceVersion="8"))

    assert told == [("changed", "db"), ("changed", "db")]


def test_losing_and_getting_the_right_to_list_is_reported_each_time() -> None:
    sink, told = secret_sink()
    sink.denied()
    listed(sink, "db")
    sink.denied()
    sink.denied()

    assert [word for word in told if word[0] == "tracking"] == [("tracking", "")] * 2
    assert not sink.store.tracks("shop")


def test_excluded_secrets_are_neither_stored_nor_reported() -> None:
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
