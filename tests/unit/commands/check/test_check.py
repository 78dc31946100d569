"""``check`` finds what is wrong with definitions in files, each at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.backends.tables import rows
from tests.unit.commands.said import CANARY, Command

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.usefixtures("without_a_network")

HEAD = "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\n"
VALUES = {
    "secret/data/shop/db": {"url": f"postgres://{CANARY}", "password": CANARY, "port": 5432},
    "secret/data/shop/mail": {"key": CANARY},
}


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values.json").write_text(json.dumps(VALUES), encoding="utf-8")
    return Command("check", tmp_path, capsys)


def define(called: str = "app", namespace: str = "shop", **spec: Any) -> str:
    wanted = {"name": called, "keysMap": {"URL": {"path": "secret/data/shop/db", "key": "url"}}, **spec}
    kept = {key: value for key, value in wanted.items() if value is not None}
    metadata = {"name": called, **({"namespace": namespace} if namespace else {})}
    return HEAD + yaml.safe_dump({"metadata": metadata, "spec": kept}, sort_keys=False)


def put(*definitions: str) -> None:
    Path("d.yaml").write_text("---\n".join(definitions), encoding="utf-8")


def line_of(text: str, nth: int = 0) -> int:
    """The line of the file that begins with this, after its blanks."""
    lines = Path("d.yaml").read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if line.strip().startswith(text)][nth]


def test_good_definitions_are_counted(check: Command) -> None:
    put(define(), "apiVersion: v1\nkind: ConfigMap\n", define("b"))

    said = check("d.yaml")

    assert (said.code, said.out, said.err) == (0, "2 definitions, 0 errors, 0 warnings\n", "")


def test_every_sample_is_good(check: Command) -> None:
    samples = ROOT / "samples"

    assert check("-R", "-f", str(samples)).code == 0
    assert check(str(samples), "--values", f"{samples}/values.json", "-n", "shop", "--strict").code == 0


def test_files_without_a_definition_are_told(check: Command) -> None:
    put("apiVersion: v1\nkind: ConfigMap\n")

    said = check("d.yaml")

    assert (said.code, said.out) == (0, "0 definitions, 0 errors, 0 warnings\n")
    assert said.err == "no SecretDefinition in these files; other objects: 1\n"


@pytest.mark.parametrize(
    ("spec", "at", "said"),
    rows(
        {
            "a field that there is not": (
                {"sufpend": True},
                "sufpend:",
                "InvalidManifest: spec.sufpend is no field that there is; did you mean suspend?",
            ),
            "a template that is none": (
                {"template": {"a": "x", "b": "{% if %}"}},
                "b:",
                "InvalidTemplate: spec.template[b], line 1: ",
            ),
            "a name that nothing provides": (
                {"template": {"b": "{{ urL }}"}},
                "b:",
                "InvalidTemplate: spec.template[b]: uses 'urL', which is a name of neither spec.inputs nor ",
            ),
            "a name that programs trust": (
                {"name": "tfstate-default-x"},
                "name: tfstate",
                "InvalidSpec: spec.name 'tfstate-default-x' is reserved for another program",
            ),
            "a type that lacks a key": (
                {"type": "kubernetes.io/tls"},
                "spec:",
                "InvalidManifest: spec type kubernetes.io/tls needs the keys tls.crt and tls.key in keysMap",
            ),
        }
    ),
)
def test_an_error_is_told_at_its_line(check: Command, spec: dict[str, Any], at: str, said: str) -> None:
    put(define("first"), define(**spec))

    told = check("d.yaml")

    problem, tally = told.out.splitlines()
    assert (told.code, tally) == (1, "2 definitions, 1 error, 0 warnings")
    assert problem.startswith(f"d.yaml:{line_of(at, -1)}:")
    assert f": shop/app: {said}" in problem


@pytest.mark.parametrize(
    ("spec", "at", "said"),
    rows(
        {
            "an input that no template uses": (
                {"inputs": {"x": {"path": "p"}}},
                "x:",
                "UnusedInput: no template uses 'x': it is read for nothing",
            ),
            "a template over a key": (
                {"template": {"URL": "{{ URL }}"}},
                "URL:",
                "Overridden: the template of 'URL' wins over this entry, whose value only templates see",
            ),
            "an optional key that the type needs": (
                {
                    "type": "kubernetes.io/ssh-auth",
                    "keysMap": {"ssh-privatekey": {"path": "p", "key": "k", "optional": True}},
                },
                "optional:",
                (
                    "OptionalKey: a Secret of type kubernetes.io/ssh-auth needs 'ssh-privatekey', "
                    "and it is optional"
                ),
            ),
        }
    ),
)
def test_a_hazard_is_a_warning_that_only_strictness_counts(
    check: Command, spec: dict[str, Any], at: str, said: str
) -> None:
    put(define(**spec))

    told = check("d.yaml")

    assert told.out.splitlines() == [
        f"d.yaml:{line_of(at)}:{told.out.split(':')[2]}: warning: shop/app: {said}",
        "1 definition, 0 errors, 1 warning",
    ]
    assert (told.code, check("d.yaml", "--strict").code) == (0, 1)


def test_all_inputs_are_used_by_a_template_that_takes_all_names(check: Command) -> None:
    put(define(inputs={"x": {"path": "p"}}, template={"T": "{{ data | tojson }}"}))

    assert check("d.yaml", "--strict").code == 0


def test_two_definitions_with_one_secret_are_told(check: Command) -> None:
    put(define("a", name="app"), define("b", name="app"), define("c", "other", name="app"))

    told = check("d.yaml")

    assert told.out.splitlines()[0] == (
        f"d.yaml:{line_of('name: app', 1)}:3: shop/b: TargetConflict: SecretDefinition 'a' (d.yaml:1) wants "
        "Secret 'app', too; the older of the two keeps it"
    )
    assert told.out.count("\n") == 2


def test_one_definition_twice_is_a_warning(check: Command) -> None:
    put(define(), define(), define("b"), define("b", "other"))

    told = check("d.yaml")

    assert told.code == 0
    assert "warning: shop/app: SameName: d.yaml:1 has a definition of this name, too" in told.out


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────

SETTINGS = """
exclude-namespaces = ["kube-system"]
min-refresh-period = "3s"

[backends.eu]
kind = "vault"

[backends.keys]
kind = "azure-kv"
name = "shop-vault"

[[policy.rules]]
namespaces = ["*"]
backends = ["eu"]
paths = ["secret/data/{namespace}/*"]
effect = "allow"

[[policy.rules]]
namespaces = ["*"]
backends = ["keys", "us"]
paths = ["*"]
effect = "allow"
"""


def source(path: str, backend: str, **more: str) -> dict[str, str]:
    return {"path": path, "key": "k", "backend": backend, **more}


@pytest.mark.parametrize(
    ("sources", "said"),
    rows(
        {
            "a path of another namespace": (
                [source("secret/data/other/x", "eu")],
                ["PathNotAllowed: backend eu: the path policy does not allow namespace 'shop' to read path "],
            ),
            "several": (
                [
                    source("secret/data/other/x", "eu"),
                    source("secret/data/shop/x", "eu"),
                    source("a/b/c/d", "keys"),
                ],
                ["PathNotAllowed: ", "InvalidPath: backend keys: path 'a/b/c/d' must be NAME, NAME/VERSION"],
            ),
            "a version that is none": (
                [source("secret/data/shop/x", "eu", version="v1")],
                ["InvalidVersion: backend eu: version 'v1' of path 'secret/data/shop/x': it must be a whole"],
            ),
            "a backend that there is not": (
                [source("secret/data/shop/x", "us")],
                ["UnknownBackend: the settings of the daemon have no backend named 'us'"],
            ),
        }
    ),
)
def test_the_settings_of_a_daemon_are_held_against_each_path(
    check: Command, sources: list[dict[str, str]], said: list[str]
) -> None:
    Path("s.toml").write_text(SETTINGS.replace('"keys", "us"', '"keys"'), encoding="utf-8")
    if "UnknownBackend" in said[0]:
        # Whether there is one is told only to who might read there.
        Path("s.toml").write_text(SETTINGS.replace('backends = ["keys", "us"]\n', ""), encoding="utf-8")
    put(define(keysMap={f"K{number}": each for number, each in enumerate(sources)}))

    told = check("d.yaml", "--", "-config", "s.toml")

    *problems, _ = told.out.splitlines()
    assert told.code == 1
    assert len(problems) == len(said)
    for problem, expected in zip(problems, said, strict=True):
        assert f": shop/app: {expected}" in problem
    first_bad = next(each for each in sources if "shop" not in each["path"] or len(sources) == 1)
    assert problems[0].startswith(f"d.yaml:{line_of('path: ' + first_bad['path'])}:")


@pytest.mark.parametrize(
    ("definition", "said"),
    rows(
        {
            "a namespace that is left out": (
                define(namespace="kube-system", backend="keys", keysMap={"K": {"path": "a", "key": ""}}),
                "NotWatched: the daemon does not work in namespace kube-system",
            ),
            "no namespace": (
                define(namespace="", backend="keys", keysMap={"K": {"path": "a", "key": ""}}),
                "NoNamespace: names no namespace, so what holds for default was checked; give -n",
            ),
            "a period that is too short": (
                define(refreshPeriod="1s", backend="eu"),
                (
                    "ShortRefreshPeriod: is shorter than the settings allow: paths of backend eu are read "
                    "every 3s"
                ),
            ),
        }
    ),
)
def test_what_the_daemon_would_do_otherwise_is_a_warning(check: Command, definition: str, said: str) -> None:
    Path("s.toml").write_text(SETTINGS.replace(', "us"', ""), encoding="utf-8")
    put(definition)

    told = check("d.yaml", "--", "-config", "s.toml")

    assert told.code == 0
    assert f": {said}\n" in told.out


def test_without_settings_nothing_is_said_of_backends_and_policies(check: Command) -> None:
    put(define(backend="eu", refreshPeriod="1s"), define("b", ""))

    assert check("d.yaml").out == "2 definitions, 0 errors, 0 warnings\n"


# ── what backends hold ───────────────────────────────────────────────────────────────────────────────


def test_each_path_and_key_that_is_not_there_is_told_by_name(check: Command) -> None:
    put(
        define(
            keysMap={
                "A": {"path": "secret/data/shop/db", "key": "pasword"},
                "B": {"path": "secret/data/shop/db", "key": "password"},
                "C": {"path": "secret/data/shop/mial", "key": "key"},
                "D": {"path": "secret/data/shop/mail", "key": "nothing-like-it"},
                "E": {"path": "secret/data/shop/none", "key": "x", "optional": True},
            },
            dataFrom=[{"path": "nowhere"}],
            inputs={"I": {"path": "secret/data/shop/db", "key": "prot"}},
            template={"T": "{{ I }}"},
        ),
        define("good"),
    )

    told = check("d.yaml", "--values", "values.json")

    lines = [line.partition(": shop/app: ") for line in told.out.splitlines()[:-1]]
    assert told.code == 1
    assert [(int(place.split(":")[1]), said) for place, _, said in lines] == [
        (
            line_of("key: pasword"),
            "KeyNotFound: path 'secret/data/shop/db' has no key 'pasword'; did you mean 'password'?",
        ),
        (
            line_of("path: secret/data/shop/mial"),
            (
                "SourceNotFound: path 'secret/data/shop/mial' does not exist in the backend; did you mean "
                "'secret/data/shop/mail'?"
            ),
        ),
        (line_of("key: nothing"), "KeyNotFound: path 'secret/data/shop/mail' has no key 'nothing-like-it'"),
        (line_of("- path: nowhere"), "SourceNotFound: path 'nowhere' does not exist in the backend"),
        (
            line_of("key: prot"),
            "KeyNotFound: path 'secret/data/shop/db' has no key 'prot'; did you mean 'port'?",
        ),
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    rows(
        {
            "a check": ({"checks": {"URL": "pem"}}, "CheckFailed: data key 'URL' "),
            "a template": ({"template": {"T": "{{ URL.nothing }}"}}, "TemplateFailed: spec.template[T]"),
            "a type": (
                {"type": "kubernetes.io/tls", "keysMap": None, "dataFrom": [{"path": "secret/data/shop/db"}]},
                "InvalidForType: a Secret of type 'kubernetes.io/tls' needs data key 'tls.crt'",
            ),
        }
    ),
)
def test_what_only_shows_with_the_values_is_told(check: Command, spec: dict[str, Any], said: str) -> None:
    put(define(**spec))

    told = check("d.yaml", "--values", "values.json")

    assert told.code == 1
    assert f": shop/app: {said}" in told.out


def test_a_backend_without_values_is_told_once(check: Command) -> None:
    put(define(backend="eu"))

    told = check("d.yaml", "--values", "values.json")

    assert told.code == 1
    assert told.out.splitlines()[0] == (
        f"d.yaml:{line_of('path:')}:7: shop/app: NoValues: no values are given for backend eu; "
        "give them with --values eu=FILE"
    )
    assert told.out.count("\n") == 2


def test_a_definition_that_is_suspended_needs_no_values(check: Command) -> None:
    put(define(suspend=True, keysMap={"A": {"path": "nowhere", "key": ""}}))

    assert check("d.yaml", "--values", "values.json").code == 0


def test_many_faults_of_one_definition_are_told_in_part(check: Command) -> None:
    put(define(keysMap={f"K{n:03}": {"path": "secret/data/shop/db", "key": f"zzz{n}"} for n in range(300)}))

    assert check("d.yaml", "--values", "values.json").out.count("KeyNotFound") == 20


def test_many_definitions_are_told_in_the_order_of_the_files(check: Command) -> None:
    bad = {"A": {"path": "nowhere", "key": ""}}
    put(*(define(f"d{number:03}", keysMap=bad) for number in range(200)))

    told = check("d.yaml", "--values", "values.json", "-o", "json")

    named = [problem["definition"] for problem in json.loads(told.out)["problems"]]
    assert named == [f"shop/d{number:03}" for number in range(200)]
