"""Exec plugins of a kubeconfig: real programs that answer, fail, hang and misbehave."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.client.exec_plugin import PluginAnswer, _Ended, plugin_call, run_plugin
from secrets_manager.domain.errors import ConfigError
from tests.testbed.waiting import wait_until

Write = Callable[[str], Path]

V1 = "client.authentication.k8s.io/v1"
TOKEN = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "canary-token"}}


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a program of these lines of Python."""

    def write(body: str) -> Path:
        path = tmp_path / "plugin"
        path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


def ask(
    command: Path | str, seconds: float = 30.0, *, environ: Mapping[str, str] | None = None, **spec: Any
) -> PluginAnswer:
    cluster = {"server": "https://127.0.0.1:6443"}
    whole = {"apiVersion": V1, "command": str(command), **spec}
    return run_plugin(
        plugin_call(whole, cluster, "/", dict(os.environ) if environ is None else environ), seconds
    )


def saying(document: object) -> str:
    return f"print({json.dumps(document)!r})"


def answering(expression: str) -> str:
    """Answers with a token that the program works out."""
    return f"print(json.dumps({{**{TOKEN!r}, 'status': {{'token': {expression}}}}}))"


def refusal(command: Path | str, seconds: float = 30.0, **spec: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        ask(command, seconds, **spec)
    assert "canary" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("version", [V1, f"{V1}beta1"])
def test_a_token_is_taken_with_its_end(plugin: Write, version: str) -> None:
    status = {"token": "canary", "expirationTimestamp": "2030-01-02T03:04:05Z"}
    answer = ask(plugin(saying({**TOKEN, "apiVersion": version, "status": status})), apiVersion=version)

    assert answer.token == "canary"
    assert answer.expires is not None
    assert answer.expires.isoformat() == "2030-01-02T03:04:05+00:00"
    assert "canary" not in repr(answer)
    assert "canary" not in repr(_Ended(0, out=bytearray(b"canary"), complaint=bytearray(b"canary")))


def test_a_token_and_a_certificate_may_come_together(plugin: Write) -> None:
    status = {"token": "t", "clientCertificateData": "c", "clientKeyData": "k"}

    assert ask(plugin(saying({**TOKEN, "status": status}))) == PluginAnswer(
        token="t", certificate="c", key="k"
    )


def test_a_plugin_gets_the_users_environment_and_that_of_the_kubeconfig_takes_precedence(
    plugin: Write,
) -> None:
    names = ("AZURE_CLIENT_SECRET", "BOTH", "ONLY")
    body = (
        f"print(json.dumps({{**{TOKEN!r}, 'status': {{'token': '|'.join(os.environ[n] for n in {names})}}}}))"
    )
    environ = {"AZURE_CLIENT_SECRET": "wiped", "BOTH": "user"}
    answer = ask(
        plugin(body), environ=environ, env=[{"name": "BOTH", "value": "file"}, {"name": "ONLY", "value": "1"}]
    )

    assert answer.token == "wiped|file|1"


@pytest.mark.parametrize("given", [{"name": "A"}, {"name": "A", "value": None}, {"name": "A", "value": ""}])
def test_an_environment_value_that_the_kubeconfig_leaves_out_is_empty(
    plugin: Write, given: dict[str, Any]
) -> None:
    program = plugin(answering("repr(os.environ['A']) + ' of A'"))

    assert ask(program, env=[given], environ={"A": "ours"}).token == "'' of A"


@pytest.mark.parametrize("told", [True, False])
def test_a_plugin_gets_cluster_information_only_if_the_kubeconfig_says_so(
    plugin: Write,
    told: bool,  # noqa: FBT001
) -> None:
    body = answering("os.environ['KUBERNETES_EXEC_INFO']")
    info = json.loads(ask(plugin(body), provideClusterInfo=told).token)

    cluster = {"cluster": {"server": "https://127.0.0.1:6443"}} if told else {}
    assert info == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False, **cluster}}


def test_a_plugin_gets_its_arguments_no_terminal_and_none_of_our_files(plugin: Write) -> None:
    body = (
        "open_ = [fd for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')]\n"
        "fds = [fd for fd in open_ if int(fd) > 2]\n"
        "seen = [sys.argv[1:], sys.stdin.read(), os.getsid(0) == os.getpid(), fds]\n"
    ) + answering("json.dumps(seen)")
    with Path("/dev/null").open() as ours:
        os.set_inheritable(ours.fileno(), True)
        arguments, told, leads, files = json.loads(ask(plugin(body), args=["get", "-o"]).token)

    assert (arguments, told, leads, files) == (["get", "-o"], "", True, [])


def test_the_failure_of_a_plugin_is_reported_by_its_code_and_the_size_of_its_complaint(
    plugin: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    message = refusal(plugin("print('canary\\ncanary', file=sys.stderr)\nsys.exit(3)"))

    assert "exec plugin returned no credentials" in message
    assert "exit code 3; it wrote 2 lines, 14 bytes, to its standard error" in message
    assert not caplog.records


def test_at_debug_the_complaint_of_a_plugin_is_shown_in_part_and_redacted(
    plugin: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    complaint = "no login at example.org: eyJhbGciOiJSUzI1NiJ9.e30.c2ln https://me:pw@host/ " + "Ab3" * 20
    refusal(
        plugin(f"print({complaint!r}, file=sys.stderr)\nprint('x ' * 100_000, file=sys.stderr)\nsys.exit(1)")
    )

    (text,) = [record.__dict__["text"] for record in caplog.records]
    assert text.startswith("no login at example.org: [redacted] https://[redacted]host/ [redacted]")
    assert len(text) <= 2000


def test_a_plugin_that_hangs_is_killed_with_its_children(plugin: Write, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    body = (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    message = refusal(plugin(body), 2.0)

    assert "did not end within 2 s and was killed" in message
    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: not _runs(pid), what="the plugin is gone")  # type: ignore[misc]


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_plugin_that_answers_and_hangs_gives_no_credentials(plugin: Write) -> None:
    assert "did not end" in refusal(plugin(saying(TOKEN) + "\nsys.stdout.flush()\ntime.sleep(600)"), 2.0)


def test_a_child_that_outlives_its_plugin_delays_no_call(plugin: Write) -> None:
    body = f"import subprocess\nsubprocess.Popen(['sleep', '5'])\n{saying(TOKEN)}"

    assert ask(plugin(body), 600.0).token == "canary-token"


def test_a_plugin_that_writes_without_end_is_killed(plugin: Write) -> None:
    assert "wrote more than" in refusal(plugin("while True: sys.stdout.write('canary ' * 10_000)"))


def test_complaints_without_end_are_counted_and_not_kept(plugin: Write) -> None:
    body = "for _ in range(100): sys.stderr.write('canary\\n' * 10_000)\nsys.exit(1)"

    assert "it wrote 1000000 lines, 7000000 bytes" in refusal(plugin(body))


def test_a_missing_plugin_is_reported_with_the_hint_of_the_kubeconfig() -> None:
    message = refusal("/nowhere/kubelogin", installHint="See https://example.org")

    assert "cannot be run: No such file or directory; the kubeconfig says: See https://example.org" in message


def ending(text: str) -> dict[str, Any]:
    return {**TOKEN, "status": {"token": "canary", "expirationTimestamp": text}}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("canary", "is not JSON"),
        ([], "is not an ExecCredential"),
        ({**TOKEN, "kind": "canary"}, "is not an ExecCredential"),
        ({**TOKEN, "apiVersion": f"{V1}beta1"}, "its apiVersion is not"),
        ({**TOKEN, "status": None}, "neither a token nor a certificate"),
        ({**TOKEN, "status": {"token": ""}}, "neither a token nor a certificate"),
        ({**TOKEN, "status": {"token": 5}}, "not strings"),
        ({**TOKEN, "status": {"clientCertificateData": "canary"}}, "without its key"),
        ({**TOKEN, "status": {"clientKeyData": "canary", "token": "canary"}}, "without its certificate"),
        ({**TOKEN, "status": {"token": "canary", "expirationTimestamp": "canary"}}, "is not a time"),
        (ending("2030-01-02T03:04:05"), "has no time zone"),
    ],
)
def test_a_wrong_answer_is_named_and_not_quoted(plugin: Write, said: object, fault: str) -> None:
    body = "print('canary')" if said == "canary" else saying(said)

    assert fault in refusal(plugin(body))


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"command": ""}, "no command"),
        ({"command": None}, "no command"),
        ({"apiVersion": None}, "apiVersion"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "apiVersion"),
        ({"interactiveMode": "Always"}, "terminal"),
    ],
)
def test_a_plugin_that_needs_a_terminal_or_another_protocol_is_not_run(
    spec: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        plugin_call({"apiVersion": V1, "command": "true", **spec}, {}, "/", {})


def test_a_path_is_that_from_the_folder_of_the_kubeconfig_and_a_name_that_of_the_path() -> None:
    def command(text: str) -> str:
        return plugin_call({"apiVersion": V1, "command": text}, {}, "/home/me/.kube", {}).command

    assert [command(text) for text in ("./bin/p", "/bin/p", "p")] == ["/home/me/.kube/bin/p", "/bin/p", "p"]
    assert "canary" not in repr(plugin_call({"apiVersion": V1, "command": "p"}, {}, "/", {"A": "canary"}))


@pytest.mark.parametrize(
    ("complaint", "shown"),
    [
        ("login with hvs.CAESIJcanary3yqWcQOn0WJ1aX failed", "login with [redacted] failed"),
        ("s.4abcdefghijcanarypqrstuvwx", "[redacted]"),
        ("ya29.a0AfH6SMBxcanary90abcdefgh", "[redacted]"),
        ("bootstrap a1b2c3.0123456canary89a", "bootstrap [redacted]"),
        ("token_eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4canaryabc.c2lncanarylnbmF0dXJl", "[redacted]"),
        ('client_secret="abc~canary.ghi8Q~XXXXXXXXXX"', 'client_secret[redacted]"'),
        ("password: canary1", "password[redacted]"),
        ("Authorization: Bearer c4nary-canary", "Authorization: Bearer[redacted]"),
        ("GET https://me:canary@login.example.org/x", "GET https://[redacted]login.example.org/x"),
        ("the token is missing, see /etc/kube/config", "the token is missing, see /etc/kube/config"),
        ("no such host: login.microsoftonline.com", "no such host: login.microsoftonline.com"),
    ],
)
def test_no_form_of_a_secret_is_shown_and_words_are(
    complaint: str, shown: str, plugin: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    refusal(plugin(f"print({complaint!r}, file=sys.stderr)\nsys.exit(1)"))

    (text,) = [record.__dict__["text"] for record in caplog.records]
    assert text == f"{shown}\n"
