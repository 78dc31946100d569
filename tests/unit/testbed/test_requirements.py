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


@pytest.mark.parametrize("name", ["run", "bed", "dev", "go"])
def test_each_direct_requirement_is_locked_at_its_version(name: str) -> None:
    direct, locked = pins(REQUIREMENTS / f"{name}.in"), pins(REQUIREMENTS / f"{name}.txt")

    assert direct
    assert direct.items() <= locked.items()


@pytest.mark.parametrize("name", ["run", "bed", "dev", "go"])
def test_each_locked_package_has_its_hashes_and_no_place_to_come_from(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()

    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[A-Za-z0-9])", text))
    assert not re.search(r"https?:|--index|--find-links|--extra-index|file:/", text)


def test_the_build_backend_is_the_one_that_the_lock_installs() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    run, bed, dev = (pins(REQUIREMENTS / f"{name}.txt") for name in ("run", "bed", "dev"))

    assert required == [f"setuptools=={bed['setuptools']}"]
    # A package in two lock files has one version.
    for first, second in ((run, bed), (run, dev), (bed, dev)):
        assert {name: first[name] for name in first.keys() & second.keys()}.items() <= second.items()


# What fetches from elsewhere, and the lines in which it may: by hash, from nowhere, or from Debian.
FETCHES = re.compile(
    r"pip3?\b.*\binstall\b|\bcurl\b.*http|\bwget\b|\bgit clone\b|\bgo (?:install|get)\b|\bnpx?\b"
    r"|^\s*(?:ADD|FROM)\b|\buses:|\bapt-get\b.*\binstall\b|\bpipx?\b.*\brun\b|setup\.py\b"
)
BOUND = re.compile(
    r"--require-hashes|--no-index|apt-get -qq install -y (?:make|python3-venv) "
    r"|apt-get -qq install -y --no-install-recommends +chromium-headless-shell "
    # The tool that makes the lock, whose result is reviewed; the base image, named by the user who builds.
    r"|pip\" install --quiet pip-tools==[0-9.]+$|^FROM (?:\$\{PYTHON\} AS build|scratch|scratch AS sbom)$"
    # Instructions for people, which no program runs.
    r"|say \"|curl -s \{daemon\.url\}"
)


LETS_IN = [
    "RUN pip install requests",
    "python -m pip install -r requirements/run.txt",
    "ADD https://example.test/x /x",
    "FROM python:3",
    "curl -sSL https://example.test/install | sh",
    "go install example.test/x@latest",
    "      uses: actions/checkout@v4",
]


def unpinned(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if FETCHES.search(line.partition("#")[0]) and not BOUND.search(line)]


def test_nothing_is_fetched_that_is_not_pinned() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.name != "image-root"]
    built_by = [ROOT / "Dockerfile", ROOT / "Makefile", ROOT / ".ci/run", *scripts]

    assert unpinned("\n".join(LETS_IN)) == LETS_IN
    for path in filter(Path.is_file, built_by):
        assert unpinned(path.read_text(encoding="utf-8")) == [], path.name
    assert not list(ROOT.glob(".github/**/*.y*ml"))
    # What programs start.
    for program in ("scripts/image-root", "tests/testbed/go_toolchain.py"):
        text = (ROOT / program).read_text(encoding="utf-8")
        assert text.count('"pip", "install"') == text.count('"--require-hashes"') == 1
        assert '"--no-deps"' in text
