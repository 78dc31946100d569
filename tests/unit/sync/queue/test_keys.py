"""Keys of the queue: one for each thing to do, and the group whose turn each takes."""

from __future__ import annotations

from secrets_manager.backends.base import Source
from secrets_manager.domain.definition import Ref
from secrets_manager.sync.queue.keys import Key, group_of, group_of_several, is_backend


def test_keys_of_a_definition_and_of_a_source_with_the_same_texts_differ() -> None:
    assert Key.definition(Ref("a", "b")) != Key.source(Source("a", "b"))


def test_each_namespace_is_a_group_of_the_queue_and_all_sources_are_one() -> None:
    turns = [group_of(Key.definition(Ref("team", "app"))), group_of(Key.definition(Ref("team", "other")))]

    assert turns == ["team", "team"]
    assert group_of(Key.definition(Ref("rivals", "app"))) == "rivals"
    others = Key.source(Source("team")), Key.source(Source("rivals")), Key.survey("default")
    assert set(map(group_of, others)) == {""}


def test_each_of_several_backends_is_a_group_and_no_namespace_is_one_of_them() -> None:
    keys = [Key.source(Source("a", backend="team")), Key.survey("team"), Key.definition(Ref("team", "app"))]

    assert [group_of_several(key) for key in keys] == ["backend team", "backend team", "team"]
    assert group_of_several(Key.source(Source("a"))) == "backend default"
    assert [is_backend(group_of_several(key)) for key in keys] == [True, True, False]
