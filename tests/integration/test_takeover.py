"""``migrate apply``, ``--finish`` and ``back`` on real servers, with the garbage collector and a daemon.

A watch sees every state of every Secret: none may be gone, empty or have other data, wherever a command was
killed.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.commands import cluster as cluster_module
from tests.integration.commands_support import Done, command, write_manifests
from tests.integration.old_operator import (
    MANAGED,
    OldOperator,
    external_secret,
    external_secrets,
    install_kind,
    remove_kind,
)
from tests.integration.world import MARK, PATIENCE, Json, World, definition, new_world, raw_secret
from tests.testbed.cluster import ServiceAccount, TestCluster
from tests.testbed.kube_api import KubeApi, definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CANARY = "canary-8e02"
STORED = {"a": CANARY, "b": f"{CANARY}-b"}
INTERRUPTED = 130


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """With the kind of the other operator, which the garbage collector learns of within half a minute."""
    install_kind(definitions_api)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("takeover")) as made:
        made.write("app", **STORED)
        yield made
    remove_kind(definitions_api)


@pytest.fixture(scope="module")
def daemon(world: World, place: str) -> Iterator[None]:
    """A daemon that works in `place` alone."""
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={place}") as running:
        running.wait_ready()
        yield


@dataclass(slots=True)
class Watched:
    """Every state of the Secrets of a namespace, against what they must hold all the time."""

    api: KubeApi
    namespace: str
    data: dict[str, dict[str, str]]
    seen: int = 0
    faults: list[str] = field(default_factory=list)
    uids: dict[str, str] = field(default_factory=dict)

    def look(self, event: Json) -> None:
        found = event["object"]
        name = found["metadata"]["name"]
        if name not in self.data:
            return
        self.seen += 1
        data = {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}
        uid = self.uids.setdefault(name, found["metadata"]["uid"])
        if event["type"] == "DELETED":
            self.faults.append(f"{name} was deleted")
        elif data != self.data[name]:
            self.faults.append(f"{name} has other data")
        elif uid != found["metadata"]["uid"]:
            self.faults.append(f"{name} was made anew")


@contextmanager
def watching(api: KubeApi, namespace: str, data: dict[str, dict[str, str]]) -> Iterator[Watched]:
    """Watch until the end, and fail then if a Secret was not as it has to be."""
    watched = Watched(api, namespace, data)
    with api.watch(secrets(namespace)) as events:

        def follow() -> None:
            try:
                for event in events:
                    watched.look(event)
                    if event["object"]["metadata"]["name"] == "last":
                        return
            except Exception as error:  # noqa: BLE001 - a thread that ends without a word proves nothing
                watched.faults.append(f"the watch ended: {type(error).__name__}")

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        yield watched
        # What comes after everything else shows that all was seen.
        api.post(secrets(namespace), {"metadata": {"name": "last"}})
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert watched.faults == []
    assert watched.seen


@dataclass(slots=True)
class Scene:
    """A namespace in which the other operator keeps Secrets, and the files of a plan."""

    world: World
    namespace: str
    files: str
    kubeconfig: Path
    monkeypatch: pytest.MonkeyPatch

    def migrate(self, *words: str) -> tuple[Done, dict[str, Json]]:
        """Run it; the answer is by the name of the definition."""
        as_user = {"KUBECONFIG": str(self.kubeconfig)}
        done = command(self.world, "migrate", *words, "-f", self.files, "-o", "json", **as_user)
        assert CANARY not in done.stdout + done.stderr
        assert base64.b64encode(CANARY.encode()).decode()[:8] not in done.stdout + done.stderr
        found = json.loads(done.stdout)["definitions"] if done.stdout else []
        return done, {each["name"]: each for each in found}

    def killed_at_each_step(self, *words: str) -> tuple[int, dict[str, Json]]:
        """Run it again and again, killed before or after its first write, until nothing is left to write."""
        kills = 0
        while True:
            with self.killed(writes=kills % 2):
                done, found = self.migrate(*words)
            if done.returncode != INTERRUPTED:
                assert done.returncode == 0, done.stdout + done.stderr
                return kills, found
            kills += 1
            assert kills < 60

    @contextmanager
    def killed(self, *, writes: int) -> Iterator[None]:
        """A command is interrupted right after so many writes, or before its first where that is 0."""
        with self.monkeypatch.context() as patch:
            patch.setattr(cluster_module, "HttpKubernetesApi", _killing(writes))
            yield

    def secret(self, name: str) -> Json:
        return self.world.secret(self.namespace, name)

    def marks(self, name: str) -> Json:
        metadata = self.secret(name)["metadata"]
        names = ("labels", "annotations", "ownerReferences", "uid")
        return {name: metadata.get(name) for name in names}

    def owners(self, name: str) -> list[str]:
        return [each["kind"] for each in self.secret(name)["metadata"].get("ownerReferences", [])]


def _killing(writes: int) -> Callable[..., HttpKubernetesApi]:
    made = 0

    class Killed(HttpKubernetesApi):
        """Is interrupted at a write."""

        def _json(self, method: str, *args: Any, **options: Any) -> Any:
            nonlocal made
            if method == "GET":
                return super()._json(method, *args, **options)
            if not writes:
                raise KeyboardInterrupt
            answer = super()._json(method, *args, **options)
            made += 1
            if made == writes:
                raise KeyboardInterrupt
            return answer

    return Killed


@contextmanager
def kept_by_others(world: World, namespace: str, *names: str) -> Iterator[None]:
    """Secrets of these names, which the other operator keeps; the watch must see no change of them."""
    api = world.cluster.api
    with OldOperator(api, namespace, STORED):
        for name in names:
            api.post(external_secrets(namespace), external_secret(name))
        wait_until(lambda: all(_is_marked(api, namespace, name) for name in names), PATIENCE, "the Secrets")
        with watching(api, namespace, dict.fromkeys(names, STORED)):
            yield
    api.delete(secrets(namespace, "last"))
    for each in api.list(external_secrets(namespace)):
        # Nobody is left who would take the finalizer off.
        path = external_secrets(namespace, each["metadata"]["name"])
        api.patch(path, {"metadata": {"finalizers": None}})
        api.delete(path)


def _is_marked(api: KubeApi, namespace: str, name: str) -> bool:
    found = api.find(secrets(namespace, name))
    return found is not None and found["metadata"].get("labels", {}).get(MANAGED) == "true"


@pytest.fixture(scope="module")
def mover(world: World) -> ServiceAccount:
    """Somebody with the rights that docs/taking-over.md names, and no others."""
    rules = [
        {"apiGroups": [group], "resources": [kind], "verbs": verbs.split()}
        for group, kind, verbs in (
            ("", "secrets", "get patch"),
            ("secrets-manager.tuenti.io", "secretdefinitions", "get create patch delete"),
            ("external-secrets.io", "externalsecrets", "get list patch delete"),
        )
    ]
    return world.cluster.service_account(world.account.namespace, "mover", cluster_rules=rules)


@pytest.fixture
def plan(
    world: World, mover: ServiceAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Scene]:
    """Makes the files of a plan with these definitions."""

    def make(namespace: str, *names: str, keys: tuple[str, ...] = ("a", "b")) -> Scene:
        wanted = [definition(name, world.keys(*keys)) for name in names]
        files = write_manifests(tmp_path, namespace, *wanted)
        return Scene(world, namespace, files, mover.kubeconfig, monkeypatch)

    return make


@pytest.mark.usefixtures("daemon")
def test_secrets_are_handed_over_and_back_and_nobody_sees_it(
    world: World, place: str, plan: Callable[..., Scene]
) -> None:
    api, names = world.cluster.api, ("one", "two")
    scene = plan(place, *names)
    with kept_by_others(world, place, *names):
        before = {name: scene.marks(name) for name in names}

        dry, found = scene.migrate("apply")
        assert (dry.returncode, {each["verdict"] for each in found.values()}) == (0, {"would change"})
        assert api.list(definitions(place)) == []
        assert {name: scene.marks(name) for name in names} == before

        kills, found = scene.killed_at_each_step("apply", "--yes")
        assert kills >= len(names)
        assert {each["verdict"] for each in found.values()} == {"taken over"}
        for name in names:
            assert scene.owners(name) == ["ExternalSecret", "SecretDefinition"]
        assert found["one"]["ofOthers"]["owners"] == ["ExternalSecret one"]
        assert MANAGED in found["one"]["ofOthers"]["labels"]

        kills, found = scene.killed_at_each_step("back", "--yes")
        assert kills >= 3 * len(names)
        assert {each["verdict"] for each in found.values()} == {"handed back"}
        assert api.list(definitions(place)) == []
        assert {name: scene.marks(name) for name in names} == before


@pytest.mark.usefixtures("daemon")
def test_the_objects_of_the_other_operator_go_and_nobody_sees_it(
    world: World, place: str, plan: Callable[..., Scene]
) -> None:
    api, names = world.cluster.api, ("three", "four")
    scene = plan(place, *names)
    with kept_by_others(world, place, *names):
        uids = {name: scene.marks(name)["uid"] for name in names}
        early, found = scene.migrate("apply", "--finish", "--yes")
        assert (early.returncode, {each["verdict"] for each in found.values()}) == (1, {"left alone"})
        assert scene.migrate("apply", "--yes")[0].returncode == 0

        kills, found = scene.killed_at_each_step("apply", "--finish", "--yes")

        assert kills >= 3 * len(names)
        assert {each["verdict"] for each in found.values()} == {"finished"}
        assert [api.find(external_secrets(place, name)) for name in names] == [None, None]
        assert {name: scene.owners(name) for name in names} == {name: ["SecretDefinition"] for name in names}
        assert {name: scene.marks(name)["uid"] for name in names} == uids
        labels = {name: scene.marks(name)["labels"] for name in names}
        assert labels == {name: {"app.kubernetes.io/managed-by": "secrets-manager"} for name in names}
        assert f"{MARK}adopt" not in world.found(place, "three")["metadata"]["annotations"]

        gone, found = scene.migrate("back", "--yes")
        assert gone.returncode == 1
        assert "apply its manifest again" in found["three"]["message"]
        assert scene.owners("three") == ["SecretDefinition"]


@pytest.mark.usefixtures("daemon")
def test_a_half_finished_end_is_undone_by_back(world: World, place: str, plan: Callable[..., Scene]) -> None:
    api = world.cluster.api
    scene = plan(place, "five")
    with kept_by_others(world, place, "five"):
        before = scene.marks("five")
        assert scene.migrate("apply", "--yes")[0].returncode == 0
        # The second write tells the ExternalSecret to let go, and the third would delete it.
        with scene.killed(writes=2):
            assert scene.migrate("apply", "--finish", "--yes")[0].returncode == INTERRUPTED
        target = api.get(external_secrets(place, "five"))["spec"]["target"]
        assert target == {"creationPolicy": "Orphan", "deletionPolicy": "Retain"}

        assert scene.migrate("back", "--yes")[0].returncode == 0

        target = api.get(external_secrets(place, "five"))["spec"]["target"]
        assert target == {"creationPolicy": "Owner", "deletionPolicy": "Delete"}
        assert scene.marks("five") == before


@pytest.mark.usefixtures("daemon")
def test_a_secret_that_would_get_other_data_is_left_alone(
    world: World, place: str, plan: Callable[..., Scene]
) -> None:
    scene = plan(place, "six", keys=("a",))
    with kept_by_others(world, place, "six"):
        left, found = scene.migrate("apply", "--yes")

        assert (left.returncode, found["six"]["verdict"]) == (1, "left alone")
        assert "`migrate verify` names the keys" in found["six"]["message"]
        assert world.cluster.api.find(definitions(place, "six")) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("apply", "--even-if-different", "nobody"), "which is not in the files"),
        (("apply", "--yes", "--dry-run"), "give one of the two"),
        (("back", "--yes", "--dry-run"), "give one of the two"),
        (("back", "--", "-reconcile-period=1s"), "reads no settings"),
    ],
)
def test_what_makes_no_sense_is_refused(
    place: str, plan: Callable[..., Scene], words: tuple[str, ...], says: str
) -> None:
    scene = plan(place, "nine")
    admin = {"KUBECONFIG": str(scene.world.cluster.kubeconfig)}

    done = command(scene.world, "migrate", words[0], "-f", scene.files, *words[1:], **admin)

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_people_read_what_would_be_done(world: World, place: str, plan: Callable[..., Scene]) -> None:
    scene = plan(place, "ten")
    api = world.cluster.api
    api.post(secrets(place), raw_secret("ten", STORED))
    admin = {"KUBECONFIG": str(world.cluster.kubeconfig)}

    done = command(world, "migrate", "apply", "-f", scene.files, **admin)
    other = command(
        world, "migrate", "apply", "-f", scene.files, **admin, SECRETS_MANAGER_WATCH_NAMESPACES="elsewhere"
    )

    assert done.stdout.splitlines() == [
        f"{place}/ten Secret ten: would change: create the definition, so that the daemon adopts the Secret",
        "1 would change",
        "This was a dry run; --yes does it.",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert other.returncode == 1
    assert f"the settings keep the daemon out of namespace {place}" in other.stdout


@pytest.mark.usefixtures("daemon")
def test_a_definition_that_does_not_become_ready_is_taken_away_again(
    world: World, namespace: str, plan: Callable[..., Scene]
) -> None:
    # The daemon does not work in this namespace, and the settings of the command do not say so.
    scene = plan(namespace, "seven")
    with kept_by_others(world, namespace, "seven"):
        before = scene.marks("seven")

        done, found = scene.migrate("apply", "--yes", "--timeout", "1s")
        wait_until(lambda: not world.cluster.api.list(definitions(namespace)), PATIENCE, "no definition")

        assert (done.returncode, found["seven"]["verdict"]) == (1, "went back")
        assert "not Ready in time (the daemon has said nothing of it)" in found["seven"]["message"]
        assert scene.marks("seven") == before
