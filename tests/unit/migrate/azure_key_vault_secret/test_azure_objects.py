"""What an AzureKeyVaultSecret reads and writes, as a definition says it."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.templates import compile_templates
from tests.unit.migrate.objects import azure_object, made_of, plan_of, put, report_of

DOCKER = "kubernetes.io/dockerconfigjson"
TLS = "kubernetes.io/tls"


def sources(**fields: Any) -> Json:
    """What the definition of an object reads and writes."""
    spec = made_of(plan_of(azure_object("one", **fields)))["spec"]
    return {name: part for name, part in spec.items() if name not in {"name", "backend"}}


def test_a_secret_is_a_key_of_the_key_vault_that_it_names() -> None:
    made = plan_of(azure_object(vault__name="Shop-Vault"))

    assert made_of(made) == {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"namespace": "shop", "name": "password"},
        "spec": {
            "name": "db",
            "backend": "shop-vault",
            "keysMap": {"password": {"path": "password", "key": ""}},
        },
    }
    assert report_of(made, "password").remarks == ()


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("Opaque", "one"),
        (DOCKER, ".dockerconfigjson"),
        ("kubernetes.io/dockercfg", ".dockercfg"),
        ("kubernetes.io/ssh-auth", "ssh-privatekey"),
        ("example.test/own", "one"),
    ],
)
def test_the_type_of_the_secret_decides_about_the_key(type_: str, key: str) -> None:
    assert sources(output__secret__type=type_) == {
        "type": type_,
        "keysMap": {key: {"path": "one", "key": ""}},
    }


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ([], {"keysMap": {"one": {"path": "one", "key": ""}}}),
        (["base64decode"], {"keysMap": {"one": {"path": "one", "key": "", "encoding": "base64"}}}),
        (["trim"], "{{ one | trim }}"),
        (["toLower"], "{{ one | lower }}"),
        (["toUpper"], "{{ one | upper }}"),
        (["base64encode"], "{{ one | b64encode }}"),
        (["trim", "base64decode", "toUpper"], "{{ one | trim | b64decode | upper }}"),
    ],
)
def test_transforms_are_an_encoding_or_filters(transform: list[str], expected: Json | str) -> None:
    made = sources(output__transform=transform)

    if isinstance(expected, str):
        assert made["template"] == {"one": expected}
        assert made["inputs"] == {"one": {"path": "one", "key": ""}}
        assert "keysMap" not in made
    else:
        assert made == expected


def test_bytes_that_a_template_would_decode_are_told() -> None:
    transform = ["trim", "base64decode"]
    (remark,) = report_of(plan_of(azure_object(output__transform=transform)), "password").remarks

    assert str(remark) == "spec.output.transform decodes base64 in a template, which makes texts and no bytes"


def test_user_and_password_are_parted_at_the_first_colon() -> None:
    made = sources(output__secret__type="kubernetes.io/basic-auth", output__transform=["trim"])

    assert made["template"] == {
        "username": '{{ (one | trim | split(":"))[0] }}',
        "password": '{{ (one | trim | split(":"))[1:] | join(":") }}',
    }
    assert made["inputs"] == {"one": {"path": "one", "key": ""}}
    assert made["checks"] == {"password": "nonEmpty"}


def test_a_version_is_kept() -> None:
    made = sources(vault__object__version="0a1b2c")

    assert made["keysMap"] == {"one": {"path": "one", "key": "", "version": "0a1b2c"}}


@pytest.mark.parametrize("chain", ["", "ensureserverfirst"])
@pytest.mark.parametrize("kind", ["certificate", "secret"])
def test_a_certificate_for_tls_is_taken_apart(kind: str, chain: str) -> None:
    fields = {"vault__object__type": kind, "output__secret__type": TLS, "output__secret__chainOrder": chain}

    assert sources(**fields)["keysMap"] == {
        "tls.crt": {"path": "certificates/one", "key": "tls.crt"},
        "tls.key": {"path": "certificates/one", "key": "tls.key"},
    }
    said = [str(remark) for remark in report_of(plan_of(azure_object(**fields)), "password").remarks]
    assert "PKCS #8" in said[-1]
    assert len(said) == (2 if kind == "secret" else 1)


def test_a_bare_certificate_comes_with_its_issuers() -> None:
    body = azure_object("one", vault__object__type="certificate")
    made = plan_of(body)

    assert made_of(made)["spec"]["keysMap"] == {"one": {"path": "certificates/one", "key": "tls.crt"}}
    assert "with its issuers" in str(report_of(made, "one").remarks[0])


def test_a_key_is_its_modulus() -> None:
    assert sources(vault__object__type="key") == {
        "keysMap": {"one": {"path": "keys/one", "key": "#/public.jwk/n"}}
    }


def test_the_members_of_json_are_the_keys() -> None:
    made = sources(
        vault__object__type="multi-key-value-secret",
        vault__object__contentType="application/x-json",
        vault__object__version="2b",
    )

    assert made == {"dataFrom": [{"path": "one", "version": "2b"}]}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"vault.name": "no_name"}, "spec.vault.name is no name of a key vault"),
        ({"vault.name": None}, "spec.vault.name is no name of a key vault"),
        ({"vault.object.name": "no_name"}, "spec.vault.object.name is no name of an object"),
        ({"vault.object.version": "a/b"}, "spec.vault.object.version is no version"),
        ({"vault.object.type": "blob"}, "spec.vault.object.type is none of secret, certificate, key"),
        ({"output": {}}, "spec.output.secret.name is missing, so no Secret is made"),
        ({"output.secret.dataKey": ""}, "spec.output.secret.dataKey is missing"),
        ({"output.transform": ["rot13"]}, "spec.output.transform[0] is none of trim, toLower"),
        (
            {"output.secret.type": TLS, "output.transform": ["trim"]},
            "spec.output.transform changes a PFX before it is taken apart",
        ),
        (
            {"vault.object.type": "certificate", "output.secret.type": "Opaque"},
            "spec.output.secret.type is Opaque, which writes the PFX or PEM as it is stored",
        ),
        ({"vault.object.type": "certificate", "output.secret.dataKey": ""}, "spec.output.secret.dataKey is"),
        ({"vault.object.type": "key", "output.secret.dataKey": ""}, "spec.output.secret.dataKey is missing"),
        (
            {
                "vault.object.type": "multi-key-value-secret",
                "vault.object.contentType": "application/x-yaml",
            },
            "spec.vault.object.contentType is YAML; store it as JSON",
        ),
        ({"vault.object.type": "multi-key-value-secret"}, "spec.vault.object.contentType is missing"),
        ({"output.secret.name": "Not A Name"}, "spec would become a definition that cannot be"),
        ({"output.secret.dataKey": "a b"}, "spec would become a definition that cannot be"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_reason(fields: Json, reason: str) -> None:
    body = azure_object()
    for path, value in fields.items():
        body = put(body, f"spec.{path}", value)
    made = plan_of(body)
    report = report_of(made, "password")

    assert report.verdict is Verdict.REFUSED
    assert str(report.remarks[-1]).startswith(reason)
    assert made.definitions == ()


@pytest.mark.parametrize(
    ("transform", "held", "written"),
    [
        (["trim"], " \ta b\n", "a b"),
        (["toLower", "base64encode"], "Ä", "w6Q="),
        (["trim", "base64decode", "toUpper"], " w6Q=\n", "Ä"),
        (["base64encode", "base64encode"], "a", "WVE9PQ=="),
    ],
)
def test_filters_make_what_the_transforms_make(transform: list[str], held: str, written: str) -> None:
    template = sources(output__transform=transform)["template"]

    assert compile_templates(template).render({"one": held}) == {"one": written.encode()}


@pytest.mark.parametrize(
    ("held", "user", "password"), [("me:secret", "me", "secret"), ("me:a:b", "me", "a:b"), ("me:", "me", "")]
)
def test_templates_make_user_and_password(held: str, user: str, password: str) -> None:
    template = sources(output__secret__type="kubernetes.io/basic-auth")["template"]

    assert compile_templates(template).render({"one": held}) == {
        "username": user.encode(),
        "password": password.encode(),
    }


@pytest.mark.parametrize("kind", ["key", "certificate", "multi-key-value-secret"])
def test_transforms_of_an_object_that_is_no_secret_are_told(kind: str) -> None:
    fields = {"vault__object__type": kind, "vault__object__contentType": "application/x-json"}
    report = report_of(plan_of(azure_object(**fields, output__transform=["trim"])), "password")

    assert report.verdict is Verdict.NOTED
    assert "spec.output.transform is without effect there too" in " ".join(map(str, report.remarks))
