"""The requirement files, of which no other check would notice that they disagree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements"


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", path.read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.mark.parametrize("name", ["run", "dev", "go"])
def test_each_direct_requirement_is_locked_at_its_version(name: str) -> None:
    direct, locked = pins(REQUIREMENTS / f"{name}.in"), pins(REQUIREMENTS / f"{name}.txt")

    assert direct
    assert {package: locked.get(package) for package in direct} == direct


@pytest.mark.parametrize("name", ["run", "dev", "go"])
def test_each_locked_package_has_its_hashes_and_no_place_to_come_from(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()

    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        assert "--hash=sha256:" in block
    assert not re.search(r"https?:|--index|--find-links|--extra-index|file:/", text)


def test_what_both_lists_lock_is_locked_alike() -> None:
    run, dev = pins(REQUIREMENTS / "run.txt"), pins(REQUIREMENTS / "dev.txt")

    common = run.keys() & dev.keys()
    assert {name: run[name] for name in common} == {name: dev[name] for name in common}


def test_the_build_backend_is_the_one_that_the_lock_installs() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert required == [f"setuptools=={pins(REQUIREMENTS / 'dev.txt')['setuptools']}"]
