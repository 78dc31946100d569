"""A process that hardened itself, looked at from inside and outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from secrets_manager.daemon import hardening
from secrets_manager.daemon.option_kinds import OPTIONAL_TEXT, TEXT
from secrets_manager.daemon.options import OPTIONS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl and /proc are Linux")

CANARY = "canary-4711"
NAMES = {
    "VAULT_ROLE_ID": f"{CANARY}-role",
    "VAULT_SECRET_ID": f"{CANARY}-secret",
    "VAULT_TOKEN": f"{CANARY}-token",
    "AZURE_CLIENT_SECRET": f"{CANARY}-azure",
    "SECRETS_MANAGER_AZURE_KV__CLIENT_SECRET": f"{CANARY}-own",
}
PROGRAM = """
import ctypes, json, os, resource, subprocess, sys
from pathlib import Path
from secrets_manager.daemon.hardening import harden

def seen():
    return {
        "names": sorted(os.environ),
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "environ": Path("/proc/self/environ").read_text() if readable("environ") else "",
        "cmdline": Path("/proc/self/cmdline").read_text(),
        "fds": len(os.listdir("/proc/self/fd")),
        "child": subprocess.run(["env"], capture_output=True, text=True).stdout,
        "argv": sys.argv[1:],
    }

def readable(name):
    return os.access(f"/proc/self/{name}", os.R_OK)

before = seen()
harden(sys.argv[1:], os.environ)
print(json.dumps([before, seen()]))
"""


def run(*argv: str, **names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a process sees of itself before and after."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ = {"BEFORE": "1", **kept, **names, "OTHER": f"{CANARY}-left", "LAST": "x"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    before, after = json.loads(done.stdout)
    return before, after


def test_a_hardened_process_leaves_no_core_and_lets_nobody_attach() -> None:
    before, after = run()

    assert before["dumpable"] == 1
    assert after["dumpable"] == 0
    assert after["core"] == [0, 0]


def test_it_can_still_count_its_own_files() -> None:
    before, after = run()

    assert after["fds"] == before["fds"]


def test_credentials_are_gone_from_the_environment_for_it_and_its_children() -> None:
    before, after = run(**NAMES)

    assert set(NAMES) <= set(before["names"])
    assert set(NAMES).isdisjoint(after["names"])
    assert f"{CANARY}-role" in before["child"]
    assert all(value not in after["child"] for value in NAMES.values())


def test_what_the_kernel_shows_of_the_start_holds_no_credential() -> None:
    before, after = run(
        "-vault.role-id", f"{CANARY}-flag", f"--vault.secret-id={CANARY}-flag-secret", "-workers=2", **NAMES
    )

    if before["environ"]:
        assert f"VAULT_SECRET_ID={CANARY}-secret\0" in before["environ"]
    assert f"{CANARY}-flag-secret" in before["cmdline"]
    shown = after["environ"] + after["cmdline"]
    assert [value for value in NAMES.values() if value in shown] == []
    assert f"{CANARY}-flag" not in shown
    assert "-workers=2" in shown
    # The rest is as it was, and so is what the process itself knows of it.
    if after["environ"]:
        assert f"OTHER={CANARY}-left\0" in after["environ"]
    assert after["argv"] == before["argv"]


def test_a_credential_is_found_as_a_whole_value_only() -> None:
    block = b"prog\0-x=abc\0abc\0abcd\0A=abc\0B=xabc\0"

    assert list(hardening._occurrences(block, b"abc")) == [8, 12, 23]


def test_every_secret_option_is_one_whose_traces_are_removed() -> None:
    # A proxy's address may hold a password, and others in the process need it: plugins of a kubeconfig.
    secret = {option.name for option in OPTIONS if option.secret and not option.name.endswith("-proxy")}

    assert secret <= set(hardening.CREDENTIALS)
    kinds = {option.kind for option in OPTIONS if option.name in hardening.CREDENTIALS}
    assert kinds <= {TEXT, OPTIONAL_TEXT}


def test_what_cannot_be_had_is_told_and_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise PermissionError("no")

    hardening._attempt("forbid attaching", refuse)

    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "the process could not be hardened")
    assert (record.__dict__["step"], record.__dict__["reason"]) == ("forbid attaching", "PermissionError")
