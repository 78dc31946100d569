"""`settings` becomes a settings.toml that says exactly what was said, whatever stands in it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from kit.option_schema import is_left_out, options_of_named
from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.settings import BACKENDS, Settings, kinds
from secrets_manager.settings.option import Option
from tests.docs.pages import ROOT, pages
from tests.docs.test_fences import LOGIN
from tests.integration.chart_support import chart, chart_or_refusal, settings_of
from tests.testbed.helm_cli import Helm, HelmError

# What the chart itself would say, to be left out where a test says everything.
NOTHING: dict[str, Any] = {
    "backend": None,
    "enable-leader-election": None,
    "vault": dict.fromkeys(("url", "engine", "role-id-file", "secret-id-file")),
}
ONE_POD = {"replicas": 1}

# A value of each kind that is not a default.
OTHER: dict[kinds.ValueKind, Any] = {
    kinds.TEXT: "other",
    kinds.SWITCH: True,
    kinds.COUNT: 7,
    kinds.WHOLE_SECONDS: 1_000_000,
    kinds.DURATION: "1m0.5s",
    kinds.LIST: ["one", "two"],
    kinds.LOOSE_LIST: ["one", "two"],
    kinds.PATTERNS: ["a,b/*", "{namespace}/*"],
    kinds.ADDRESS: "127.0.0.1:8082",
    kinds.LEVEL: "debug",
    kinds.STACKTRACE_LEVEL: "warn",
    kinds.ENCODER: "console",
    kinds.TABLES: [{"namespaces": ["*"], "backends": ["*"], "paths": ["a/*"], "effect": "allow"}],
}
WORDS = {"engine": "kv1", "auth-method": "kubernetes", "cloud": "usgov", "kind": ""}

# What YAML, TOML, Go's templates or a shell would read as more than a text.
HOSTILE = [
    "a\"b'c\\d",
    "a\nwatch-namespaces = []\n[policy]",
    '"""\n[election]',
    "'''",
    "{{ .Values.settings }} {{ fail `x` }}",
    "${HOME} $(id) `id`",
    "# no comment",
    "a: b",
    "- a",
    "é ü 漢字 🔑",
    "\u2028\u2029\ufeff",
    "\t\x0b\x1b[31m",
    "<&>",
    "0123",
    "1e5",
    "true",
    "null",
    "~",
    "=",
    "|",
    " padded ",
]
# YAML reads the second as a line break, and refuses the others as they stand.
CONTROL = ["\x7f", "\x85", "\x80", "\x9b"]


def _rendered(helm: Helm, settings: dict[str, Any], **values: Any) -> str:
    vault = {**NOTHING["vault"], **settings["vault"]} if "vault" in settings else None
    return settings_of(
        chart(helm, {"settings": {**NOTHING, **settings, "vault": vault}, **ONE_POD, **values})
    )


def _other(option: Option) -> Any:
    key = option.name.rpartition(".")[2]
    return WORDS.get(key) or OTHER[option.kind]


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    *tables, key = name.split(".")
    for table in tables:
        tree = tree.setdefault(table, {})
    tree[key] = value


def test_every_option_arrives_as_it_was_given(helm: Helm) -> None:
    given: dict[str, Any] = {}
    for option in OPTIONS:
        if option.in_file and not is_left_out(option):
            _put(given, option.name, _other(option))
    given["backend"] = "azure-kv"
    for kind in BACKENDS:
        for option in options_of_named(kind):
            if not is_left_out(option):
                _put(given, option.name.replace("NAME", f"a-{kind}"), _other(option))
        given["backends"][f"a-{kind}"]["kind"] = kind

    assert tomllib.loads(_rendered(helm, given)) == given


def test_no_option_becomes_anything_but_the_text_that_it_is(helm: Helm) -> None:
    given = {
        "controller-name": HOSTILE[0],
        "policy": {"paths": HOSTILE, "rules": [{**OTHER[kinds.TABLES][0], "paths": HOSTILE}]},
        "backends": {
            "x": {"kind": "other-kind", "texts": HOSTILE, **dict(zip(HOSTILE, HOSTILE, strict=True))}
        },
    }

    text = _rendered(helm, given, plugins=["other-kind"])

    assert tomllib.loads(text) == given


def test_numbers_of_a_plug_in_arrive_to_the_digit(helm: Helm) -> None:
    numbers = {
        "half": 0.5,
        "below": -2.25,
        "tiny": 1e-9,
        "count": 1_000_000,
        "most": 2**53 - 1,
        "list": [1, 0.25],
        "inline": [{"half": 0.5}],
    }
    table = {"kind": "other-kind", **numbers}

    text = _rendered(helm, {"backends": {"x": table}}, plugins=["other-kind"])

    assert tomllib.loads(text)["backends"]["x"] == table


def test_null_in_a_table_of_a_plug_in_says_nothing(helm: Helm) -> None:
    table = {"kind": "other-kind", "none": None, "inner": {"none": None}, "list": [{"none": None, "a": 1}]}

    text = _rendered(helm, {"backends": {"x": table}}, plugins=["other-kind"])

    assert tomllib.loads(text)["backends"]["x"] == {"kind": "other-kind", "inner": {}, "list": [{"a": 1}]}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2**53, "settings: 9007199254740992 has more digits than Helm keeps of a number; give fewer"),
        (-1e300, "settings: -1e+300 has more digits than Helm keeps of a number; give fewer"),
        ([1, None], "settings: null stands in a list; take it out"),
    ],
    ids=str,
)
def test_what_would_not_arrive_as_it_is_is_refused(helm: Helm, value: Any, told: str) -> None:
    table = {"kind": "other-kind", "key": value}

    _, refusal = chart_or_refusal(helm, {"plugins": ["other-kind"], "settings": {"backends": {"x": table}}})

    assert told in refusal


@pytest.mark.parametrize("text", CONTROL, ids=ascii)
def test_a_control_character_arrives_or_is_refused(helm: Helm, text: str) -> None:
    given = {"controller-name": f"a{text}b"}
    objects, told = chart_or_refusal(helm, {"settings": {**NOTHING, "vault": None, **given}, **ONE_POD})

    assert objects or "control characters are not allowed" in told
    if objects:
        assert tomllib.loads(settings_of(objects)) == given


def _files() -> list[tuple[str, str]]:
    """Every settings file of the repository that an installation could have, and those in the docs."""
    files = [ROOT / "config/manager/settings.toml", *(ROOT / "samples").rglob("settings.toml")]
    shown = [
        (str(fence), fence.text)
        for page in pages()
        for fence in page.fences("toml")
        if not fence.page.startswith("plugins/")
    ]
    return [(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in files] + shown


@pytest.mark.parametrize(("name", "text"), _files(), ids=[name for name, _ in _files()])
def test_the_program_reads_what_the_same_file_would_say(
    helm: Helm, tmp_path: Path, name: str, text: str
) -> None:
    made = _rendered(helm, tomllib.loads(text))

    assert _loaded(tmp_path / "made.toml", made) == _loaded(tmp_path / "given.toml", text)


def _loaded(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    settings = load([], LOGIN, file.parent, system_file=file)
    assert isinstance(settings, Settings)
    return settings


def test_the_program_reads_the_defaults_of_the_chart(helm: Helm, tmp_path: Path) -> None:
    settings = _loaded(tmp_path / "s.toml", settings_of(chart(helm)))

    assert settings.election.enabled
    assert settings.vault.role_id_file == "/etc/secrets-manager/credentials/role-id"


def test_named_namespaces_are_those_of_the_settings(helm: Helm, tmp_path: Path) -> None:
    text = settings_of(chart(helm, {"namespaces": ["team-a", "team-b"]}))

    assert _loaded(tmp_path / "s.toml", text).controller.watch_namespaces == ("team-a", "team-b")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"settings": {"backend": "valut"}}, 'settings.backend: "valut" is none of vault, azure-kv;'),
        (
            {"settings": {"backends": {"eu": {"kind": "valut"}}}},
            'settings.backends.eu.kind: "valut" is none of vault, azure-kv;',
        ),
        (
            {"settings": {"backends": {"default": {"kind": "vault"}}}},
            "settings.backends.default: this name belongs to the backend of settings.backend",
        ),
        (
            {"settings": {"enable-leader-election": False}},
            "replicas: 2 pods need settings.enable-leader-election",
        ),
        (
            {"serviceAccount": {"create": False}},
            "serviceAccount.name: name the account that is there",
        ),
        (
            {
                "vault": {"kubernetesAuth": {"enabled": True}},
                "serviceAccountTokens": {"vault": {"audience": "a"}},
            },
            "serviceAccountTokens.vault: vault.kubernetesAuth makes the token of that name",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_their_names(
    helm: Helm, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(HelmError) as refused:
        chart(helm, values)

    assert told in refused.value.stderr
