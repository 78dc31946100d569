"""A wrapped secret id is good for one login: no command makes it in the daemon's place."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from secrets_manager import commands
from secrets_manager.commands.exit_codes import Exit

DEFINITION = """\
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata: {name: app, namespace: shop}
spec: {name: app, keysMap: {URL: {path: secret/data/shop/db, key: url}}}
"""
SETTING = "vault.secret-id-wrapped"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[socket.socket]:
    """A port at which nothing may be sent, and settings with a wrapped secret id for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret-id").write_text("hvs.canary", encoding="utf-8")
    (tmp_path / "app.yaml").write_text(DEFINITION, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        port = listening.getsockname()[1]
        (tmp_path / "settings.toml").write_text(
            f'[vault]\nurl = "http://127.0.0.1:{port}"\nrole-id = "r"\n'
            'secret-id-file = "secret-id"\nsecret-id-wrapped = true\n',
            encoding="utf-8",
        )
        yield listening


@pytest.mark.parametrize("words", [["check", "--backend"], ["render", "--backend"]])
def test_commands_that_read_the_backend_refuse_before_any_call(
    words: list[str], vault: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    code = commands.run([*words, "-f", "app.yaml"], {}, Path.cwd())
    out, err = capsys.readouterr()

    assert code == Exit.FAULT
    assert f"{SETTING}: the wrapping token is good for one login, which the daemon needs" in err
    assert "canary" not in out + err
    with pytest.raises(TimeoutError):
        vault.accept()


def test_doctor_looks_at_the_way_to_the_backend_and_makes_no_login(
    vault: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    code = commands.run(["doctor", "--kubeconfig", "nowhere", "--timeout", "20s"], {}, Path.cwd())
    out, err = capsys.readouterr()

    assert code == Exit.NO  # there is no cluster
    assert f"no login was made: by {SETTING} there is one alone, which the daemon needs" in out
    assert "the login works" not in out
    assert "the login is refused" not in out
    assert "canary" not in out + err
    connection, _ = vault.accept()
    with connection:
        connection.settimeout(0.2)
        # The check of the clock alone, and no other connection, as a login would need.
        assert connection.recv(4096).startswith(b"HEAD / ")
        with pytest.raises(TimeoutError):
            vault.accept()


def test_a_login_that_can_be_made_again_is_made(
    vault: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Path("settings.toml")
    settings.write_text(settings.read_text(encoding="utf-8").replace("wrapped = true", "wrapped = false"))
    vault.close()  # refused at once

    code = commands.run(["check", "--backend", "-f", "app.yaml"], {}, Path.cwd())
    out, err = capsys.readouterr()

    assert code != Exit.OK
    assert SETTING not in out + err
    assert "Backend" in out + err
