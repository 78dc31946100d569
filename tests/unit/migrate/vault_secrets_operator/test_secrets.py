"""What a VaultStaticSecret becomes, part by part."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from secrets_manager.templates import compile_templates
from tests.unit.migrate.objects import made_of, plan_of, put, report_of
from tests.unit.migrate.vault_objects import auth, connection, static_secret, transformation

USUAL = (connection(), auth())


def spec_of(body: Json, *others: Json) -> Json:
    made = plan_of(*USUAL, *others, body)
    assert report_of(made, "db").verdict is not Verdict.REFUSED, report_of(made, "db").remarks
    spec: Json = made_of(made)["spec"]
    return spec


def said_of(body: Json, *others: Json) -> list[str]:
    return [str(remark) for remark in report_of(plan_of(*USUAL, *others, body), "db").remarks]


def refusal_of(body: Json, *others: Json) -> str:
    made = plan_of(*USUAL, *others, body)
    assert report_of(made, "db").verdict is Verdict.REFUSED
    assert made.definitions == ()
    return str(report_of(made, "db").remarks[-1])


def shaped(**transformation: Any) -> Json:
    return static_secret(destination={"transformation": {"excludeRaw": True, **transformation}})


def test_all_keys_of_a_path_are_written_as_they_were() -> None:
    assert spec_of(static_secret()) == {
        "name": "db-secret",
        "backend": "vso-login",
        "refreshPeriod": "1m",
        "dataFrom": [{"path": "secret/data/shop/db"}],
    }
    assert said_of(static_secret()) == []


def test_a_path_of_version_1_has_a_backend_of_that_version() -> None:
    old = static_secret("old", type="kv-v1", mount="kv", destination={"name": "old"})
    made = plan_of(*USUAL, static_secret(), old)

    assert {name: table.settings.get("engine") for name, table in made.backends.items()} == {
        "vso-login": None,
        "vso-login-kv1": "kv1",
    }
    assert made.definitions[1].manifest["spec"]["dataFrom"] == [{"path": "kv/shop/db"}]


def test_a_version_of_an_engine_without_versions_is_noted() -> None:
    assert said_of(static_secret(type="kv-v1", version=3))[0].startswith("spec.version is without effect")


@pytest.mark.parametrize("missing", ["mount", "path", "type", "destination"])
def test_what_has_to_be_there_is_asked_for(missing: str) -> None:
    body = static_secret()
    del body["spec"][missing]

    assert refusal_of(body) in {f"spec.{missing} is missing", "spec.destination.name is missing"}


def test_a_type_that_is_none_is_refused() -> None:
    assert refusal_of(static_secret(type="kv-v3")).startswith("spec.type is none that is known")


@pytest.mark.parametrize(
    ("spec", "period"),
    [({"refreshAfter": "0s"}, "1m"), ({"refreshAfter": "90s"}, "1m30s"), ({"refreshAfter": "1h"}, "1h")],
)
def test_how_often_it_is_read_stays(spec: Json, period: str) -> None:
    assert spec_of(static_secret(**spec))["refreshPeriod"] == period


def test_what_was_read_once_is_kept_in_step_and_noted() -> None:
    body = static_secret(hmacSecretData=False)

    assert "refreshPeriod" not in spec_of(body)
    assert [said.partition(" ")[0] for said in said_of(body)] == ["spec.hmacSecretData", "spec.refreshAfter"]


def test_the_key_with_the_whole_answer_is_noted_unless_it_was_left_out() -> None:
    body = static_secret(destination={"transformation": {}})

    (said,) = said_of(body)
    assert said.startswith("spec.destination.transformation.excludeRaw is not true, so the Secret has a key")


def test_a_secret_of_somebody_else_is_taken_over_and_kept() -> None:
    body = static_secret(
        destination={"create": False, "labels": {"a": "b"}, "annotations": {"c": "d"}, "type": "custom/x"}
    )
    made = made_of(plan_of(*USUAL, body))

    assert made["metadata"]["annotations"] == {"secrets-manager.tuenti.io/adopt": "true"}
    assert made["spec"]["onDelete"] == "Retain"
    assert made["spec"]["type"] == "custom/x"
    assert "metadata" not in made["spec"]
    assert [said.partition(" ")[0] for said in said_of(body)] == [
        "spec.destination.create",
        "spec.destination.labels",
        "spec.destination.annotations",
    ]


def test_a_label_that_the_operator_sets_itself_is_left_out() -> None:
    body = static_secret(destination={"labels": {"app.kubernetes.io/managed-by": "me", "team": "shop"}})

    assert spec_of(body)["metadata"] == {"labels": {"team": "shop"}}
    assert "has app.kubernetes.io/managed-by, which the operator sets itself" in said_of(body)[0]


def test_marks_of_the_object_stay_on_the_definition_and_it_is_noted_that_the_secret_gets_them() -> None:
    labels = {"team": "shop", "secrets.hashicorp.com/x": "y", "argocd.argoproj.io/instance": "shop"}
    body = put(static_secret(destination={"labels": {"team": "shop"}}), "metadata.labels", labels)

    assert made_of(plan_of(*USUAL, body))["metadata"]["labels"] == {
        "team": "shop",
        "argocd.argoproj.io/instance": "shop",
    }
    assert said_of(body) == []
    assert (
        "metadata has other, which the Secret gets too"
        in said_of(put(body, "metadata.labels", {"other": "x"}))[0]
    )


def test_restarts_that_the_operator_ignores_are_none() -> None:
    targets = [{"kind": "Deployment", "name": "app"}]
    body = static_secret(hmacSecretData=False, refreshAfter="1h", rolloutRestartTargets=targets)

    assert "restart" not in spec_of(body)
    assert said_of(body)[-1].startswith("spec.rolloutRestartTargets is without effect")


def test_a_workload_that_is_never_restarted_is_refused() -> None:
    body = static_secret(rolloutRestartTargets=[{"kind": "CronJob", "name": "app"}])

    assert refusal_of(body).startswith("spec.rolloutRestartTargets[0].kind is none that is restarted")


def test_a_template_gets_an_input_for_each_value_beside_the_keys_of_the_path() -> None:
    text = 'https://{{ .Secrets.user }}:{{ get .Secrets "pass-word" }}@{{ .Labels.app }}'
    body = put(shaped(templates={"url": {"text": text}}), "metadata.labels", {"app": "shop"})
    spec = spec_of(put(body, "spec.version", 2))

    origin = {"path": "secret/data/shop/db", "version": "2"}
    assert spec["dataFrom"] == [origin]
    assert spec["inputs"] == {"pass-word": origin | {"key": "pass-word"}, "user": origin | {"key": "user"}}
    assert spec["template"] == {"url": 'https://{{ user }}:{{ data["pass-word"] }}@shop'}


def test_a_template_that_goes_over_all_values_gets_the_whole_path() -> None:
    text = "{{ range $k, $v := .Secrets }}{{ $k }}={{ $v }};{{ end }}"
    spec = spec_of(shaped(templates={"env": {"text": text}}, excludes=[".*"]))

    assert spec["inputs"] == {"Secrets": {"path": "secret/data/shop/db"}}
    assert "Secrets" in spec["template"]["env"]
    assert "dataFrom" not in spec


def test_a_template_that_can_do_without_a_value_reads_the_path_and_not_the_key() -> None:
    text = '{{ if eq .Secrets.mode "a" }}{{ .Secrets.a }}{{ else }}{{ get .Secrets "b-c" }}{{ end }}'
    spec = spec_of(shaped(templates={"x": {"text": text}}))

    assert spec["inputs"] == {"Secrets": {"path": "secret/data/shop/db"}}
    compiled = compile_templates(spec["template"])
    assert compiled.render({"Secrets": {"mode": "a", "a": "1"}}) == {"x": b"1"}
    assert compiled.render({"Secrets": {"mode": "b", "b-c": "2"}}) == {"x": b"2"}


def test_a_key_called_data_is_an_input_of_another_name() -> None:
    spec = spec_of(shaped(templates={"a": {"text": "{{ .Secrets.data }}"}}))

    assert spec["inputs"] == {"data_value": {"path": "secret/data/shop/db", "key": "data"}}
    assert spec["template"] == {"a": "{{ data_value }}"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ .Metadata.created_time }}", "has a template that cannot be converted: line 1, `.Metadata`"),
        ("{{ .Labels.none }}", "has a template that cannot be converted"),
        ("{{ template `x` . }}", "has a template that cannot be converted"),
        ("a\n{{ .Secrets.a | sha512sum }}", "has a template that cannot be converted: line 2, `sha512sum`"),
    ],
)
def test_a_template_without_an_equal_is_refused_with_its_place(text: str, says: str) -> None:
    said = refusal_of(shaped(templates={"a.b": {"text": text}}))

    assert said.startswith(f"spec.destination.transformation.templates['a.b'] {says}")


def test_templates_and_filters_of_others_are_taken_in_the_order_of_the_operator() -> None:
    body = shaped(
        templates={"own": {"text": "own"}, "both": {"name": "b", "text": "own"}},
        excludes=["^x$"],
        transformationRefs=[{"name": "one"}, {"name": "two", "namespace": "shared"}],
    )
    one = transformation("one", templates={"b": {"text": "hidden"}, "c": {"text": "c"}}, includes=["^i$"])
    two = transformation("two", "shared", templates={"d": {"text": "d"}}, excludes=["^y$"])
    spec = spec_of(body, one, two)

    assert spec["template"] == {"own": "own", "both": "own", "c": "c", "d": "d"}
    assert spec["dataFrom"] == [{"path": "secret/data/shop/db", "include": ["i"], "exclude": ["x", "y"]}]


def test_templates_that_the_operator_would_refuse_are_refused() -> None:
    same_name = {"a": {"name": "n", "text": "1"}, "b": {"name": "n", "text": "2"}}
    twice = [{"name": "shapes"}, {"name": "shapes"}]
    unknown = [{"name": "shapes", "templateRefs": [{"name": "none"}]}]

    assert "has a template with the name of another one" in refusal_of(shaped(templates=same_name))
    assert "a second time" in refusal_of(shaped(transformationRefs=twice), transformation())
    assert "does not have" in refusal_of(shaped(transformationRefs=unknown), transformation())


def test_two_templates_for_one_key_are_refused() -> None:
    body = shaped(templates={"url": {"text": "own"}}, transformationRefs=[{"name": "shapes"}])

    assert "makes the key 'url', which another template makes too" in refusal_of(body, transformation())


def test_a_transformation_that_is_not_there_or_refused_refuses_who_refers_to_it() -> None:
    body = shaped(transformationRefs=[{"name": "shapes"}])

    assert "SecretTransformation shop/shapes, which is not among the files" in refusal_of(body)
    assert "which is refused itself" in refusal_of(body, transformation(includes=["a+"]))


def test_an_object_that_would_write_nothing_is_refused() -> None:
    assert "leaves out all keys" in refusal_of(shaped(excludes=[".*"]))


def test_a_filter_that_is_no_pattern_is_refused_by_its_place() -> None:
    said = refusal_of(shaped(includes=["^a$", "(?i)b"]))

    assert said.startswith("spec.destination.transformation.includes[1] is a regular expression")
