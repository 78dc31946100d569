"""What a Secret that argocd-vault-plugin fills in becomes."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import pytest

from secrets_manager.migrate.argocd_vault_plugin.fields import secret
from secrets_manager.migrate.fields import META, Fate
from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.plan import plan
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.rules import Rule
from tests.unit.migrate.objects import filled_secret, made_of, original, plan_of, report_of

UNKNOWN = "https://vault.invalid:8200"
DB = "secret/data/shop/db"
PATH, VERSION, KV = (f"avp.kubernetes.io/{name}" for name in ("path", "secret-version", "kv-version"))
REMOVE = "avp.kubernetes.io/remove-missing"
CONSTANT = "has no placeholder, so it stands in the definition as it did in Git"


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def in_data(value: str, **body: Any) -> Json:
    return filled_secret(**{"stringData": {}, "data": {"KEY": value}, **body})


def spec_of(body: Json) -> Json:
    spec: Json = made_of(plan_of(body))["spec"]
    return spec


def said_of(body: Json) -> list[str]:
    return [str(remark) for remark in report_of(plan_of(body), "db").remarks]


def test_a_placeholder_alone_is_a_key_of_its_path() -> None:
    made = plan_of(filled_secret(type="Opaque"))

    assert made_of(made) == {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"namespace": "shop", "name": "db"},
        "spec": {
            "name": "db",
            "type": "Opaque",
            "backend": "vault",
            "keysMap": {"KEY": {"path": DB, "key": "password"}},
        },
    }
    assert report_of(made, "db").remarks == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"<path:{DB}#k>", {"key": "k", "encoding": "base64"}),
        (f"<path:{DB}#k | base64encode>", {"key": "k"}),
        (f"<path:{DB}#k | base64decode | base64encode>", {"key": "k", "encoding": "base64"}),
        (encoded(f"<path:{DB}#k>"), {"key": "k", "encoding": "json"}),
        (encoded(f"<path:{DB}#k | base64decode>"), {"key": "k", "encoding": "base64"}),
        (f"<path:{DB}#k | jsonPath {{.a}} | base64encode>", {"key": "#/k/a", "encoding": "json"}),
        (f"<path:{DB}#k | jsonPath {{.a}}>", {"key": "#/k/a", "encoding": "base64"}),
    ],
)
def test_in_data_the_value_is_what_the_base64_stands_for(value: str, expected: Json) -> None:
    assert spec_of(in_data(value))["keysMap"] == {"KEY": {"path": DB, **expected}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<path:{DB}#k | base64decode>", {"key": "k", "encoding": "base64"}),
        (f"<path:{DB}#k#7>", {"key": "k", "version": "7"}),
        (f"<path:/{DB}/#k>", {"key": "k"}),
        (
            f"<path:{DB}#a~b/c%d | jsonPath {{$.x['y z'][0]}}>",
            {"key": "#/a~0b~1c%25d/x/y z/0", "encoding": "json"},
        ),
        (f"<path:{DB}#k | jsonParse | jsonPath {{ .x }}>", {"key": "#/k/x", "encoding": "json"}),
    ],
)
def test_in_string_data_the_value_is_that_of_vault(text: str, expected: Json) -> None:
    assert spec_of(filled_secret(text))["keysMap"] == {"KEY": {"path": DB, **expected}}


@pytest.mark.parametrize(
    ("modifiers", "expected"),
    [
        ("base64encode", "{{ k | b64encode }}"),
        ("base64decode | base64decode", "{{ k | b64decode | b64decode }}"),
        ("sha256sum", "{{ k | sha256 }}"),
        ("indent 4", "{{ k | indent(4) }}"),
        ("jsonPath {.a} | sha256sum", "{{ k | sha256 }}"),
    ],
)
def test_other_modifiers_are_filters_of_a_template(modifiers: str, expected: str) -> None:
    made = spec_of(filled_secret(f"<path:{DB}#k | {modifiers}>"))
    key = "#/k/a" if "jsonPath" in modifiers else "k"

    assert made["template"] == {"KEY": expected}
    assert made["inputs"] == {"k": {"path": DB, "key": key}}


def test_text_around_placeholders_is_a_template_that_makes_the_same() -> None:
    text = f'{{"u": "<path:{DB}#user>", {{% <path:other/data/x#user#2>{{<path:{DB}#user>}}, <no>, {{'
    made = spec_of(filled_secret(text))

    assert made["template"]["KEY"] == (
        '{"u": "{{ user | text }}", {{ "{%" }} {{ user_2 | text }}{{ "{" }}{{ user | text }}}, <no>, {'
    )
    assert made["inputs"] == {
        "user": {"path": DB, "key": "user"},
        "user_2": {"path": "other/data/x", "key": "user", "version": "2"},
    }


@pytest.mark.parametrize("name", ["data", "KEY", "if", "1st", "-", "range", "ä"])
def test_a_name_that_no_template_can_have_gets_another_one(name: str) -> None:
    body = filled_secret(stringData={"KEY": f"<path:{DB}#x>", "OTHER": f"a<path:{DB}#{name}>"})
    made = spec_of(body)

    (own,) = made["inputs"]
    assert own != name
    assert made["inputs"] == {own: {"path": DB, "key": name}}
    assert made["template"] == {"OTHER": f"a{{{{ {own} | text }}}}"}


def test_keys_without_a_placeholder_are_constants_and_told() -> None:
    body = filled_secret(
        stringData={"KEY": f"<path:{DB}#k>", "A": "{{ a }}"}, data={"B": encoded("b"), "C": ""}
    )

    assert spec_of(body)["template"] == {"A": '{{ "{{" }} a }}', "B": "b", "C": ""}
    assert [(said.split(" has ")[0], CONSTANT in said) for said in said_of(body)] == [
        ("data.B", True),
        ("data.C", True),
        ("stringData.A", True),
    ]


def test_string_data_wins_over_data() -> None:
    body = filled_secret(data={"KEY": f"<path:{DB}#lost>"})

    assert spec_of(body)["keysMap"] == {"KEY": {"path": DB, "key": "password"}}
    assert said_of(body) == ["data.KEY stands in stringData too, which wins"]


def test_names_alone_are_keys_of_the_path_of_the_object() -> None:
    annotations = {PATH: DB, VERSION: "3", "team": "shop", "argocd.argoproj.io/sync-wave": "1"}
    body = filled_secret(
        annotations=annotations, stringData={"A": "<user>", "B": "<path:other/data/x#y>", "C": "<a>-<b>"}
    )
    made = made_of(plan_of(body))

    assert made["spec"]["keysMap"] == {
        "A": {"path": DB, "key": "user", "version": "3"},
        "B": {"path": "other/data/x", "key": "y"},
    }
    assert made["spec"]["inputs"]["a"] == {"path": DB, "key": "a", "version": "3"}
    assert made["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "1", "team": "shop"}


def test_an_older_engine_is_a_backend_of_its_own_and_has_no_versions() -> None:
    body = filled_secret(
        "<path:secret/db#k#4>", annotations={KV: "1", VERSION: "2", PATH: "secret/app"}, data={"B": "<b>"}
    )
    made = plan_of(body, filled_secret(metadata={"name": "other", "namespace": "shop"}))

    assert {name: dict(table.settings) for name, table in made.backends.items()} == {
        "vault": {"url": UNKNOWN},
        "vault-kv1": {"url": UNKNOWN, "engine": "kv1"},
    }
    assert made.definitions[0].manifest["spec"]["keysMap"] == {
        "KEY": {"path": "secret/db", "key": "k"},
        "B": {"path": "secret/app", "key": "b", "encoding": "base64"},
    }
    says = "names a version, which version 1 of the engine does not have, and is ignored"
    assert [str(remark) for remark in report_of(made, "db").remarks] == [
        f"metadata.annotations['avp.kubernetes.io/secret-version'] {says}",
        f"stringData.KEY {says}",
    ]


def test_each_namespace_may_read_the_very_paths_that_it_names() -> None:
    other = filled_secret(
        "<path:secret/data/x#a> <path:/secret/data/y#b>", metadata={"name": "x", "namespace": "b"}
    )
    made = plan_of(filled_secret(), other)

    assert made.rules == (
        Rule(("vault",), ("b",), ("secret/data/x", "secret/data/y")),
        Rule(("vault",), ("shop",), (DB,)),
    )
    assert any("VAULT_ADDR" in todo for todo in made.backends["vault"].todo)


def test_what_may_be_missing_is_optional() -> None:
    body = filled_secret(annotations={REMOVE: "true"}, stringData={"A": f"<path:{DB}#k>", "B": "b"})

    assert spec_of(body)["keysMap"] == {"A": {"path": DB, "key": "k", "optional": True}}
    assert said_of(body)[0].startswith(f"metadata.annotations['{REMOVE}'] becomes optional")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (filled_secret(annotations={KV: "3"}), f"metadata.annotations['{KV}'] is neither 1 nor 2"),
        (filled_secret(f"<path:{DB}#k#new>"), "stringData.KEY names a version that is no number"),
        (
            filled_secret("<k>", annotations={PATH: DB, VERSION: "new"}),
            f"metadata.annotations['{VERSION}'] names a version that is no number",
        ),
        (filled_secret("<path:secret/*#k>"), "stringData.KEY names a path that Vault cannot have"),
        (filled_secret("<path:a/../b#k>"), "stringData.KEY names a path that Vault cannot have"),
        (filled_secret("<path:a//b#k>"), "stringData.KEY names a path that Vault cannot have"),
        (
            filled_secret("<k>", annotations={PATH: "{namespace}"}),
            f"metadata.annotations['{PATH}'] names a path that Vault cannot have",
        ),
        (filled_secret("<>", annotations={PATH: DB}), "stringData.KEY has a placeholder without a key"),
        (in_data(f"a<path:{DB}#k>"), "data.KEY has text around a placeholder in base64"),
        (in_data("no base64", stringData={"A": "<path:a#b>"}), "data.KEY is not base64"),
        (in_data(encoded(b"\xff\xfe"), stringData={"A": "<path:a#b>"}), "data.KEY is bytes that are no text"),
        (
            filled_secret(encoded(f"<path:{DB}#k>")),
            "stringData.KEY is base64 of a text with placeholders",
        ),
        (
            filled_secret(f"a<path:{DB}#k>", annotations={REMOVE: "true"}),
            "stringData.KEY is more than one value, or a changed one, and remove-missing",
        ),
        *(
            (filled_secret(f"<path:{DB}#k | {modifier}>"), f"stringData.KEY has {says}")
            for modifier, says in (
                ("jsonParse", "the modifier jsonParse, which makes something that is no text"),
                ("yamlParse | jsonPath {.a}", "the modifier yamlParse"),
                ("jsonStringify", "a modifier that the plug-in does not have"),
                ("", "a modifier that the plug-in does not have"),
                ("base64encode 3", "the modifier base64encode with words behind it"),
                ("jsonPath {.a}{.b}", "the modifier jsonPath with more than one way"),
                ("jsonPath {.a[*]}", "the modifier jsonPath with more than one way"),
                ("jsonPath .a", "the modifier jsonPath with more than one way"),
                ("sha256sum | jsonPath {.a}", "the modifier jsonPath with more than one way"),
                ("indent", "the modifier indent without one number"),
                ("indent -1", "the modifier indent without one number"),
                ("indent 9999", "the modifier indent without one number"),
            )
        ),
        (filled_secret(immutable=True), "immutable makes the Secret immutable"),
        (filled_secret(type="<path:a#b>"), "type has a placeholder; a definition fills in values only"),
        (
            filled_secret(metadata={"name": "db", "labels": {"a": "<path:a#b>"}}),
            "metadata.labels.a has a placeholder; a definition fills in values only",
        ),
        (filled_secret(data={"A": 1}), "data.A is a number"),
        (filled_secret(data="text"), "data is no field"),
        (filled_secret(spec={"a": 1}), "spec.a is no field that argocd-vault-plugin has there"),
        (filled_secret(metadata={"name": "db", "ownerReferences": [{"kind": "A"}]}), "metadata.ownerRef"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_reason(body: Json, reason: str) -> None:
    made = plan_of(body)

    assert report_of(made, "db").verdict is Verdict.REFUSED
    assert [said for said in said_of(body) if said.startswith(reason)]
    assert made.definitions == ()


def test_an_annotation_that_the_plug_in_does_not_have_is_told() -> None:
    body = filled_secret(annotations={"avp.kubernetes.io/kv_version": "1"})

    assert said_of(body) == [
        "metadata.annotations['avp.kubernetes.io/kv_version'] is no annotation that the plug-in has"
    ]


def test_the_rows_of_the_table_are_those_that_are_tested_here() -> None:
    rows = {row.path: row.fate for row in secret("v1").fields if row not in META}

    assert rows == {
        "type": Fate.CONVERTED,
        "data.*": Fate.CONVERTED,
        "stringData.*": Fate.CONVERTED,
        "immutable": Fate.REFUSED,
    }


def test_no_value_of_the_object_is_in_what_is_said() -> None:
    body = filled_secret(f"<path:{DB}#k | canary>", data={"A": "canary ä", "B": encoded("canary")})

    assert "canary" not in "\n".join(said_of(body))


def test_the_order_of_the_objects_changes_nothing() -> None:
    objects = [
        filled_secret(),
        filled_secret(metadata={"name": "x", "namespace": "b"}),
        filled_secret("<path:a#b>", metadata={"name": "y", "namespace": "b"}, annotations={KV: "1"}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "<path:a#b>"}},
    ]
    plans = {repr(plan(map(original, order))) for order in itertools.permutations(objects)}

    assert len(plans) == 1
