"""What an ExternalSecret becomes, part by part."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from tests.unit.migrate.objects import external_secret, made_of, plan_of, report_of, vault_store

PASSWORD = {"path": "secret/data/shop/db", "key": "password", "encoding": "json"}


def spec_of(body: Json, *stores: Json) -> Json:
    made = plan_of(*(stores or (vault_store(),)), body)
    assert report_of(made, body["metadata"]["name"]).verdict is not Verdict.REFUSED, report_of(made, "db")
    spec: Json = made_of(made)["spec"]
    return spec


def refusal_of(body: Json, *stores: Json) -> str:
    report = report_of(plan_of(*(stores or (vault_store(),)), body), body["metadata"]["name"])
    assert report.verdict is Verdict.REFUSED
    return str(report.remarks[-1])


def notes_of(body: Json, *stores: Json) -> list[str]:
    report = report_of(plan_of(*(stores or (vault_store(),)), body), body["metadata"]["name"])
    assert report.verdict is not Verdict.REFUSED
    return [str(remark) for remark in report.remarks]


def read(**remote: Any) -> list[Json]:
    return [{"secretKey": "K", "remoteRef": {"key": "app", **remote}}]


def reads(name: str, path: str) -> list[Json]:
    return [{"secretKey": name, "remoteRef": {"key": path, "property": name}}]


def test_a_key_is_read_where_it_was_as_the_text_that_it_was() -> None:
    assert spec_of(external_secret()) == {
        "name": "db",
        "backend": "vault",
        "refreshPeriod": "1h",
        "keysMap": {"PASSWORD": PASSWORD},
    }


def test_a_whole_path_is_written_as_it_is() -> None:
    spec = spec_of(external_secret(dataFrom=[{"extract": {"key": "shop/all", "version": "3"}}]))

    assert spec["dataFrom"] == [{"path": "secret/data/shop/all", "version": "3", "rename": {"invalid": "_"}}]
    assert "keysMap" not in spec


def test_an_entry_with_another_store_names_its_backend() -> None:
    other = vault_store("other", server="https://other.example.test")
    data = [*read(), {"secretKey": "L", "remoteRef": {"key": "b", "property": "c"}}]
    data[1]["sourceRef"] = {"storeRef": {"name": "other", "kind": "ClusterSecretStore"}}
    data[0]["remoteRef"]["property"] = "a"

    keys = spec_of(external_secret(data=data), vault_store(), other)["keysMap"]

    assert keys["L"] == {"path": "secret/data/b", "key": "c", "backend": "other", "encoding": "json"}
    assert "backend" not in keys["K"]


@pytest.mark.parametrize(
    ("remote", "entry"),
    [
        ({"property": "p", "decodingStrategy": "Base64"}, {"key": "p", "encoding": "base64"}),
        ({"property": "p", "version": 2}, {"key": "p", "version": "2", "encoding": "json"}),
        ({"property": "tls.crt"}, {"key": "tls.crt", "encoding": "json"}),
        ({"property": ".dockerconfigjson"}, {"key": ".dockerconfigjson", "encoding": "json"}),
    ],
)
def test_how_a_value_is_chosen_and_decoded_stays(remote: Json, entry: Json) -> None:
    body = external_secret(data=read(**remote))

    assert spec_of(body)["keysMap"] == {"K": {"path": "secret/data/app", **entry}}
    assert notes_of(body) == []


@pytest.mark.parametrize("prop", ["a.b", "a.0", "users.#.name", "@this"])
def test_a_property_that_may_be_a_way_into_json_is_told(prop: str) -> None:
    assert "is taken for the name of a key" in notes_of(external_secret(data=read(property=prop)))[0]


@pytest.mark.parametrize("strategy", ["Base64URL", "Auto", "other"])
def test_a_decoding_that_a_definition_lacks_is_refused(strategy: str) -> None:
    body = external_secret(data=read(property="p", decodingStrategy=strategy))

    assert refusal_of(body).startswith("spec.data[0].remoteRef.decodingStrategy ")


def test_a_value_without_a_property_is_the_whole_path_as_json() -> None:
    body = external_secret(data=read())
    spec = spec_of(body)

    assert spec["inputs"] == {"whole_1": {"path": "secret/data/app"}}
    assert spec["template"] == {"K": "{{ whole_1 | tojson(html=true) }}"}


@pytest.mark.parametrize(
    ("interval", "period"),
    [("1h", "1h"), ("90s", "1m30s"), ("1h0m0s", "1h"), ("168h", "168h"), (None, "1h")],
)
def test_the_interval_stays(interval: str | None, period: str) -> None:
    body = external_secret(**({"refreshInterval": interval} if interval else {}))

    assert spec_of(body)["refreshPeriod"] == period
    assert notes_of(body) == []


@pytest.mark.parametrize(
    ("change", "period"),
    [
        ({"refreshInterval": "8760h"}, "168h"),
        ({"refreshInterval": "1500ms"}, "2s"),
        ({"refreshInterval": "0"}, None),
        ({"refreshInterval": "0s"}, None),
        ({"refreshPolicy": "CreatedOnce"}, None),
        ({"refreshPolicy": "OnChange"}, None),
    ],
)
def test_an_interval_that_a_definition_cannot_say_is_told(change: Json, period: str | None) -> None:
    body = external_secret(**change)

    assert spec_of(body).get("refreshPeriod") == period
    assert len(notes_of(body)) == 1


def test_what_is_no_interval_is_refused() -> None:
    assert refusal_of(external_secret(refreshInterval="soon")).startswith(
        "spec.refreshInterval is no duration"
    )


@pytest.mark.parametrize("policy", ["Merge", "None"])
def test_a_secret_that_is_not_made_by_it_is_refused(policy: str) -> None:
    body = external_secret(target={"creationPolicy": policy})

    assert refusal_of(body).startswith("spec.target.creationPolicy ")


def test_keys_that_go_one_by_one_are_told() -> None:
    assert notes_of(external_secret(target={"deletionPolicy": "Merge"}))[0].startswith(
        "spec.target.deletionPolicy"
    )


def test_a_secret_that_went_with_its_only_path_goes_with_it() -> None:
    body = external_secret(target={"deletionPolicy": "Delete"}, data=[*reads("a", "app"), *reads("b", "app")])

    assert spec_of(body)["onSourceGone"] == "Delete"
    assert notes_of(body) == []


def test_a_secret_of_several_paths_never_goes_with_the_first_of_them() -> None:
    body = external_secret(target={"deletionPolicy": "Delete"}, data=[*reads("a", "app"), *reads("b", "web")])

    assert "onSourceGone" not in spec_of(body)
    (said,) = notes_of(body)
    assert said.startswith("spec.target.deletionPolicy takes keys away whose path is gone")


def test_of_two_entries_for_one_key_the_last_is_written_and_the_other_told() -> None:
    whole = {"secretKey": "a", "remoteRef": {"key": "app"}}
    body = external_secret(data=[whole, *reads("a", "web")])

    spec = spec_of(body)

    assert spec["keysMap"] == {"a": {"path": "secret/data/web", "key": "a", "encoding": "json"}}
    assert not spec.keys() & {"inputs", "template"}
    assert notes_of(body) == [
        "spec.data[0].secretKey is that of spec.data[1], too, which is written in its place"
    ]


@pytest.mark.parametrize(("version", "kept"), [("0", None), ("007", "7"), ("12", "12")])
def test_a_version_is_the_number_that_vault_takes_it_for(version: str, kept: str | None) -> None:
    body = external_secret(
        data=read(property="p", version=version), dataFrom=[{"extract": {"key": "b", "version": version}}]
    )
    spec = spec_of(body)

    assert spec["keysMap"]["K"].get("version") == kept
    assert spec["dataFrom"][0].get("version") == kept


def test_a_version_of_an_engine_without_versions_is_told_and_left_out() -> None:
    body = external_secret(data=read(property="p", version="2"))

    assert "version" not in spec_of(body, vault_store(version="v1"))["keysMap"]["K"]
    (said,) = notes_of(body, vault_store(version="v1"))
    assert said.startswith("spec.data[0].remoteRef.version is without effect there too")


def test_a_version_that_is_no_number_is_refused() -> None:
    assert refusal_of(external_secret(data=read(property="p", version="latest"))) == (
        "spec.data[0].remoteRef.version is no number, as the versions of Vault are"
    )


def test_labels_of_the_object_go_to_the_secret_without_a_template() -> None:
    body = external_secret(marks=("team",))
    body["metadata"]["annotations"] = {"force-sync": "1", "external-secrets.io/x": "y", "note": "n"}

    metadata = made_of(plan_of(vault_store(), body))["metadata"]

    assert metadata["labels"] == {"team": "yes"}
    assert metadata["annotations"] == {"note": "n"}
    assert notes_of(body) == []


def test_with_a_template_the_secret_has_its_marks_and_those_of_the_object_are_told() -> None:
    marks = {"labels": {"app": "shop"}, "annotations": {"a": "b"}}
    body = external_secret(
        marks=("team", "argocd.argoproj.io/instance"), target={"template": {"metadata": marks}}
    )

    assert spec_of(body)["metadata"] == marks
    assert notes_of(body) == ["metadata has team, which the Secret gets too; before, it had not"]


def test_a_label_that_is_a_template_is_refused() -> None:
    template = {"metadata": {"labels": {"app": "{{ .PASSWORD }}"}}}

    assert refusal_of(external_secret(target={"template": template})).startswith(
        "spec.target.template.metadata.labels has templates"
    )


def test_only_what_a_template_makes_is_written_and_what_it_uses_is_read() -> None:
    template = {"type": "Opaque", "data": {"url": "postgres://app:{{ .PASSWORD }}@{{ .host }}/"}}
    body = external_secret(target={"template": template}, dataFrom=[{"extract": {"key": "shop/all"}}])
    body["spec"]["data"] = external_secret()["spec"]["data"]

    spec = spec_of(body)

    assert spec["inputs"] == {
        "PASSWORD": {"path": "secret/data/shop/db", "key": "password"},
        "host": {"path": "secret/data/shop/all", "key": "host"},
    }
    assert spec["template"] == {"url": "postgres://app:{{ PASSWORD | text }}@{{ host | text }}/"}
    assert not spec.keys() & {"keysMap", "dataFrom"}


def test_a_template_that_merges_comes_on_top_of_what_is_read() -> None:
    template = {"mergePolicy": "Merge", "data": {"url": "https://{{ .PASSWORD }}"}}
    spec = spec_of(external_secret(target={"template": template}))

    assert spec["keysMap"] == {"PASSWORD": PASSWORD}
    assert spec["template"] == {"url": "https://{{ PASSWORD }}"}


def test_of_several_whole_paths_the_last_that_has_a_name_wins_in_templates_too() -> None:
    entries = [{"extract": {"key": "a"}}, {"extract": {"key": "b"}}]
    body = external_secret(target={"template": {"data": {"k": "{{ .x }}"}}}, dataFrom=entries)

    spec = spec_of(body)

    assert spec["inputs"] == {"from_1": {"path": "secret/data/a"}, "from_2": {"path": "secret/data/b"}}
    assert spec["template"] == {"k": "{{ (from_2.x if from_2.x is defined else from_1.x) | text }}"}


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ .other }}", "spec.target.template.data['k'] uses 'other', which nothing that is read provides"),
        ("{{ .PASSWORD | htpasswd }}", "cannot be converted: line 1, `htpasswd`"),
        ("{{ .PASSWORD", "cannot be converted: line 1"),
    ],
)
def test_a_template_that_has_no_equal_is_refused_with_the_reason(template: str, why: str) -> None:
    assert why in refusal_of(external_secret(target={"template": {"data": {"k": template}}}))


def test_a_key_called_data_and_one_with_a_dash_can_be_used() -> None:
    data = [
        {"secretKey": name, "remoteRef": {"key": "app", "property": name}} for name in ("data", "a-b", "if")
    ]
    template = {"data": {"k": '{{ .data }}{{ index . "a-b" }}{{ .if }}'}}
    spec = spec_of(external_secret(target={"template": template}, data=data))

    assert spec["template"] == {"k": '{{ data_value | text }}{{ data["a-b"] | text }}{{ data["if"] | text }}'}
    assert set(spec["inputs"]) == {"data_value", "a-b", "if"}


def test_bytes_of_a_template_are_decoded_before_it_sees_them() -> None:
    data = read(property="p", decodingStrategy="Base64")
    spec = spec_of(external_secret(target={"template": {"data": {"k": "{{ .K }}"}}}, data=data))

    assert spec["template"] == {"k": "{{ K | b64decode }}"}


@pytest.mark.parametrize(
    ("rewrite", "rename"),
    [
        ([{"regexp": {"source": "(.*)", "target": "PG_$1"}}], {"addPrefix": "PG_"}),
        ([{"regexp": {"source": "^(.+)$", "target": "PG_${1}"}}], {"addPrefix": "PG_"}),
        ([{"regexp": {"source": "^OLD_", "target": ""}}], {"stripPrefix": "OLD_"}),
        ([{"regexp": {"source": "^OLD_(.*)", "target": "$1"}}], {"stripPrefix": "OLD_"}),
        ([{"transform": {"template": "{{ .value | upper }}"}}], {"case": "upper"}),
        (
            [
                {"regexp": {"source": "^OLD_(.*)", "target": "$1"}},
                {"transform": {"template": "{{ .value | lower }}"}},
                {"transform": {"template": "x-{{ .value }}"}},
            ],
            {"stripPrefix": "OLD_", "case": "lower", "addPrefix": "x-"},
        ),
    ],
)
def test_keys_are_renamed_where_a_definition_can(rewrite: list[Json], rename: Json) -> None:
    body = external_secret(dataFrom=[{"extract": {"key": "a"}, "rewrite": rewrite}])

    assert spec_of(body)["dataFrom"] == [{"path": "secret/data/a", "rename": rename}]


@pytest.mark.parametrize(
    "rewrite",
    [
        [{"regexp": {"source": "a(.*)b", "target": "$1"}}],
        [{"regexp": {"source": "(.*)", "target": "$1_x"}}],
        [{"regexp": {"source": "(.*)", "target": "x_$1_y"}}],
        [{"regexp": {"source": "OLD_(.*)", "target": "$1"}}],
        [{"regexp": {"source": "^O.D_", "target": ""}}],
        [{"transform": {"template": "{{ .value | title }}"}}],
        [{}],
        [{"transform": {"template": "x-{{ .value }}"}}, {"regexp": {"source": "^x", "target": ""}}],
        [{"regexp": {"source": "^a", "target": ""}}, {"regexp": {"source": "^b", "target": ""}}],
    ],
)
def test_any_other_renaming_is_refused(rewrite: list[Json]) -> None:
    body = external_secret(dataFrom=[{"extract": {"key": "a"}, "rewrite": rewrite}])

    assert refusal_of(body).startswith("spec.dataFrom[0].rewrite[")


def test_keys_that_were_given_a_prefix_are_found_without_it_by_a_template() -> None:
    entry = {"extract": {"key": "a"}, "rewrite": [{"regexp": {"source": "(.*)", "target": "PG_$1"}}]}
    body = external_secret(target={"template": {"data": {"k": "{{ .PG_user }}"}}}, dataFrom=[entry])

    assert spec_of(body)["inputs"] == {"PG_user": {"path": "secret/data/a", "key": "user"}}


def test_a_cluster_wide_one_becomes_a_definition_in_each_namespace_that_it_names() -> None:
    spec = {
        "namespaces": ["b", "a", "b"],
        "externalSecretName": "login",
        "externalSecretMetadata": {"labels": {"team": "x"}},
        "externalSecretSpec": external_secret()["spec"],
    }
    body = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "spec": spec}
    made = plan_of(vault_store(), {**body, "metadata": {"name": "login"}})

    assert [str(one.ref) for one in made.definitions] == ["a/login", "b/login"]
    assert made.definitions[0].manifest["metadata"]["labels"] == {"team": "x"}


def test_the_first_version_of_the_api_names_the_path_in_the_entry() -> None:
    spec = spec_of(external_secret(version="v1alpha1", dataFrom=[{"key": "shop/all"}]))

    assert spec["dataFrom"] == [{"path": "secret/data/shop/all", "rename": {"invalid": "_"}}]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("name", {"path": "name", "key": ""}),
        ("secret/name", {"path": "name", "key": ""}),
    ],
)
def test_a_secret_of_a_key_vault_is_read_by_its_name(key: str, path: Json) -> None:
    provider = {"vaultUrl": "https://shop.vault.azure.net", "authType": "ManagedIdentity"}
    store = vault_store()
    store["spec"]["provider"] = {"azurekv": provider}
    data = [{"secretKey": "K", "remoteRef": {"key": key}}]

    assert spec_of(external_secret(data=data), store)["keysMap"] == {"K": path}


@pytest.mark.parametrize("key", ["cert/name", "key/name", "other/name"])
def test_other_objects_of_a_key_vault_are_refused(key: str) -> None:
    store = vault_store()
    store["spec"]["provider"] = {
        "azurekv": {"vaultUrl": "https://a.vault.azure.net", "authType": "ManagedIdentity"}
    }

    body = external_secret(data=[{"secretKey": "K", "remoteRef": {"key": key}}])

    assert refusal_of(body, store).startswith("spec.data[0].remoteRef.key ")
