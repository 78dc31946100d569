"""Texts that occur nowhere else, planted as secrets, and the search for them in all output of a daemon."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from tests.integration.world import World
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.kube_api import definitions, events

PLACES = [
    "log",
    "output of --once",
    "metrics",
    "probes",
    "command line",
    "environment",
    "Events",
    "definitions",
    "yaml",
    "description",
]


@dataclass(slots=True)
class Flock:
    """Makes canaries and knows every form in which one could be shown."""

    born: dict[str, str] = field(default_factory=dict)

    def make(self, what: str, ending: str = "") -> str:
        """A text that occurs nowhere else."""
        tag = hashlib.sha256(f"{what}/{len(self.born)}".encode()).hexdigest()[:20]
        return self.take(what, f"Canary-{tag}{ending}")

    def take(self, what: str, text: str) -> str:
        """Search for this text too."""
        self.born[what] = text
        return text

    def found_in(self, output: str) -> list[str]:
        """The planted texts that show in the output, with the form they show in; never the text itself."""
        return [
            f"{what} as {form}"
            for what, text in self.born.items()
            for form, shown in forms(text)
            if shown in output
        ]


@dataclass(frozen=True, slots=True)
class Story:
    """What was planted, and all output."""

    flock: Flock
    said: dict[str, str]
    secrets: str = field(repr=False)
    log_lines: list[dict[str, Any]]

    def check(self, place: str) -> None:
        """Raise AssertionError if a planted text shows there, or if there is no output."""
        assert len(self.said[place]) > 20
        assert self.flock.found_in(self.said[place]) == []

    def reasons(self) -> set[str]:
        """The reasons for which something was not in step at some time."""
        return {line["reason"] for line in self.log_lines if line["msg"] == "Secret is out of sync"}


def forms(text: str) -> Iterator[tuple[str, str]]:
    """Every form in which a text could be shown, with its name."""
    raw = text.encode()
    yield "itself", text
    yield "its beginning", text[:16]
    yield "itself backwards", text[::-1]
    yield "a repr", repr(text)[1:-1]
    yield "JSON", json.dumps(text)[1:-1]
    yield "JSON in JSON", json.dumps(json.dumps(text))[3:-3]
    yield "JSON escapes alone", "".join(f"\\u{ord(letter):04x}" for letter in text)
    yield from _base64(raw)
    yield "base64 of base64", base64.b64encode(base64.b64encode(raw)).decode().rstrip("=")[:-1]
    yield "percent signs", quote(text, safe="")
    yield "a form", quote_plus(text)
    yield "percent signs alone", "".join(f"%{byte:02X}" for byte in raw)
    yield "hexadecimal digits", raw.hex()
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, raw).digest()
        yield name, digest.hex()
        yield f"{name} in base64", base64.b64encode(digest).decode().rstrip("=")


def _base64(raw: bytes) -> Iterator[tuple[str, str]]:
    yield "base64", base64.b64encode(raw).decode().rstrip("=")
    yield "base64 for URLs", base64.urlsafe_b64encode(raw).decode().rstrip("=")
    # Within a longer text base64 looks different at each of three offsets; the ends depend on the neighbours.
    for offset in (1, 2):
        yield f"base64 at offset {offset}", base64.b64encode(b"\0" * offset + raw).decode()[4:-4]


def all_that_is_said(world: World, daemon: DaemonProcess, namespace: str) -> dict[str, str]:
    """Everything about one namespace that a daemon lets others see, by place; the log is added later."""
    probes = [
        daemon.fetch(path) for path in ("/healthz", "/readyz", "/healthz?verbose", "/nothing", "/debug/pprof")
    ]
    return {
        "metrics": daemon.metrics(),
        "probes": str(probes),
        "command line": _of_process(daemon, "cmdline"),
        "environment": _of_process(daemon, "environ"),
        "Events": json.dumps(world.cluster.api.list(events(namespace))),
        "definitions": json.dumps(world.cluster.api.list(definitions(namespace))),
        "yaml": world.cluster.kubectl("get", "sd", "-n", namespace, "-o", "yaml"),
        "description": world.cluster.kubectl("describe", "sd", "-n", namespace),
    }


def _of_process(daemon: DaemonProcess, file: str) -> str:
    try:
        return Path(f"/proc/{daemon.pid}/{file}").read_text(encoding="utf-8")
    except PermissionError:
        return "the kernel shows it to root alone"


def once(world: World, environ: dict[str, str], *flags: str) -> str:
    """All output of a run with --once."""
    done = run_once({**world.environ, **environ}, *flags, cwd=world.folder)
    return done.stdout + done.stderr
