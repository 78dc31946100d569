"""The commands as people run them: programs of their own, with a person's rights, on a real cluster.

docs/commands.md shows what they answer; here are rights, watches, signals and values that must not show.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.integration.world import World, grant
from tests.testbed.binaries import program
from tests.testbed.cluster import ServiceAccount
from tests.testbed.daemon import DaemonProcess, base_environment
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

STORED = {"a": "canary-value-of-a", "b": "canary-value-of-b"}
PATIENCE = 60.0
_VIEWER = yaml.safe_load((ROOT / "config/rbac/people/viewer.yaml").read_text(encoding="utf-8"))["rules"]
_EDITOR = yaml.safe_load((ROOT / "config/rbac/people/editor.yaml").read_text(encoding="utf-8"))["rules"]


class Person:
    """Somebody with an account; every output is kept."""

    def __init__(self, world: World, account: ServiceAccount, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._environ = {
            **base_environment(),
            "KUBECONFIG": str(account.kubeconfig),
            "VAULT_ROLE_ID": world.environ["VAULT_ROLE_ID"],
            "VAULT_SECRET_ID": world.environ["VAULT_SECRET_ID"],
        }
        self._folder = folder
        self.said: list[str] = []

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self._command(words), **self._options(), stdout=subprocess.PIPE, check=False, timeout=PATIENCE
        )
        self.said.append(done.stdout + done.stderr)
        return done

    def kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl, which finds the plug-in beside this Python."""
        options = self._options()
        path = f"{Path(sys.prefix) / 'bin'}:{options['env']['PATH']}"
        options = {**options, "env": {**options["env"], "PATH": path}}
        command = [str(program("kubectl")), *words]
        return subprocess.run(command, **options, stdout=subprocess.PIPE, check=False, timeout=PATIENCE)

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on; ended and closed at the end."""
        with subprocess.Popen(self._command(words), **self._options(), stdout=subprocess.PIPE) as process:
            try:
                yield process
            finally:
                process.kill()

    def json(self, *words: str) -> Any:
        """What a command answers in JSON."""
        return json.loads(self.run(*words, "-o", "json").stdout)

    def _command(self, words: tuple[str, ...]) -> list[str]:
        word, *rest = words
        where = [] if "-n" in rest else ["-n", self.namespace]
        return [sys.executable, "-m", "secrets_manager", word, *where, *rest]

    def _options(self) -> Mapping[str, Any]:
        return {"stderr": subprocess.PIPE, "text": True, "env": self._environ, "cwd": self._folder}


def person(world: World, place: str, name: str, rules: Any, folder: Path) -> Person:
    account = world.cluster.service_account(place, name)
    grant(world.cluster, account, place, rules)
    return Person(world, account, place, folder)


@pytest.fixture(scope="module")
def viewer(
    world: World, place: str, polling_daemon: DaemonProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    """Somebody who may read definitions and nothing else, while a daemon runs."""
    made = person(world, place, "viewer", _VIEWER, tmp_path_factory.mktemp("viewer"))
    yield made
    assert "canary" not in "".join(made.said)


@pytest.fixture(scope="module")
def editor(
    world: World, place: str, polling_daemon: DaemonProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    """Somebody who may change definitions and read Secrets and Events."""
    reads = {"apiGroups": [""], "resources": ["secrets", "events"], "verbs": ["get", "list"]}
    made = person(world, place, "editor", [*_EDITOR, reads], tmp_path_factory.mktemp("editor"))
    yield made
    assert "canary" not in "".join(made.said)


def defined(world: World, place: str, name: str) -> str:
    world.define(place, name, world.keys("a", "b"), secret=f"{name}-secret")
    world.wait_reason(place, name, "Synced")
    return name


def test_who_may_only_read_definitions_gets_all_but_what_the_secret_says(
    world: World, place: str, viewer: Person
) -> None:
    defined(world, place, "seen")

    (line,) = viewer.json("status", "seen")["definitions"]
    explained = viewer.run("explain", "seen")

    assert (line["ready"], line["reason"], line["lastChange"]) == ("True", "Synced", None)
    assert line["sources"][0]["version"] == "1"
    assert explained.returncode == 0
    assert "Nothing is known of the Secret itself: RBAC does not grant you the verb 'get'" in explained.stdout
    assert viewer.run("status").returncode == 0


def test_what_one_may_not_do_is_a_sentence_and_exit_code_3(world: World, place: str, viewer: Person) -> None:
    defined(world, place, "kept")

    for words in (("suspend", "kept"), ("sync", "kept"), ("status", "-n", "default")):
        done = viewer.run(*words)
        assert done.returncode == 3
        assert done.stderr.count("\n") == 1
        assert "RBAC does not grant you the verb" in done.stderr
    assert "suspend" not in world.found(place, "kept")["spec"]


def test_who_may_read_the_secret_learns_of_its_change_keys_and_writers(
    world: World, place: str, editor: Person
) -> None:
    defined(world, place, "told")

    (line,) = editor.json("status", "told")["definitions"]
    said = {each["about"]: each["sentences"] for each in editor.json("explain", "told")["sections"]}

    assert line["lastChange"] is not None
    assert "Its ownerReference names this definition." in said["Whose the Secret is"]
    assert "'secrets-manager' wrote keys a, b." in said["Whose the Secret is"]
    assert any("Created" in event for event in said["Events"])


def test_a_sync_is_answered_by_the_daemon_with_a_read(world: World, place: str, editor: Person) -> None:
    """The poll of each second would hide it, so the definition asks for one an hour."""
    world.write("slow", a="1")
    world.define(place, "synced", world.keys("a", of="slow"), secret="synced-secret")
    world.change(place, "synced", {"spec": {"refreshPeriod": "1h"}})
    world.wait_reason(place, "synced", "Synced")
    world.write("slow", a="2")

    done = editor.run("sync", "synced", "--wait")

    assert (done.returncode, done.stdout) == (0, f"{place}/synced: done, and it is in step: Synced\n")
    assert world.data(place, "synced-secret") == {"a": "2"}
    # Nothing changed since, and it is answered all the same.
    assert editor.run("sync", "synced", "--wait").returncode == 0


def test_a_suspended_definition_keeps_its_secret_until_it_is_resumed(
    world: World, place: str, editor: Person
) -> None:
    defined(world, place, "resting")

    assert editor.run("suspend", "resting").returncode == 0
    world.wait_reason(place, "resting", "Suspended")
    assert editor.run("sync", "resting").returncode == 1
    assert editor.run("resume", "resting").returncode == 0
    world.wait_reason(place, "resting", "Synced")


def test_a_watch_tells_changes_as_lines_and_ends_at_ctrl_c_without_a_traceback(
    world: World, place: str, viewer: Person
) -> None:
    defined(world, place, "watched")
    seen: list[dict[str, Any]] = []
    with viewer.started("status", "watched", "--watch", "-o", "json") as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        lines = watching.stdout
        reader = threading.Thread(target=lambda: seen.extend(json.loads(line) for line in lines))
        reader.start()
        wait_until(lambda: seen, PATIENCE, "what there is")
        world.change(place, "watched", {"spec": {"suspend": True}})
        wait_until(lambda: seen[-1]["definition"]["reason"] == "Suspended", PATIENCE, "the change")
        world.cluster.kubectl("delete", "sd", "watched", "-n", place, "--wait=false")
        wait_until(lambda: seen[-1]["change"] == "deleted", PATIENCE, "the deletion")
        watching.send_signal(signal.SIGINT)
        reader.join(PATIENCE)

        assert watching.wait(PATIENCE) == 130
        assert "Traceback" not in watching.stderr.read()
    assert seen[0]["change"] == "found"


def test_a_reader_that_has_seen_enough_ends_a_watch_quietly(world: World, place: str, viewer: Person) -> None:
    defined(world, place, "piped")
    periods = itertools.count(1)
    with viewer.started("status", "--watch", "piped", "-o", "json") as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        watching.stdout.readline()
        watching.stdout.close()

        def ended() -> bool:
            world.change(place, "piped", {"spec": {"refreshPeriod": f"{next(periods)}s"}})
            return watching.poll() is not None

        wait_until(ended, PATIENCE, "its end", 0.5)

        assert watching.returncode == 141
        assert watching.stderr.read() == ""


def test_the_status_page_of_a_daemon_is_asked_for_what_only_the_daemon_knows(
    world: World, place: str, viewer: Person
) -> None:
    elsewhere = world.cluster.create_namespace()
    address = f"127.0.0.1:{free_port()}"
    world.define(elsewhere, "asked", world.keys("a"), secret="asked-secret")
    with world.daemon(f"-status-addr={address}", f"-watch-namespaces={elsewhere}") as daemon:
        daemon.wait_ready()
        world.wait_reason(elsewhere, "asked", "Synced")
        told = viewer.run("status", "--from", f"http://{address}", "-n", elsewhere)
        data = viewer.json("status", "--from", f"http://{address}", "-n", elsewhere)
    world.cluster.delete_namespace(elsewhere)

    assert told.returncode == 0
    assert "backend default (vault): logged in" in told.stdout
    assert data["definitions"][0]["nextPoll"] is not None
    assert data["queue"] is not None


def test_kubectl_runs_the_plug_in_and_completes_names_from_the_cluster(
    world: World, place: str, viewer: Person
) -> None:
    defined(world, place, "completed")

    ran = viewer.kubectl("secrets-manager", "status", "-n", place, "completed")
    offered = viewer.kubectl("__complete", "secrets-manager", "explain", "-n", place, "compl")

    assert (ran.returncode, "1 definition: 1 ready" in ran.stdout) == (0, True)
    assert offered.stdout.split() == ["completed", ":4"]


def test_no_command_says_a_value_a_token_or_a_credential(world: World, place: str, editor: Person) -> None:
    defined(world, place, "shown")
    flags = ("--", f"-vault.url={world.openbao.url}", "-policy.paths=secret/data/*")
    told = [
        editor.run("explain", "shown", *flags),
        *(editor.run("status", "-o", form) for form in ("text", "wide", "json", "yaml")),
        *(editor.run("explain", "shown", "-o", form) for form in ("text", "json", "yaml")),
        editor.run("sync", "shown", "-o", "yaml"),
    ]
    said = "".join(done.stdout + done.stderr for done in told)

    assert "Path" in said
    for hidden in (*STORED.values(), world.environ["VAULT_SECRET_ID"], "Bearer"):
        assert hidden not in said
