"""A kubeconfig's exec plugin: a program that provides the daemon's identity, run as client-go runs it.

The protocol is ExecCredential of client.authentication.k8s.io. The program is foreign: its time and its
output are bounded; it gets the environment that the user gave the daemon, no terminal and none of our files.
Its standard error is counted, and shown at debug level only, since it may hold anything.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from secrets_manager.domain.errors import ConfigError

PLUGIN_SECONDS = 30.0

_MOST_OUTPUT = 1024 * 1024
_MOST_SHOWN = 2000
_LOOK_SECONDS = 0.05
_PIECE = 64 * 1024
_VERSIONS = re.compile(r"client\.authentication\.k8s\.io/v1(?:beta1)?")
# The user in an address; the text behind a word for a secret; and any long text without a blank, a little
# longer if it has only small letters, as words and names of hosts do.
_LIKE_A_SECRET = re.compile(
    r"(?<=://)[^\s/@]*@"
    r"|(?i:(?<=pass)|(?<=password)|(?<=passwd)|(?<=secret)|(?<=token)|(?<=key)|(?<=bearer)|(?<=basic))"
    r"(?:[\"']?\s*[=:]\s*[\"']?|\s+)(?=[^\s\"']*[^\sa-z\"'])[^\s\"',;]+"
    r"|(?=[a-z./_-]*[^\sa-z./_-])[\w+/=.~%|!$*-]{16,}"
    r"|(?<![\w/.-])[a-z_/-]{20,}"
)

log = logging.getLogger("cluster.api")

# Adding to and discarding from a set are atomic in CPython.
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCall:
    """How to run a plugin.

    Attributes:
        command: the program, a path or a name that is found in PATH.
        arguments: its arguments. Hidden, as the environment is.
        environment: all of its environment. Hidden: it may hold credentials.
        folder: the folder that it runs in, that of the kubeconfig.
        version: the apiVersion that it has to answer in.
        hint: the kubeconfig's hint for people who have not installed it.

    """

    command: str
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(repr=False)
    folder: str
    version: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginAnswer:
    """The identity: a token, a certificate with its key as PEM, or both; all hidden."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: datetime | None = None


@dataclass(slots=True)
class _Ended:
    code: int | None
    # What it wrote is the identity, or may quote it.
    out: bytearray = field(default_factory=bytearray, repr=False)
    complaint: bytearray = field(default_factory=bytearray, repr=False)
    size: int = 0
    lines: int = 0

    def said(self) -> str:
        return f"it wrote {self.lines} lines, {self.size} bytes, to its standard error"


def plugin_call(
    spec: Mapping[str, Any], cluster: Mapping[str, Any], folder: str, environ: Mapping[str, str]
) -> PluginCall:
    """How the ``exec`` of a kubeconfig's user is run; raises ConfigError.

    ``cluster`` is what the plugin may know of the server, ``environ`` the user's environment.
    """
    command, version = spec.get("command"), spec.get("apiVersion")
    if not isinstance(command, str) or not command:
        raise ConfigError("its exec plugin has no command")
    if not isinstance(version, str) or not _VERSIONS.fullmatch(version):
        raise ConfigError(
            f"the apiVersion of its exec plugin {command!r} is neither client.authentication.k8s.io/v1 "
            "nor v1beta1"
        )
    if spec.get("interactiveMode") == "Always":
        raise ConfigError(
            f"its exec plugin {command!r} needs a terminal (interactiveMode: Always), and the daemon has none"
        )
    info: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if spec.get("provideClusterInfo"):
        info["spec"]["cluster"] = dict(cluster)
    # As Go reads it, a value that is left out or null is an empty one.
    given = {str(each["name"]): str(each.get("value") or "") for each in spec.get("env") or ()}
    path = str(Path(folder, command)) if os.sep in command else command
    return PluginCall(
        command=path,
        arguments=tuple(str(each) for each in spec.get("args") or ()),
        environment={**environ, **given, "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()},
        folder=folder,
        version=version,
        hint=str(spec.get("installHint") or ""),
    )


def run_plugin(call: PluginCall, seconds: float = PLUGIN_SECONDS) -> PluginAnswer:
    """Run the plugin, ``seconds`` at most; raises ConfigError, which quotes nothing of its output."""
    ended = _run(call, seconds)
    if ended.complaint:
        log.debug(
            "standard error of the plugin",
            extra={"plugin": call.command, "text": _shown(bytes(ended.complaint))},
        )
    name = f"its exec plugin returned no credentials: {call.command!r}"
    if ended.code is None:
        raise ConfigError(f"{name} did not end within {seconds:.3g} s and was killed; {ended.said()}")
    if len(ended.out) > _MOST_OUTPUT:
        raise ConfigError(f"{name} wrote more than {_MOST_OUTPUT} bytes")
    if ended.code:
        how = f"exit code {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
        raise ConfigError(f"{name} ended with {how}; {ended.said()} (shown at log level debug)")
    try:
        return _answer(bytes(ended.out), call.version)
    except ValueError as error:
        raise ConfigError(f"{name} returned an invalid answer: {error}; {ended.said()}") from None


def end_plugins() -> None:
    """Kill running plugins: nothing waits for their answers any more."""
    for process in tuple(_running):
        _kill_group(process)


def _run(call: PluginCall, seconds: float) -> _Ended:
    ends_at = time.monotonic() + seconds
    try:
        process = subprocess.Popen(  # noqa: S603 - the program that the kubeconfig names
            [call.command, *call.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=call.folder or None,
            env=dict(call.environment),
            close_fds=True,
            # A group of its own, so that programs that it started end with it.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (
            error.strerror
            if isinstance(error, OSError)
            else "its name or environment has a NUL, or a name in it has a ="
        )
        missing = call.hint and isinstance(error, FileNotFoundError)
        hint = f"; the kubeconfig says: {call.hint[:500]}" if missing else ""
        raise ConfigError(
            f"its exec plugin returned no credentials: {call.command!r} cannot be run: {reason}{hint}"
        ) from None
    with process:
        ended = _Ended(None)
        _running.add(process)
        try:
            _listen(process, ended, ends_at)
            if len(ended.out) <= _MOST_OUTPUT:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    ended.code = process.wait(max(0.0, ends_at - time.monotonic()))
        finally:
            _running.discard(process)
            if process.poll() is None:
                _kill_group(process)
                process.wait()
                ended.code = None if len(ended.out) <= _MOST_OUTPUT else -signal.SIGKILL
        return ended


def _listen(process: subprocess.Popen[bytes], ended: _Ended, ends_at: float) -> None:
    """Read both outputs until they end, or until the program has ended and writes no more."""
    with selectors.DefaultSelector() as selector:
        for opened in (process.stdout, process.stderr):
            if opened is not None:
                selector.register(opened, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < ends_at and len(ended.out) <= _MOST_OUTPUT:
            # Programs that it started may hold its outputs open long after its own end.
            over = process.poll() is not None
            ready = selector.select(0.0 if over else _LOOK_SECONDS)
            if over and not ready:
                return
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    ended.out += piece
                else:
                    ended.size += len(piece)
                    ended.lines += piece.count(b"\n")
                    ended.complaint += piece[: max(0, 2 * _MOST_SHOWN - len(ended.complaint))]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _answer(out: bytes, version: str) -> PluginAnswer:
    """The plugin's answer; raises ValueError, which quotes nothing of it."""
    try:
        said = orjson.loads(out)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(said, dict) or said.get("kind") != "ExecCredential":
        raise ValueError("it is not an ExecCredential")
    if said.get("apiVersion") != version:
        raise ValueError(f"its apiVersion is not {version}")
    status = said.get("status")
    fields = status if isinstance(status, dict) else {}
    texts = [fields.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its credentials are not strings")
    token, certificate, key = texts
    if bool(certificate) != bool(key):
        raise ValueError("it has a certificate without its key, or a key without its certificate")
    if not token and not certificate:
        raise ValueError("it has neither a token nor a certificate")
    return PluginAnswer(token=token, certificate=certificate, key=key, expires=_instant(fields))


def _instant(fields: Mapping[str, Any]) -> datetime | None:
    text = fields.get("expirationTimestamp")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError("its expirationTimestamp is not a time") from None
    if found.tzinfo is None:
        raise ValueError("its expirationTimestamp has no time zone")
    return found


def _shown(text: bytes) -> str:
    return _LIKE_A_SECRET.sub("[redacted]", text.decode("utf-8", "replace"))[:_MOST_SHOWN]
