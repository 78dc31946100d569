"""The options that choose a cluster and a namespace, and what a person is told when that fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, NotFound
from secrets_manager.cluster.client.status_errors import call_of, error_from_status
from secrets_manager.commands.cluster import Asked, cluster_of, cluster_options
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.faults import NoSuchObject, code_of, told
from secrets_manager.commands.kinds import Plain, Surroundings
from secrets_manager.domain.errors import ConfigError, Forbidden
from tests.integration.api_client_support import kubeconfig

FORBIDDEN = {"kind": "Status", "message": 'secrets is forbidden: User "u" cannot list resource'}


def asked(*words: str) -> Asked:
    found: list[Asked] = []

    @click.command(cls=Plain)
    @cluster_options(everywhere=True)
    def command(*, asked: Asked) -> None:
        found.append(asked)

    command.main(list(words), standalone_mode=False)
    return found[0]


def test_the_options_are_read_into_one_value() -> None:
    words = ["-n", "shop", "--context", "blue", "--kubeconfig", "/k", "--request-timeout", "2s"]

    assert asked(*words) == Asked(kubeconfig="/k", context="blue", namespace="shop", timeout=2.0)
    assert asked("-A") == Asked(everywhere=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-A", "-n", "shop"), "one namespace"),
        (("-n", "Shop"), "no namespace can have that name"),
        (("-n", ""), "no namespace can have that name"),
        (("--request-timeout", "soon"), "'soon' is no duration"),
        (("--request-timeout", "0s"), "'0s' is no duration"),
    ],
)
def test_options_that_make_no_sense_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(said)):
        asked(*words)


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    path = kubeconfig(tmp_path, {"server": "http://127.0.0.1:1"}, {"token": "t"})
    return Surroundings(environ={"KUBECONFIG": path}, cwd=tmp_path)


def test_the_namespace_is_that_of_the_option_or_the_context_or_the_default(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    with cluster_of(Asked(namespace="shop"), surroundings) as cluster:
        assert cluster.scope(DEFINITIONS).namespace == "shop"
    with cluster_of(Asked(), surroundings) as cluster:
        assert cluster.scope(DEFINITIONS).namespace == "default"
    with cluster_of(Asked(everywhere=True), surroundings) as cluster:
        assert cluster.scope(DEFINITIONS).namespace is None

    path = Path(surroundings.environ["KUBECONFIG"])
    config = json.loads(path.read_text())
    config["contexts"][0]["context"]["namespace"] = "team-a"
    path.write_text(json.dumps(config))
    with cluster_of(Asked(), surroundings) as cluster:
        assert cluster.scope(DEFINITIONS).namespace == "team-a"


@pytest.mark.parametrize(
    "namespace", ["Shop", "a/secrets", "../x", "--all", "a b", "\x1b[2J", True, {"a": 1}]
)
def test_a_context_whose_namespace_cannot_be_is_refused_unless_another_is_meant(
    surroundings: Surroundings, namespace: object
) -> None:
    path = Path(surroundings.environ["KUBECONFIG"])
    config = json.loads(path.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace
    path.write_text(json.dumps(config))

    with (
        pytest.raises(ConfigError, match="no namespace can have the name"),
        cluster_of(Asked(), surroundings),
    ):
        pass
    for meant in (Asked(namespace="shop"), Asked(everywhere=True)):
        with cluster_of(meant, surroundings) as cluster:
            assert cluster.scope(DEFINITIONS).namespace == meant.namespace


def test_a_refusal_speaks_to_the_person_and_says_what_to_do() -> None:
    text = told(error_from_status(403, FORBIDDEN, call_of(SECRETS, "list", "shop"), None))

    assert text == (
        "RBAC does not grant you the verb 'list' on 'secrets' in namespace 'shop'; "
        "ask for that right, or choose another namespace with -n"
    )


def test_a_refusal_by_another_authorizer_speaks_to_the_person_too() -> None:
    status = {"kind": "Status", "message": "no", "reason": "Forbidden"}

    text = told(error_from_status(403, status, call_of(SECRETS, "list", "shop"), None))

    assert text.startswith("the API server refuses you the verb 'list'")


def test_credentials_that_are_not_accepted_are_the_persons() -> None:
    text = told(error_from_status(401, {}, call_of(SECRETS, "list", "shop"), None))

    assert text.startswith("the API server does not accept your credentials")
    assert "--context" in text


def test_a_cluster_without_the_kind_is_told_apart_from_a_missing_object() -> None:
    kind = error_from_status(404, {}, call_of(DEFINITIONS, "list", None), None)

    assert "install the CRD" in told(kind)
    assert "CRD" not in told(NotFound("not found: get secretdefinitions 'a' in namespace 'b'"))


def test_a_foreign_text_in_an_error_moves_no_cursor() -> None:
    assert told(Forbidden("a\x1b[2J\nb")).startswith("a\\x1b[2J\\nb")


def test_the_exit_code_tells_a_fault_of_the_question_from_a_cluster_that_did_not_answer() -> None:
    assert code_of(ConfigError("x")) is code_of(NoSuchObject("x")) is Exit.FAULT
    assert code_of(Forbidden("x")) is Exit.UNREACHED
