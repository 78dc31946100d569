"""What a VaultSecret becomes, part by part."""

from __future__ import annotations

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.migrate.rules import Rule
from secrets_manager.migrate.surroundings import Options
from secrets_manager.templates import compile_templates
from tests.unit.migrate.objects import made_of, plan_of, put, report_of
from tests.unit.migrate.vault_objects import vault_secret

TOLD = Options(kv1_mounts=frozenset({"old", "team/kv"}), kv2_mounts=frozenset({"secret", "team/v2"}))


def spec_of(body: Json) -> Json:
    made = plan_of(body, options=TOLD)
    assert report_of(made, "db").verdict is not Verdict.REFUSED, report_of(made, "db").remarks
    spec: Json = made_of(made)["spec"]
    return spec


def said_of(body: Json, options: Options = TOLD) -> list[str]:
    return [str(remark) for remark in report_of(plan_of(body, options=options), "db").remarks]


def refusal_of(body: Json) -> str:
    made = plan_of(body, options=TOLD)
    assert report_of(made, "db").verdict is Verdict.REFUSED
    assert made.definitions == ()
    return str(report_of(made, "db").remarks[-1])


def test_all_keys_of_a_path_are_written_to_a_secret_of_the_same_name() -> None:
    assert spec_of(vault_secret()) == {
        "name": "db",
        "type": "Opaque",
        "backend": "vault",
        "dataFrom": [{"path": "secret/data/shop/db"}],
    }
    assert said_of(vault_secret()) == []


@pytest.mark.parametrize(
    ("path", "full", "backend"),
    [
        ("secret/a", "secret/data/a", "vault"),
        ("/secret/a/", "secret/data/a", "vault"),
        ("team/v2/a/b", "team/v2/data/a/b", "vault"),
        ("team/kv/a", "team/kv/a", "vault-kv1"),
        ("old/a", "old/a", "vault-kv1"),
        ("older/a", "older/data/a", "vault"),
    ],
)
def test_the_mounts_that_a_person_names_say_where_the_path_is(path: str, full: str, backend: str) -> None:
    spec = spec_of(vault_secret(path=path))

    assert (spec["dataFrom"], spec["backend"]) == ([{"path": full}], backend)


def test_a_mount_that_nobody_names_is_taken_for_version_2_and_noted() -> None:
    (said,) = said_of(vault_secret(path="kv/a"))

    assert said.startswith("spec.path is taken for a path of version 2 of the engine")
    assert "--kv1-mount" in said


@pytest.mark.parametrize("path", ["secret", "secret/", "team/kv"])
def test_a_mount_is_no_path(path: str) -> None:
    assert refusal_of(vault_secret(path=path)) == "spec.path names a mount of Vault, and no secret in it"


def test_an_object_without_a_path_is_refused() -> None:
    assert refusal_of(vault_secret(path="")).startswith("spec.path is missing, and so is paths")


def test_the_first_path_that_has_a_key_wins_as_before() -> None:
    spec = spec_of(vault_secret(paths=["old/a", "secret/b"], keys=["x"], version=2))

    assert spec["dataFrom"] == [
        {"path": "secret/data/b", "version": "2", "include": ["x"]},
        {"path": "old/a", "backend": "vault-kv1", "include": ["x"]},
        {"path": "secret/data/shop/db", "version": "2", "include": ["x"]},
    ]
    assert said_of(vault_secret(paths=["old/a"], version=2))[0].startswith("spec.version is without effect")


def test_the_login_is_for_a_person_to_write_and_no_address_is_made_up() -> None:
    made = plan_of(vault_secret(), vault_secret("b", "web", vaultRole="b"), options=TOLD)

    assert {name: table.settings for name, table in made.backends.items()} == {
        "vault": {"url": "https://vault.invalid:8200"},
        "vault-role-b": {
            "url": "https://vault.invalid:8200",
            "auth-method": "kubernetes",
            "kubernetes-role": "b",
        },
    }
    assert all("VAULT_ADDRESS" in table.todo[0] for table in made.backends.values())


def test_objects_with_one_login_share_a_backend_whose_rule_names_their_namespaces() -> None:
    made = plan_of(vault_secret(), vault_secret("b", "web"), options=TOLD)

    assert made.rules == (Rule(("vault",), ("shop", "web"), ("*",)),)


def test_names_that_become_one_name_of_a_backend_are_told_apart() -> None:
    made = plan_of(vault_secret(vaultRole="a-b"), vault_secret("b", vaultRole="a_b"), options=TOLD)

    assert set(made.backends) == {"vault-role-a-b", "vault-role-a-b-2"}


def test_decoded_values_are_named_one_by_one() -> None:
    body = vault_secret(isBinary=True, keys=["b", "a"], path="old/a")

    assert spec_of(body)["keysMap"] == {
        key: {"path": "old/a", "key": key, "encoding": "base64"} for key in ("a", "b")
    }
    assert said_of(body)[0].startswith("spec.isBinary is true, so each key has to be there")


@pytest.mark.parametrize("spec", [{}, {"keys": ["a"], "paths": ["secret/b"]}])
def test_decoded_values_that_cannot_be_named_are_refused(spec: Json) -> None:
    assert refusal_of(vault_secret(isBinary=True, **spec)).startswith("spec.isBinary decodes all keys")


def test_with_templates_only_what_they_make_is_written() -> None:
    body = put(
        vault_secret(templates={"url": "{% .Secrets.user %}@{% .Labels.host %}"}),
        "metadata.labels",
        {"host": "a"},
    )
    spec = spec_of(body)

    assert spec["template"] == {"url": "{{ user | text }}@a"}
    assert spec["inputs"] == {"user": {"path": "secret/data/shop/db", "key": "user"}}
    assert "dataFrom" not in spec


def test_a_template_takes_a_value_of_the_first_path_that_has_it() -> None:
    spec = spec_of(vault_secret(templates={"a": "{% .Secrets.user %}"}, paths=["old/b"]))

    assert spec["inputs"] == {
        "path_1": {"path": "secret/data/shop/db"},
        "path_2": {"path": "old/b", "backend": "vault-kv1"},
    }
    assert spec["template"] == {"a": "{{ (path_1.user if path_1.user is defined else path_2.user) | text }}"}


def test_names_of_inputs_are_not_those_of_variables() -> None:
    several = spec_of(
        vault_secret(templates={"a": "{% $path_1 := .Secrets.a %}{% $path_1 %}"}, paths=["old/b"])
    )
    one = spec_of(vault_secret(templates={"a": "data_value {% .Secrets.data %}"}))

    assert set(several["inputs"]) == {"path__1", "path__2"}
    assert set(one["inputs"]) == {"data_value_"}


def test_a_template_that_can_do_without_a_value_reads_the_path_and_not_the_key() -> None:
    text = '{% .Secrets.port | default "5432" %}{% if .Secrets.tls %}s{% end %}'
    spec = spec_of(vault_secret(templates={"a": text}))

    assert spec["inputs"] == {"Secrets": {"path": "secret/data/shop/db"}}
    there, absent = ({"Secrets": values} for values in ({"port": 1, "tls": "x"}, {"user": "u"}))
    compiled = compile_templates(spec["template"])
    assert compiled.render(there) == {"a": b"1s"}
    assert compiled.render(absent) == {"a": b"5432"}


def test_decoded_values_are_decoded_in_templates() -> None:
    spec = spec_of(vault_secret(templates={"a": "{% .Secrets.user %}"}, isBinary=True))

    assert spec["template"] == {"a": "{{ user | b64decode }}"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"keys": ["a"]}, "uses 'user', which is none of the keys that are read"),
        ({"keys": ["a"], "templates": {"a": "{% range .Secrets %}{% . %}{% end %}"}}, "goes over all values"),
        ({"paths": ["old/a"], "templates": {"a": "{% toJson .Secrets %}"}}, "goes over all values"),
        ({"templates": {"a": "{% .Vault.Address %}"}}, "has a template that cannot be converted"),
        ({"templates": {"a": "{% .SecretsPaths %}"}}, "has a template that cannot be converted"),
    ],
)
def test_a_template_without_an_equal_is_refused(spec: Json, says: str) -> None:
    usual: Json = {"templates": {"a": "{% .Secrets.user %}"}}
    body = vault_secret(**usual | spec)

    assert refusal_of(body).startswith(f"spec.templates['a'] {says}")


def test_a_template_over_all_values_reads_the_whole_path() -> None:
    spec = spec_of(vault_secret(templates={"a": "{% range $k, $v := .Secrets %}{% $k %}{% end %}"}))

    assert spec["inputs"] == {"Secrets": {"path": "secret/data/shop/db"}}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"secretEngine": "pki"}, "spec.secretEngine has certificates issued"),
        ({"secretEngine": "other"}, "spec.secretEngine is none that is known here"),
        ({"reconcileStrategy": "Merge"}, "spec.reconcileStrategy adds keys to a Secret"),
        ({"restartOnChange": {"kind": "DaemonSet"}}, "spec.restartOnChange.kind is none that is restarted"),
    ],
)
def test_what_no_definition_does_is_refused(spec: Json, says: str) -> None:
    assert refusal_of(vault_secret(**spec)).startswith(says)


def test_marks_stay_on_the_definition_from_which_the_secret_gets_them_as_before() -> None:
    body = put(vault_secret(), "metadata.labels", {"team": "shop", "vaultsecrets.ricoberger.de/x": "y"})

    assert made_of(plan_of(body, options=TOLD))["metadata"]["labels"] == {"team": "shop"}
    assert said_of(body) == []
