"""The table of a backend means what the table of the backend `default` means, apart from its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.option_docs import default_text
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from secrets_manager.settings.option import Option

CANARY = "canary-3d1e"
# Well formed or not, good or bad for one option or another. None of them is a file.
TEXTS = (
    "",
    " ",
    "kv1",
    "true",
    "5s",
    "7",
    "-1",
    "https://v.example",
    "ftp://x",
    "a,b",
    "jwt",
    "cert",
    "token",
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    f"{CANARY}\n",
    f"http://{CANARY}@x",
    "/absent",
    5,
    -5,
    True,
    [],
    ["a", "b,c"],
)
KEYS = {
    kind: [option.name.partition(".")[2] for option in OPTIONS if option.name.startswith(f"{kind}.")]
    for kind in ("vault", "azure-kv")
}
# Enough of each kind that settings without a fault come up, too.
GOOD: Mapping[str, Mapping[str, Any]] = {
    "vault": {"role-id": "r", "secret-id": CANARY},
    "azure-kv": {"name": "abc", "system-assigned-identity": True},
}
Outcome = tuple[Any, int, list[str]]


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A kind, keys of its table in the file, and keys in the environment."""
    kind = draw(st.sampled_from(sorted(KEYS)))
    key = st.sampled_from([*KEYS[kind], "urll"])
    some = st.dictionaries(key, st.sampled_from(VALUES), max_size=4)
    in_environment = st.dictionaries(key, st.sampled_from(TEXTS), max_size=2)
    base = GOOD[kind] if draw(st.booleans()) else {}
    return kind, {**base, **draw(some)}, draw(in_environment)


def outcome(kind: str, table: str, keys: Mapping[str, Any], environ: Mapping[str, str]) -> Outcome:
    """The settings, and the exit code and the faults with one word in the place of the table's name."""
    head = f'backend = "{kind}"\n[{kind}]\n' if table == kind else f'[{table}]\nkind = "{kind}"\n'
    text = head + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    names = {
        Option(name=f"{table}.{key}", kind=OPTIONS.by_name["backend"].kind, help="").environment: value
        for key, value in environ.items()
    }
    with TemporaryDirectory() as folder:
        file = Path(folder) / "s.toml"
        file.write_text(text, encoding="utf-8")
        try:
            settings = load([], names, Path(folder), system_file=file)
        except ConfigError as error:
            return None, error.exit_code, sorted(same_words(error.message.replace(str(file), "F"), table))
    assert isinstance(settings, Settings)
    (backend,) = settings.backends
    assert CANARY not in repr(settings)
    assert CANARY not in "".join(settings.notices)
    return backend.own, 0, sorted(same_words("\n".join(settings.notices), table))


def same_words(text: str, table: str) -> Iterator[str]:
    """The lines without what must differ: the table's name, and the hint at an unknown name."""
    assert CANARY not in text
    variables = Option(name=table, kind=OPTIONS.by_name["backend"].kind, help="").environment
    for line in text.splitlines():
        bare = line.partition("; did you mean")[0].replace(variables, "VARIABLE").replace(table, "TABLE")
        for known in ("VAULT_ROLE_ID", "VAULT_SECRET_ID"):
            bare = bare.replace(known, f"VARIABLE__{known.removeprefix('VAULT_')}")
        yield bare.replace("backend azure-kv", "backend KIND").replace("backend TABLE", "backend KIND")


@given(tables())
def test_a_table_of_a_backend_gives_the_settings_and_the_faults_of_the_default_s_table(
    told: tuple[str, dict[str, Any], dict[str, str]],
) -> None:
    kind, keys, environ = told

    assert outcome(kind, "backends.team-a", keys, environ) == outcome(kind, kind, keys, environ)


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_every_option_of_the_default_s_table_can_stand_in_a_table_of_a_backend(kind: str) -> None:
    for key in KEYS[kind]:
        # With its default, which contradicts nothing.
        told = {key: default_text(OPTIONS.by_name[f"{kind}.{key}"]), **GOOD[kind]}
        own, _, faults = outcome(kind, "backends.x", told, {})

        assert faults == []
        assert own is not None
