"""Replies that come late, in every order in which a reply, a deletion and a new object of the name can meet.

Each test goes through all interleavings of what happens in the cluster, what the informer hears of it, and
one call of ours. Two things hold in each of them: an object whose deletion was seen never comes back, and
once all events are seen the store equals the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.domain.secret import ObservedSecret
from tests.unit.cluster.objects import REF, a_definition, observed

Step = tuple[str, str]


def orders(*sequences: list[Step]) -> Iterator[list[Step]]:
    """All ways to mix sequences that keep the order of each."""
    if not any(sequences):
        yield []
    for number, sequence in enumerate(sequences):
        if sequence:
            rest = [list(other) for other in sequences]
            rest[number].pop(0)
            for order in orders(*rest):
                yield [sequence[0], *order]


@dataclass
class Server:
    """One name in the cluster: the versions it had, and the events that the informer has not heard."""

    version: int = 10
    uid: str | None = "first"
    unheard: list[tuple[str, str, int]] = field(default_factory=list)

    def do(self, what: str, uid: str) -> None:
        self.version += 1
        self.uid = None if what == "delete" else uid
        self.unheard.append((what, uid, self.version))


# ── definitions ──────────────────────────────────────────────────────────────────────────────────────


def entry(uid: str, version: int) -> DefinitionEntry:
    return DefinitionEntry(a_definition(uid=uid), str(version), None)


@dataclass
class Definitions:
    """Plays an order of steps against a DefinitionStore."""

    store: DefinitionStore = field(default_factory=DefinitionStore)
    server: Server = field(default_factory=Server)
    gone: set[str] = field(default_factory=set)
    answer: DefinitionEntry | None = None
    losses: int = 0

    def play(self, order: list[Step]) -> None:
        self.store.apply(entry("first", 10))
        for what, uid in order:
            getattr(self, what, lambda uid, what=what: self.server.do(what, uid))(uid)
            known = self.store.get(REF)
            assert known is None or known.definition.uid not in self.gone, order
        while self.server.unheard:
            self.hear("")
        known = self.store.get(REF)
        assert (known.definition.uid if known else None) == self.server.uid, order
        assert [d.uid for d in self.store.wanting(REF)] == ([self.server.uid] if self.server.uid else [])

    def hear(self, _: str) -> None:
        if not self.server.unheard:
            return
        what, uid, version = self.server.unheard.pop(0)
        if what == "delete":
            self.gone.add(uid)
            self.store.remove(REF, uid)
        else:
            self.store.apply(entry(uid, version))

    def relist(self, _: str) -> None:
        """The watch broke off; a new list takes its place, and definitions that it lacks are requested by
        name.
        """
        self.gone |= {uid for what, uid, _ in self.server.unheard if what == "delete"}
        self.server.unheard.clear()
        if self.server.uid:
            self.store.apply(entry(self.server.uid, self.server.version))
        known = self.store.get(REF)
        self.store.listed()
        if known and known.definition.uid != self.server.uid:
            self.store.drop(REF, known.definition.uid)

    def status(self, uid: str) -> None:
        """Our PUT arrives: it is refused unless it is about the very object that is there."""
        if self.server.uid == uid:
            self.server.do("change", uid)
            self.answer = entry(uid, self.server.version)

    def reply(self, _: str) -> None:
        if self.answer:
            self.store.update(self.answer)

    def ask(self, _: str) -> None:
        self.losses = self.store.losses()
        self.answer = entry(self.server.uid, self.server.version) if self.server.uid else None

    def told(self, _: str) -> None:
        if self.answer:
            self.store.learn(self.answer, self.losses)


LIFE = [("delete", "first"), ("create", "second"), ("delete", "second")]
CALLS = {"status": [("status", "first"), ("reply", "")], "question": [("ask", ""), ("told", "")]}
EARS = {"watch": [("hear", "")] * 3, "list": [("hear", ""), ("relist", "")]}


@pytest.mark.parametrize("life", [LIFE[:1], LIFE[:2], LIFE], ids=["deleted", "replaced", "replaced, deleted"])
@pytest.mark.parametrize("ear", EARS)
@pytest.mark.parametrize("call", CALLS)
def test_no_reply_brings_a_deleted_definition_back(life: list[Step], ear: str, call: str) -> None:
    played = 0
    for order in orders(life, EARS[ear], CALLS[call]):
        Definitions().play(order)
        played += 1
    assert played >= 10


def test_a_reply_about_a_definition_that_is_not_known_puts_nothing_in_however_many_went_before() -> None:
    store = DefinitionStore()
    store.apply(entry("first", 10))
    store.remove(REF, "first")
    for number in range(300):
        other = a_definition(f"other-{number}")
        store.apply(DefinitionEntry(other, "11", None))
        store.remove(other.ref, other.uid)

    assert not store.update(entry("first", 12))
    assert store.get(REF) is None


def test_a_reply_about_another_uid_than_the_known_one_changes_and_drops_nothing() -> None:
    store = DefinitionStore()
    store.apply(entry("second", 11))
    store.drop(REF, "first")

    assert not store.update(entry("first", 12))
    assert store.get(REF) == entry("second", 11)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────


def secret(uid: str, version: int) -> ObservedSecret:
    return observed(version=str(version), uid=uid)


@dataclass
class Secrets:
    """Plays an order of steps against a SecretStore: a create of ours, and what others do to what it made."""

    store: SecretStore = field(default_factory=SecretStore)
    server: Server = field(default_factory=lambda: Server(uid=None))
    told: list[str] = field(default_factory=list)
    replies: dict[str, ObservedSecret | None] = field(default_factory=dict)

    def play(self, order: list[Step]) -> None:
        for what, uid in order:
            self.step(what)(uid)
        while self.server.unheard:
            self.hear("")
        known = self.store.get(REF)
        assert (known.uid if known else None) == self.server.uid, order

    def step(self, what: str) -> Callable[[str], None]:
        steps = {"begin": self.begin, "post": self.post, "end": self.end, "hear": self.hear}
        steps |= {"relist": self.relist, "delete": self.delete, "create": self.create}
        return steps[what]

    def begin(self, _: str) -> None:
        self.store.begin_write(REF)

    def post(self, uid: str) -> None:
        """Our POST arrives: it is refused where a Secret is."""
        self.replies[uid] = None
        if self.server.uid is None:
            self.server.do("create", uid)
            self.replies[uid] = secret(uid, self.server.version)

    def end(self, uid: str) -> None:
        self.store.end_write(REF, self.replies[uid])

    def delete(self, _: str) -> None:
        if self.server.uid is not None:
            self.server.do("delete", self.server.uid)

    def create(self, uid: str) -> None:
        if self.server.uid is None:
            self.server.do("create", uid)

    def hear(self, _: str) -> None:
        if self.server.unheard:
            what, uid, version = self.server.unheard.pop(0)
            self.store.hear(
                secret(uid, version), lambda seen: self.told.append(seen.uid), gone=what == "delete"
            )

    def relist(self, _: str) -> None:
        self.server.unheard.clear()
        found = [secret(self.server.uid, self.server.version)] if self.server.uid else []
        self.store.replace_all(found, None, str(self.server.version))


WRITE = [("begin", ""), ("post", "ours"), ("end", "ours")]
AGAIN = [("begin", ""), ("post", "again"), ("end", "again")]
OTHERS = [("delete", ""), ("create", "theirs"), ("delete", "")]


@pytest.mark.parametrize("others", [OTHERS[:1], OTHERS[:2], OTHERS], ids=["deleted", "replaced", "both"])
@pytest.mark.parametrize("ear", EARS)
def test_no_reply_to_a_write_brings_a_deleted_secret_back(others: list[Step], ear: str) -> None:
    for order in orders(WRITE, others, EARS[ear]):
        Secrets().play(order)


@pytest.mark.parametrize("ear", [[("hear", "")] * 2, [("relist", "")]], ids=["watch", "list"])
def test_a_late_reply_to_one_of_two_writes_does_not_bring_a_secret_back(ear: list[Step]) -> None:
    for order in orders(WRITE, AGAIN, OTHERS[:1], ear):
        Secrets().play(order)


def test_the_reply_to_a_create_puts_the_secret_in_where_nothing_was_heard_yet() -> None:
    store = SecretStore()
    store.replace_all([], None, "10")
    store.begin_write(REF)
    store.end_write(REF, secret("ours", 11))

    assert store.get(REF) == secret("ours", 11)


def test_the_reply_to_a_create_puts_nothing_in_where_a_newer_list_lacks_the_secret() -> None:
    store = SecretStore()
    store.begin_write(REF)
    store.replace_all([], "shop", "12")
    store.end_write(REF, secret("ours", 11))

    assert store.get(REF) is None
