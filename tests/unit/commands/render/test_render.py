"""``render`` shows the Secrets that definitions in files would become, by the daemon's own engine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.tree import Node
from secrets_manager.commands.output import yaml_of
from tests.unit.backends.tables import rows
from tests.unit.commands.said import CANARY, Command

ROOT = Path(__file__).parents[4]
VALUES = {"secret/data/shop/db": {"url": f"postgres://{CANARY}", "password": f"{CANARY}\n", "port": 5432}}
pytestmark = pytest.mark.usefixtures("without_a_network")

HEAD = "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\n"


@pytest.fixture
def render(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values.json").write_text(json.dumps(VALUES), encoding="utf-8")
    return Command("render", tmp_path, capsys)


def define(name: str = "app", namespace: str = "shop", **spec: Any) -> str:
    wanted = {"name": name, "keysMap": {"URL": {"path": "secret/data/shop/db", "key": "url"}}, **spec}
    kept = {key: value for key, value in wanted.items() if value is not None}
    return HEAD + yaml_of({"metadata": {"name": name, "namespace": namespace}, "spec": kept})


def put(*definitions: str) -> None:
    Path("d.yaml").write_text("---\n".join(definitions), encoding="utf-8")


def test_without_values_all_but_them_is_shown(render: Command) -> None:
    put(define())

    said = render("-f", "d.yaml")

    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "Secret shop/app of type Opaque, from d.yaml:1",
        "KEY   VALUE        FROM",
        "URL   (not read)   secret/data/shop/db, key 'url'",
        "label app.kubernetes.io/managed-by: secrets-manager",
    ]


def test_values_are_hidden_unless_they_are_wished_for(render: Command) -> None:
    put(define())

    hidden = render("d.yaml", "--values", "values.json")
    shown = render.openly("d.yaml", "--values", "values.json", "--show-values")

    assert "URL   (hidden)   secret" in hidden.out
    assert f"URL   postgres://{CANARY}   secret" in shown.out


@pytest.mark.parametrize("value", ["", "x", "x" * 900, "päss", "a\nb"])
@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_the_mask_shows_nothing_of_a_value(render: Command, value: str, form: str) -> None:
    put(define())
    looks = []
    for held in (value, "another"):
        Path("values.json").write_text(json.dumps({"secret/data/shop/db": {"url": held}}), encoding="utf-8")
        looks.append(render("d.yaml", "--values", "values.json", "-o", form).out)

    assert looks[0] == looks[1]


def test_json_and_yaml_are_a_list_that_kubectl_takes(render: Command) -> None:
    put(define(labels=None), define("other", type="example.test/own"))

    as_json = json.loads(
        render.openly("d.yaml", "--values", "values.json", "--show-values", "-o", "json").out
    )
    as_yaml = yaml.safe_load(
        render.openly("d.yaml", "--values", "values.json", "--show-values", "-o", "yaml").out
    )

    assert as_json == as_yaml
    assert (as_json["kind"], as_json["apiVersion"]) == ("List", "v1")
    assert as_json["items"][1] == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": "shop",
            "name": "other",
            "labels": {"app.kubernetes.io/managed-by": "secrets-manager"},
        },
        "type": "example.test/own",
        "data": {"URL": base64.b64encode(f"postgres://{CANARY}".encode()).decode()},
    }


def test_text_shows_bytes_that_are_no_text_in_base64_and_escapes_what_does_not_show(render: Command) -> None:
    put(
        define(keysMap={"A": {"path": "p", "key": "a", "encoding": "base64"}, "B": {"path": "p", "key": "b"}})
    )
    Path("values.json").write_text(json.dumps({"p": {"a": "//4=", "b": "x\x1b[2J\ny"}}), encoding="utf-8")

    out = render("d.yaml", "--values", "values.json", "--show-values").out

    assert "base64: //4=" in out
    assert "x\\x1b[2J\\ny" in out


def test_the_source_of_each_key_is_told(render: Command) -> None:
    put(
        define(
            keysMap={"A": {"path": "p", "key": "k", "version": "3", "backend": "eu"}},
            template={"T": "{{ A }}"},
            dataFrom=[{"path": "w"}],
        )
    )

    out = render("d.yaml").out

    assert "A     (not read)   eu: p version 3, key 'k'" in out
    assert "T     (not read)   template" in out
    assert "...   (not read)   all keys of w" in out


def test_whole_paths_and_templates_are_made_of_values(render: Command) -> None:
    put(define(keysMap=None, dataFrom=[{"path": "secret/data/shop/db"}], template={"T": "{{ port ~ 1 }}"}))

    items = json.loads(render("d.yaml", "--values", "values.json", "-o", "json").out)["items"]
    text = render("d.yaml", "--values", "values.json").out

    assert items[0]["data"] == dict.fromkeys(["T", "password", "port", "url"], "(hidden)")
    assert "port       (hidden)   dataFrom" in text


def test_every_sample_is_rendered_with_the_values_beside_it(render: Command) -> None:
    samples = str(ROOT / "samples")

    said = render("-f", samples, "--values", f"{samples}/values.json", "-n", "shop", "-o", "json")

    assert (said.code, said.err) == (0, "")
    assert len(json.loads(said.out)["items"]) == len(
        [file for file in (ROOT / "samples").glob("*.yaml") if "kind: SecretDefinition" in file.read_text()]
    )


def test_the_namespace_is_that_of_the_file_of_the_option_or_default(render: Command) -> None:
    put(define(), define("b", ""))

    assert "Secret shop/app" in render("d.yaml", "-n", "other").out
    assert "Secret other/b" in render("d.yaml", "-n", "other").out
    assert "Secret default/b" in render("d.yaml").out


def test_definitions_come_through_standard_input(render: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    put(define())
    with Path("d.yaml").open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        said = render("-f", "-")

    assert "from (standard input):1" in said.out


@pytest.mark.parametrize(
    ("definition", "code", "said"),
    rows(
        {
            "a value that is not there": (
                define(keysMap={"A": {"path": "secret/data/shop/db", "key": "usr"}}),
                1,
                "shop/app: KeyNotFound: path 'secret/data/shop/db' has no key 'usr'\n",
            ),
            "a value of another type": (
                define(keysMap={"A": {"path": "secret/data/shop/db", "key": "port"}}),
                1,
                "shop/app: NotAString: key 'port' of path 'secret/data/shop/db' is a number, not a string\n",
            ),
            "a backend without a file": (
                define(backend="eu"),
                1,
                "shop/app: NoValues: no values are given for backend eu; give them with --values eu=FILE\n",
            ),
            "a spec that is none": (
                define(type="example.test/\x00" * 200),
                2,
                "shop/app: InvalidManifest: spec.type has",
            ),
            "a template that is none": (
                define(template={"T": "{{ A }"}),
                1,
                "d.yaml:13:5: shop/app: InvalidTemplate: spec.template[T], line 1: ",
            ),
            "a type that lacks a key": (
                define(keysMap=None, dataFrom=[{"path": "secret/data/shop/db"}], type="kubernetes.io/tls"),
                1,
                "shop/app: InvalidForType: a Secret of type 'kubernetes.io/tls' needs data key 'tls.crt'\n",
            ),
            "no yaml": ("a: [\n", 2, "d.yaml:2:1: InvalidManifest: is not valid YAML: "),
        }
    ),
)
def test_what_cannot_become_a_secret_is_told_and_hides_no_other(
    render: Command, definition: str, code: int, said: str
) -> None:
    put(definition, define("good"))

    told = render("d.yaml", "--values", "values.json")

    assert told.code == code
    assert told.err.count("\n") == 1
    assert said in told.err
    assert "Secret shop/good" in told.out
    assert "\x00" not in told.err


def test_without_values_the_keys_of_a_type_are_checked(render: Command) -> None:
    put(define(type="kubernetes.io/basic-auth", keysMap=None, dataFrom=[{"path": "p"}]))

    assert render("d.yaml").code == 0


def test_a_suspended_definition_has_no_secret_and_is_no_fault(render: Command) -> None:
    put(define(suspend=True))

    said = render("d.yaml")

    assert (said.code, said.out.strip()) == (0, "")
    assert said.err == "d.yaml:12:3: warning: shop/app: Suspended: the daemon leaves its Secret as it is\n"


def test_a_file_that_is_not_there_is_told(render: Command) -> None:
    said = render("-f", "nowhere.yaml")

    assert said.code == 2
    assert said.err == "nowhere.yaml: Unreadable: cannot be read: No such file or directory\n"


# ── the settings of a daemon ─────────────────────────────────────────────────────────────────────────

SETTINGS = """
[backends.eu]
kind = "vault"
role-id-file = "/nowhere/role-id"
secret-id-file = "/nowhere/secret-id"
ca-cert = "/nowhere/ca.crt"

[backends.keys]
kind = "azure-kv"
name = "shop-vault"

[[policy.rules]]
namespaces = ["shop"]
paths = ["secret/data/shop/*", "App"]
effect = "allow"
"""


def test_with_flags_of_the_daemon_its_policy_holds_and_no_credentials_are_needed(render: Command) -> None:
    Path("s.toml").write_text(SETTINGS, encoding="utf-8")
    put(define(backend="eu"), define("b", "other", backend="eu"))

    said = render("d.yaml", "--", "-config", "s.toml")

    assert said.code == 1
    assert "Secret shop/app" in said.out
    assert said.err == (
        "d.yaml:23:7: other/b: PathNotAllowed: backend eu: the path policy does not allow namespace 'other' "
        "to read path 'secret/data/shop/db'\n"
    )


def test_files_stand_for_the_backends_of_the_settings(render: Command) -> None:
    Path("s.toml").write_text(SETTINGS, encoding="utf-8")
    Path("keys.yaml").write_text("APP: of the key vault\n", encoding="utf-8")
    put(define(keysMap={"A": {"path": "secrets/app", "key": "", "backend": "keys"}}))
    flags = ("--", "-config", "s.toml")

    shown = render("d.yaml", "--values", "keys=keys.yaml", "--show-values", *flags)
    strange = render("d.yaml", "--values", "us=keys.yaml", *flags)

    assert "A     of the key vault   keys: secrets/app, key ''" in shown.out
    assert strange.code == 2
    assert "--values names backend us; the settings have eu, keys\n" in strange.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-f", "d.yaml", "--values", "v", "--backend"], "give one of the two"),
        ([], "name the files with -f"),
        (["d.yaml", "--values", "none.json"], "--values 'none.json' cannot be read"),
        (["d.yaml", "-n", "A"], "no namespace can have that name"),
        (["d.yaml", "--", "-nope"], "flag provided but not defined: -nope"),
        (["d.yaml", "--", "-workers=0"], "must be between 1 and 1024"),
    ],
)
def test_what_cannot_be_answered_ends_with_2(render: Command, words: list[str], said: str) -> None:
    put(define())

    told = render(*words)

    assert told.code == 2
    assert said in told.err


@pytest.mark.parametrize("text", ["y", "No", "1e30", "0x1F", "12345678", "null", "~", "1_0", "plain"])
def test_yaml_is_read_by_kubectl_as_it_was_meant(render: Command, text: str) -> None:
    put(define(metadata={"annotations": {"a.test/b": text}}))
    Path("values.json").write_text(json.dumps({"secret/data/shop/db": {"url": text}}), encoding="utf-8")

    out = render("d.yaml", "--values", "values.json", "-o", "yaml").out

    (found,) = documents(out)
    assert isinstance(found, Node)
    assert found.plain()["items"][0]["metadata"]["annotations"]["a.test/b"] == text
