"""Which program is the backend's server, and what is said of one that cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed.pki import KeyPair
from tests.testbed.vault_launch import dev_command, durable_command
from tests.testbed.vault_program import VAULT_BINARY, VaultProgram, VaultProgramError, vault_program

VAULT = VaultProgram(path=Path("/opt/vault"), product="Vault", version="1.21.4")
OPENBAO = VaultProgram(path=Path("/opt/bao"), product="OpenBao", version="2.7.2")


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a program that prints this, and names it in VAULT_BINARY."""

    def name(said: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n[ \"$1\" = version ] && echo '{said}'\n")
        path.chmod(0o755)
        monkeypatch.setenv(VAULT_BINARY, str(path))
        return path

    return name


@pytest.mark.parametrize("value", [None, ""])
def test_openbao_comes_from_its_package_unless_another_program_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VAULT_BINARY, raising=False)
    if value is not None:
        monkeypatch.setenv(VAULT_BINARY, value)

    found = vault_program()

    assert (found.product, found.path.name, found.has_namespaces) == ("OpenBao", "bao", True)
    assert re.fullmatch(r"\d+\.\d+\.\d+", found.version)


@pytest.mark.parametrize(
    ("said", "title", "has_namespaces"),
    [
        ("Vault v1.21.4 (0123abc), built 2026-01-01T00:00:00Z", "Vault 1.21.4", False),
        ("Vault v1.21.4, built 2026-01-01T00:00:00Z", "Vault 1.21.4", False),
        ("Vault v1.21.4", "Vault 1.21.4", False),
        ("Vault v1.21.4+ent (0123abc)", "Vault 1.21.4+ent", True),
        ("Vault v1.21.4+ent.hsm (0123abc)", "Vault 1.21.4+ent.hsm", True),
        ("OpenBao v2.5.0 (0123abc)", "OpenBao 2.5.0", True),
    ],
)
def test_a_program_says_what_it_is(
    named: Callable[[str], Path], said: str, title: str, *, has_namespaces: bool
) -> None:
    path = named(said)

    found = vault_program()

    assert (str(found), found.path, found.has_namespaces) == (title, path, has_namespaces)


def test_a_path_from_the_working_folder_is_made_absolute(
    named: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = named("Vault v1.21.4")
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv(VAULT_BINARY, "./program")

    assert vault_program().path == path


class TestAProgramThatCannotBeTheServer:
    def test_a_missing_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VAULT_BINARY, str(tmp_path / "absent"))
        assert complaint() == f"VAULT_BINARY={tmp_path}/absent does not exist"

    def test_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VAULT_BINARY, str(tmp_path))
        assert complaint() == f"VAULT_BINARY={tmp_path} is a folder"

    def test_one_without_the_right_to_run_it(self, named: Callable[[str], Path]) -> None:
        path = named("Vault v1.21.4")
        path.chmod(0o644)
        assert complaint() == f"VAULT_BINARY={path} is not executable"

    def test_one_for_another_machine(self, named: Callable[[str], Path]) -> None:
        path = named("")
        path.write_bytes(b"\x7fELF of another machine")
        assert complaint() == f"VAULT_BINARY={path} cannot be run (Exec format error)"

    @pytest.mark.parametrize("said", ["", "Consul v1.22.0", "v1.21.4", "a Vault v1.21.4"])
    def test_another_program(self, named: Callable[[str], Path], said: str) -> None:
        path = named(said)
        assert complaint() == f"VAULT_BINARY={path} does not answer to `version` as Vault and OpenBao do"


def complaint() -> str:
    """What is said of the program that is named, without the advice at the end."""
    with pytest.raises(VaultProgramError) as refused:
        vault_program()
    found, _, advice = str(refused.value).partition(": ")
    assert (
        advice
        == "set it to the path of a `vault` or `bao` program, or unset it to use OpenBao from its package"
    )
    return found


class TestHowItIsStarted:
    def test_openbao_is_told_of_its_audit_log_in_its_file(self, tmp_path: Path) -> None:
        command = dev_command(OPENBAO, tmp_path, port=1234, root_token="root")

        file = Path(command[-1].removeprefix("-config="))
        assert f'file_path = "{tmp_path}/audit.log"' in file.read_text()

    def test_vault_takes_no_audit_log_from_a_file_and_listens_without_bounds_for_values(
        self, tmp_path: Path
    ) -> None:
        command = dev_command(VAULT, tmp_path, port=1234, root_token="root")

        assert command[:4] == ["/opt/vault", "server", "-dev", "-dev-root-token-id=root"]
        written = Path(command[-1].removeprefix("-config=")).read_text()
        assert "audit" not in written
        assert 'address = "127.0.0.1:1234"' in written
        assert "max_json_string_value_length = 33554432" in written
        assert "max_json_depth" not in written

    @pytest.mark.parametrize(
        ("program", "own", "other"), [(OPENBAO, "audit", "disable_mlock"), (VAULT, "disable_mlock", "audit")]
    )
    def test_a_durable_server_has_the_words_of_its_product_only(
        self, tmp_path: Path, program: VaultProgram, own: str, other: str
    ) -> None:
        pair = KeyPair(certificate=tmp_path / "crt", key=tmp_path / "key")

        command = durable_command(program, tmp_path, url="https://127.0.0.1:1234", tls=pair)

        assert command[:2] == [str(program.path), "server"]
        written = Path(command[2].removeprefix("-config=")).read_text()
        assert f"\n{own} " in written
        assert f"\n{other} " not in written
        assert f'tls_cert_file = "{tmp_path}/crt"' in written
