"""A process that hardened itself, examined from inside and outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.daemon import hardening
from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl and /proc are Linux")

CANARY = "canary-4711"
NAMES = {
    "VAULT_ROLE_ID": f"{CANARY}-role",
    "VAULT_SECRET_ID": f"{CANARY}-secret",
    "VAULT_TOKEN": f"{CANARY}-token",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws-secret",
    "AWS_SESSION_TOKEN": f"{CANARY}-aws-session",
    "SECRETS_MANAGER_AZURE_KV__CLIENT_SECRET": f"{CANARY}-own",
    "SECRETS_MANAGER_VAULT__HTTPS_PROXY": f"http://user:{CANARY}-password@proxy",
}
PROGRAM = """
import ctypes, json, os, resource, subprocess, sys
from pathlib import Path
from secrets_manager.daemon.config.flags import parse_flags
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.daemon.hardening import harden
from secrets_manager.settings import Settings

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
backend, *argv = sys.argv[1:]
harden(os.environ, Settings(backend=backend, secrets_in_arguments=parse_flags(argv, OPTIONS).secrets))
print(json.dumps([before, seen()]))
"""


def run(*argv: str, backend: str = "vault", **credential_names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a process sees of itself before and after."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ = {"BEFORE": "1", **kept, **credential_names, "OTHER": f"{CANARY}-left", "LAST": "x"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, backend, *argv],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    before, after = json.loads(done.stdout)
    return before, after


def test_a_hardened_process_leaves_no_core_and_no_process_attaches_to_it() -> None:
    before, after = run()

    assert before["dumpable"] == 1
    assert after["dumpable"] == 0
    assert after["core"] == [0, 0]


# Stops the program when it is about to load the first module of its own that is more than the shield.
WATCHED_START = """
import ctypes, runpy, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package == "secrets_manager" and module not in {"", "__main__", "daemon", "daemon.dumpable"}:
            print(name, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
            sys.exit()

sys.meta_path.insert(0, Watch())
runpy.run_module("secrets_manager", run_name="__main__")
"""


def test_no_process_reads_the_daemon_while_it_still_loads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED_START], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split()[1:] == ["0"]


def test_a_hardened_process_can_still_count_its_own_files() -> None:
    before, after = run()

    assert after["fds"] == before["fds"]


def test_credentials_are_removed_from_the_environment_of_the_process_and_its_children() -> None:
    before, after = run(**NAMES)

    assert set(NAMES) <= set(before["names"])
    assert set(NAMES).isdisjoint(after["names"])
    assert f"{CANARY}-role" in before["child"]
    assert all(value not in after["child"] for value in NAMES.values())


@pytest.mark.parametrize(
    ("backend", "left"),
    [
        ("vault", {"AZURE_CLIENT_SECRET", "AZURE_PASSWORD"}),
        (
            "azure-kv",
            {"VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
        ),
    ],
)
def test_environment_names_of_a_backend_that_is_not_used_stay(backend: str, left: set[str]) -> None:
    environ = {**NAMES, "AZURE_CLIENT_SECRET": "canary", "AZURE_PASSWORD": "canary", "PATH": "/bin"}
    for name in hardening.credential_names({backend}, OPTIONS):
        environ.pop(name, None)

    assert set(environ) == left | {"PATH"}


def test_credentials_of_every_backend_with_a_name_are_removed_and_of_no_kind_that_is_not_in_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    removed = {
        "SECRETS_MANAGER_BACKENDS__TEAM_A__ROLE_ID": "r",
        "SECRETS_MANAGER_BACKENDS__TEAM_A__SECRET_ID": CANARY,
        "SECRETS_MANAGER_BACKENDS__TEAM_A__HTTPS_PROXY": f"http://u:{CANARY}@proxy",
        "VAULT_TOKEN": CANARY,
    }
    kept = {
        "SECRETS_MANAGER_BACKENDS__TEAM_A__KIND": "vault",
        "SECRETS_MANAGER_BACKENDS__TEAM_A__URL": "https://v.example",
        "AZURE_CLIENT_SECRET": CANARY,
    }
    environ = {**removed, **kept}
    settings = load([], environ, tmp_path)
    assert isinstance(settings, Settings)
    for step in ("_overwrite", "forbid_attaching"):
        monkeypatch.setattr(hardening, step, lambda *_: None)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)

    hardening.harden(environ, settings)

    assert environ == kept


def test_arguments_and_environment_as_the_kernel_shows_them_hold_no_credential() -> None:
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

    assert list(hardening._occurrences(block, b"abc", set())) == [8, 12, 23]


def test_each_mention_of_a_secret_flag_is_overwritten_though_only_the_last_counts() -> None:
    before, after = run(f"-vault.secret-id={CANARY}-lost", f"-vault.secret-id={CANARY}-won", "-once")

    assert f"{CANARY}-lost" in before["cmdline"]
    assert CANARY not in after["cmdline"]
    assert "-once" in after["cmdline"]


def test_a_proxys_password_is_removed_from_our_flags_and_names_and_stays_in_shared_names() -> None:
    proxy = f"http://user:{CANARY}-password@proxy"
    before, after = run(
        f"-azure-kv.http-proxy={proxy}",
        "-once",
        SECRETS_MANAGER_VAULT__HTTPS_PROXY=proxy,
        HTTPS_PROXY=proxy,
    )

    assert proxy in before["cmdline"]
    assert proxy not in after["cmdline"]
    assert f"HTTPS_PROXY={proxy}\n" in after["child"]
    assert "SECRETS_MANAGER_VAULT__HTTPS_PROXY" not in after["child"]


def test_the_value_of_a_name_that_stays_is_not_overwritten_though_a_credential_is_the_same() -> None:
    block = b"prog\0-x=abc\0GONE=abc\0KEPT=abc\0KEPT=abc=abc\0"

    assert list(hardening._occurrences(block, b"abc", {b"KEPT"})) == [8, 17, 39]


def test_the_names_that_are_removed_are_those_of_every_secret_option() -> None:
    secret = {
        "vault.role-id",
        "vault.secret-id",
        "vault.password",
        "vault.aws-secret-access-key",
        "vault.aws-session-token",
        "vault.http-proxy",
        "vault.https-proxy",
        "azure-kv.client-secret",
        "azure-kv.http-proxy",
        "azure-kv.https-proxy",
    }

    assert {option.name for option in OPTIONS if option.secret} == secret
    assert {OPTIONS.by_name[name].environment for name in secret} <= set(
        hardening.credential_names({"vault"}, OPTIONS)
    )


def test_a_hardening_step_that_fails_is_logged_and_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise PermissionError("no")

    hardening._attempt("forbid attaching", refuse)

    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "the process could not be hardened")
    assert (record.__dict__["step"], record.__dict__["reason"]) == ("forbid attaching", "PermissionError")


# A victim and an attacker of one user without capabilities; the attacker tries every door of the kernel.
DOORS = """
import ctypes, json, os
from secrets_manager.daemon.dumpable import forbid_attaching

libc = ctypes.CDLL(None, use_errno=True)
secret = ctypes.create_string_buffer(b"canary-4711")
address, size = ctypes.addressof(secret), len(secret)

class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]

def become_a_user():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        # A change of the user takes this away.
        libc.prctl(4, 1, 0, 0, 0)

def files(victim):
    for folder in (f"/proc/{victim}", f"/proc/{victim}/task/{victim}"):
        for name in ("environ", "mem", "maps", "smaps", "pagemap", "auxv", "stack", "syscall", "io"):
            try:
                with open(f"{folder}/{name}", "rb", buffering=0) as file:
                    if name == "mem":
                        file.seek(address)
                    if file.read(8):
                        yield f"{folder}/{name}".replace(str(victim), "pid")
            except OSError:
                pass
    for name in ("cwd", "exe", "root", "fd/0"):
        try:
            os.readlink(f"/proc/{victim}/{name}")
            yield name
        except OSError:
            pass

def calls(victim):
    room = ctypes.create_string_buffer(size)
    here, there = Piece(ctypes.addressof(room), size), Piece(address, size)
    if libc.process_vm_readv(victim, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
        yield "process_vm_readv"
    if libc.ptrace(0x4206, victim, None, None) == 0:
        libc.ptrace(17, victim, None, None)
        yield "ptrace"
    try:
        if libc.syscall(438, os.pidfd_open(victim), 0, 0) >= 0:
            yield "pidfd_getfd"
    except OSError:
        # A container may have no such call.
        pass

def open_doors(victim):
    reading, writing = os.pipe()
    if not os.fork():
        become_a_user()
        os.write(writing, json.dumps([*files(victim), *calls(victim)]).encode())
        os._exit(0)
    os.close(writing)
    os.wait()
    return json.loads(os.read(reading, 65536))

go, went = os.pipe(), os.pipe()
victim = os.fork()
if not victim:
    os.close(go[1])
    become_a_user()
    os.write(went[1], b".")
    os.read(go[0], 1)
    forbid_attaching()
    os.write(went[1], b".")
    os.read(go[0], 1)
    os._exit(0)
os.read(went[0], 1)
before = open_doors(victim)
os.write(go[1], b".")
os.read(went[0], 1)
print(json.dumps([before, open_doors(victim)]))
os.write(go[1], b".")
"""


def test_no_door_of_the_kernel_shows_its_memory_or_environment_to_a_process_of_its_user() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DOORS], capture_output=True, text=True, check=True, timeout=60
    )
    before, after = json.loads(done.stdout)

    # What else is open without the shield depends on the machine.
    assert {"/proc/pid/environ", "/proc/pid/maps", "cwd"} <= set(before)
    assert after == []
