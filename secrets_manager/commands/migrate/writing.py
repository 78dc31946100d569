"""A plan as files for a repository: definitions, settings, and how kustomize applies them.

The content depends on the plan alone, so a second run with the same objects changes no file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from secrets_manager.commands.faults import NotToldError
from secrets_manager.commands.output import yaml_of
from secrets_manager.migrate.originals import Key
from secrets_manager.migrate.plan import Plan
from secrets_manager.migrate.results import Backend, Inline, Mounted, Value
from secrets_manager.migrate.rules import Rule
from secrets_manager.settings.policy_rules import MOST_RULES

__all__ = ["files_of", "settings_of", "write_files"]

_MARK = "# Made by `secrets-manager migrate plan`"
_DEFINITIONS = "definitions"
_WHAT_RULES_ARE = (
    "# The rules keep each namespace at what it could read before; what they do not name is denied."
)
_CREDENTIALS = "/etc/secrets-manager/backends"


def files_of(plan: Plan) -> dict[str, str]:
    """The content of each file, by its name within the folder."""
    files = {"settings.toml": settings_of(plan)}
    names: list[str] = []
    for made in plan.definitions:
        name = f"{made.ref.namespace}/{made.ref.name}.yaml"
        names.append(name)
        files[f"{_DEFINITIONS}/{name}"] = f"{_MARK}.\n{yaml_of(made.manifest)}"
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    }
    files[f"{_DEFINITIONS}/kustomization.yaml"] = f"{_MARK}.\n{yaml_of(kustomization)}"
    return files


def settings_of(plan: Plan) -> str:
    """The tables of backends and the rules, as a part of the settings file, with comments."""
    head = [f"{_MARK}: add it to the settings of the daemon.", _WHAT_RULES_ARE]
    if len(plan.rules) > MOST_RULES:
        head.append(
            f"# TODO: make of the {len(plan.rules)} rules at most {MOST_RULES}, which the daemon takes."
        )
    parts = [_lines(head)]
    parts += [_backend(name, table, plan.origins[name]) for name, table in plan.backends.items()]
    parts += [_rule(rule) for rule in plan.rules]
    return "\n".join(parts)


def _backend(name: str, table: Backend, origins: Iterable[Key]) -> str:
    lines = [f"# From {', '.join(map(str, origins))}."]
    for setting, value in table.settings.items():
        if isinstance(value, Mounted):
            lines.append(f"# TODO: mount the {value} as {_file(name, setting)}.")
    lines += [f"# TODO: {todo}." for todo in table.todo]
    lines += [f"[backends.{name}]", f'kind = "{table.kind}"']
    lines += [
        f"{setting} = {_toml(_plain(name, setting, value))}" for setting, value in table.settings.items()
    ]
    return _lines(lines)


def _rule(rule: Rule) -> str:
    fields: Mapping[str, tuple[str, ...]] = {
        "namespaces": rule.namespaces,
        "backends": rule.backends,
        "paths": rule.paths,
    }
    lists = [f"{name} = [{', '.join(map(_toml, texts))}]" for name, texts in fields.items()]
    return _lines(["[[policy.rules]]", *lists, 'effect = "allow"'])


def _plain(backend: str, setting: str, value: Value) -> str | bool:
    return _file(backend, setting) if isinstance(value, (Mounted, Inline)) else value


def _file(backend: str, setting: str) -> str:
    return f"{_CREDENTIALS}/{backend}/{setting.removesuffix('-file')}"


def _toml(value: object) -> str:
    """A basic string of TOML is one of JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(lines: Iterable[str]) -> str:
    # A comment is one line, whatever others called their objects.
    return "".join(f"{' '.join(line.splitlines())}\n" for line in lines)


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write the files, and take away those of an earlier run that are not among them.

    Raises NotToldError where the folder holds files of others, or cannot be written.
    """
    try:
        stale = [path for path in _present(folder) if str(path.relative_to(folder)) not in files]
        for path in (*stale, *(folder / name for name in files)):
            _check_ours(path, folder)
        for path in stale:
            path.unlink()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise NotToldError(f"{folder} cannot be written to ({type(error).__name__})") from None


def _check_ours(path: Path, folder: Path) -> None:
    """Raise NotToldError for what no earlier run has written: another file, a pipe, or a way out of here."""
    ways = [each for each in (path, *path.parents) if each != folder and folder in each.parents]
    is_plain = path.is_file() or not path.exists()
    if any(each.is_symlink() for each in ways) or not is_plain:
        raise NotToldError(f"{path} is a link or no plain file; name a folder of its own with --out")
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        raise NotToldError(f"{path} is not of an earlier run; name a folder of its own with --out")


def _present(folder: Path) -> Iterator[Path]:
    for found in ((folder / _DEFINITIONS).rglob("*.yaml"), folder.glob("settings.toml")):
        yield from (path for path in found if path.is_file())
