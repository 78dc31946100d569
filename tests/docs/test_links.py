"""Links lead somewhere, and files, make targets, flags and environment names on the pages exist."""

from __future__ import annotations

import functools
import re
from itertools import chain

import click
import pytest

from secrets_manager.backends.factory import plugin_named
from secrets_manager.commands.app import app
from secrets_manager.daemon.config.named_options import NamedPlugin, named_options
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import BACKENDS
from secrets_manager.settings.option import options_of
from secrets_manager_aws.settings import AwsSettings
from tests.docs.pages import ROOT, Page, page, pages

_FOLDERS = (
    "config",
    "demo",
    "docs",
    "docsite",
    "kit",
    "plugins",
    "requirements",
    "samples",
    "scripts",
    "secrets_manager",
    "tests",
)
_LAYERS = ("backends", "cluster", "daemon", "domain", "runtime", "sync", "testing")
_TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
# Environment names with our prefix that are not options.
_OTHER_NAMES = {
    "SECRETS_MANAGER_SERVICE_HOST",
    "SECRETS_MANAGER_VAULT_URL",
}  # Kubernetes' own; a mistake shown
# The option of the sample plug-in, and those of the plug-ins of this repository.
_SAMPLE_FLAG, _SAMPLE_NAME = "folder.root", "SECRETS_MANAGER_FOLDER__ROOT"
_PLUG_INS = tuple(options_of(AwsSettings, "aws-sm"))
_PLACEHOLDERS = {"backends/<name>.py"}


@functools.cache
def _source() -> str:
    """The whole program as one text."""
    programs = (ROOT / "secrets_manager", ROOT / "plugins/aws/src")
    files = [file for folder in programs for file in folder.rglob("*.py")]
    files += (ROOT / "config").rglob("*.yaml")
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


every_page = pytest.mark.parametrize("shown", pages(), ids=lambda shown: shown.name)


@every_page
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(shown: Page) -> None:
    for link in shown.links():
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (shown.folder / path).resolve() if path else ROOT / shown.name
        assert target.exists(), link
        if anchor:
            assert anchor in page(str(target.relative_to(ROOT))).anchors(), link


@every_page
def test_every_file_that_a_page_names_exists(shown: Page) -> None:
    for code in shown.codes() - _PLACEHOLDERS:
        path = code.split(" ")[0].rstrip("/")
        if re.fullmatch(rf"({'|'.join(_FOLDERS)})/[\w./-]+", path):
            assert (ROOT / path).exists(), code
        elif re.fullmatch(rf"({'|'.join(_LAYERS)})/[\w./-]+", path):
            assert (ROOT / "secrets_manager" / path).exists(), code


@every_page
def test_every_reason_and_class_that_a_page_names_exists(shown: Page) -> None:
    camel = {code for code in shown.codes() if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", code)}

    assert {word for word in camel if not re.search(rf"\b{word}\b", _source())} == set()


@every_page
def test_every_make_target_that_a_page_names_exists(shown: Page) -> None:
    named = re.findall(r"^make ([a-z]+)", "\n".join([*shown.codes(), shown.text]), re.MULTILINE)

    assert set(named) <= set(_TARGETS)


@every_page
def test_every_flag_that_a_page_names_exists(shown: Page) -> None:
    flags = {option.name for option in (*OPTIONS, *_PLUG_INS)} | {"h", _SAMPLE_FLAG} | _of_commands()
    for code in shown.codes():
        named = re.fullmatch(r"--?([a-z][a-z0-9.-]*)(=.*| .*)?", code)
        # kubectl's own flag, and a value that begins with a dash, are not ours.
        if named and named[1] != "o":
            assert named[1] in flags, code


@functools.cache
def _of_commands() -> frozenset[str]:
    """The options of all commands, without their dashes."""
    found: set[str] = set()
    left: list[click.Command] = [app]
    while left:
        command = left.pop()
        context = click.Context(command)
        found.update(name.lstrip("-") for option in command.params for name in option.opts)
        if isinstance(command, click.Group):
            left += filter(
                None, (command.get_command(context, word) for word in command.list_commands(context))
            )
    return frozenset(found)


@every_page
def test_every_environment_name_that_a_page_shows_exists(shown: Page) -> None:
    known = (
        {option.environment for option in (*OPTIONS, *_PLUG_INS)}
        | _OTHER_NAMES
        | {_SAMPLE_NAME}
        | _of_any_backend()
    )
    found = re.findall(r"\bSECRETS_MANAGER_[A-Z_]*[A-Z]\b", shown.text)

    assert {re.sub(r"(?<=_BACKENDS__)[A-Z_]+?(?=__)", "NAME", name) for name in found} <= known


def _of_any_backend() -> set[str]:
    """The environment names of a backend with a name, of each kind."""
    plugins = filter(None, map(plugin_named, BACKENDS))
    options = chain.from_iterable(named_options(NamedPlugin(name="name", plugin=each)) for each in plugins)
    return {option.environment for option in options}
