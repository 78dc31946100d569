"""The demo's steps, in the order in which they are shown.

Each step does something a user would do, waits until its effect is there, and shows it. Knows nothing of how
servers are started.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from demo.daemon import Daemon
from demo.screen import Screen, log_line, sizes
from demo.stage import SAMPLES, Stage, sample_values
from tests.testbed.vault_program import vault_program
from tests.testbed.waiting import wait_until

NAMESPACE = "shop"
_PATIENCE = 60.0
_WORDS_PATIENCE = 5.0
_NOTICEABLE = 0.1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Story:
    """The steps, on a stage where the daemon runs."""

    stage: Stage
    daemon: Daemon
    screen: Screen

    def run(self) -> None:
        """All steps."""
        self.the_daemon_is_ready()
        self.definitions_become_secrets()
        self.a_value_changes()
        self.somebody_edits_a_secret()
        self.a_path_cannot_be_read()
        self.a_definition_is_deleted()

    def the_daemon_is_ready(self) -> None:
        """Show where it answers, and its first words."""
        self.screen.say(f"ready; {self.daemon.url} serves /metrics, /healthz and /readyz")
        self._daemon_says()

    def definitions_become_secrets(self) -> None:
        """Apply the samples and show which definition became which Secret."""
        self.screen.step("Each sample becomes a Secret")
        self._run("kubectl", "create", "namespace", NAMESPACE)
        self._run("kubectl", "apply", "-k", "samples", "-n", NAMESPACE)
        self._timed(self._all_ready, "every definition to be ready", "all are ready")
        self._run("kubectl", "get", "secretdefinitions", "-n", NAMESPACE)
        self.screen.line("")
        rows = [("DEFINITION", "SECRET", "DATA"), *map(self._row, self._definitions())]
        self.screen.table(rows)
        self._daemon_says()

    def a_value_changes(self) -> None:
        """Write a new value and wait for it in the Secret."""
        self.screen.step(f"A value changes in {vault_program().product} and arrives in its Secret")
        before = self._value("third-parties", "mail-api-key")
        self._run("bao", "kv", "put", "-mount=secret", "shop/mail", f"api_key={before}-rotated", quiet=True)
        after = self._timed(
            lambda: self._changed("third-parties", "mail-api-key", before),
            "the new value to arrive",
            "the Secret third-parties has it (each path is read every 5 s, -reconcile-period)",
        )
        self.screen.say(f"mail-api-key was {before!r}, is {after!r}")
        self.screen.say("(made-up values, shown by this demo; the daemon itself never shows one)")
        self._daemon_says("Secret replaced")

    def somebody_edits_a_secret(self) -> None:
        """Delete a Secret behind the daemon's back."""
        self.screen.step("Somebody deletes a Secret by hand, and it is restored")
        before = self._uid("app-settings")
        self._run("kubectl", "delete", "secret", "app-settings", "-n", NAMESPACE)
        self._timed(
            lambda: self._uid("app-settings") not in {"", before},
            "the Secret to be there again",
            "the Secret app-settings is there again",
        )
        self._daemon_says("Secret created")

    def a_path_cannot_be_read(self) -> None:
        """Apply a definition that cannot be served, and see it say why."""
        self.screen.step("A definition that cannot be served says why, and disturbs no other")
        self._run("kubectl", "apply", "-k", "samples/kv1", "-n", NAMESPACE)
        self._timed(
            lambda: self._condition("legacy-settings").get("status") == "False",
            "the definition to say what is wrong",
            "it says what is wrong",
        )
        self._run("kubectl", "get", "secretdefinition", "legacy-settings", "-n", NAMESPACE, "-o", "wide")
        self._daemon_says()

    def a_definition_is_deleted(self) -> None:
        """Delete a definition and see its Secret go."""
        self.screen.step("A definition is deleted, and its Secret goes with it")
        self._run("kubectl", "delete", "secretdefinition", "binary-keystore", "-n", NAMESPACE)
        self._timed(
            lambda: self.stage.secret(NAMESPACE, "binary-keystore") is None,
            "the Secret to be gone",
            "the Secret binary-keystore is gone",
        )
        self._daemon_says("Secret deleted")

    # ── how it is done ───────────────────────────────────────────────────────────────────────────────

    def _run(self, *words: str, quiet: bool = False) -> None:
        self.screen.command(*words)
        said = self.stage.run(*words)
        if not quiet:
            self.screen.say(said)

    def _timed(self, condition: Callable[[], T | None], what: str, then: str) -> T:
        started = time.monotonic()
        result = wait_until(condition, _PATIENCE, what)
        seconds = time.monotonic() - started
        self.screen.say(f"after {seconds:.1f} s: {then}" if seconds >= _NOTICEABLE else f"at once: {then}")
        return result

    def _daemon_says(self, awaited: str = "") -> None:
        """Show the new lines of its log.

        The effect of a change is seen before its log line, so ``awaited`` is waited for; in vain where
        another component was faster, such as the garbage collector.
        """
        new_lines: list[str] = []

        def heard() -> bool:
            new_lines.extend(self.daemon.new_lines())
            return any(awaited in line for line in new_lines) or not awaited

        with contextlib.suppress(AssertionError):
            wait_until(heard, _WORDS_PATIENCE, f"the daemon to say {awaited!r}")
        for line in new_lines:
            self.screen.say(f"daemon | {log_line(line)}")

    def _definitions(self) -> list[dict[str, Any]]:
        return self.stage.definitions(NAMESPACE)

    def _all_ready(self) -> bool:
        return all(map(_is_ready, self._definitions()))

    def _condition(self, name: str) -> dict[str, Any]:
        found = (each for each in self._definitions() if each["metadata"]["name"] == name)
        return _ready_condition(next(found, {}))

    def _row(self, definition: dict[str, Any]) -> tuple[str, str, str]:
        secret = definition["spec"]["name"]
        return (definition["metadata"]["name"], secret, sizes(self.stage.data(NAMESPACE, secret)))

    def _value(self, secret: str, key: str) -> str:
        return self.stage.data(NAMESPACE, secret)[key].decode()

    def _changed(self, secret: str, key: str, before: str) -> str | None:
        value = self._value(secret, key)
        return value if value != before else None

    def _uid(self, secret: str) -> str:
        found = self.stage.secret(NAMESPACE, secret) or {}
        return str(found.get("metadata", {}).get("uid", ""))


def show_seeding(screen: Screen) -> None:
    """Show the names of the values that were written to the backend."""
    rows = [(path, ", ".join(keys)) for path, keys in sample_values().items()]
    screen.table([("PATH", "KEYS"), *rows])
    screen.say(
        f"from {SAMPLES.name}/values.json; the role may read these, by {SAMPLES.name}/vault-policy.hcl"
    )


def _ready_condition(definition: dict[str, Any]) -> dict[str, Any]:
    conditions = definition.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {})


def _is_ready(definition: dict[str, Any]) -> bool:
    return _ready_condition(definition).get("status") == "True"
