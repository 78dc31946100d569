"""SecretDefinitions are found among the objects of files, in lists, too."""

from __future__ import annotations

import pytest

from secrets_manager.commands.files.manifests import Manifest, Passed, Trouble, manifests
from secrets_manager.commands.files.reading import Text, Unread

OURS = "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: a}\n"


def found(text: str, passed: Passed | None = None) -> list[Manifest | Trouble]:
    return list(manifests([Text("f.yaml", text)], passed or Passed()))


def test_a_definition_is_found_among_other_objects() -> None:
    passed = Passed()

    (one,) = found(f"apiVersion: v1\nkind: ConfigMap\n---\n{OURS}---\n- no object\n---\nkey: value\n", passed)

    assert isinstance(one, Manifest)
    assert one.raw["metadata"] == {"name": "a"}
    assert one.mark.line == 4
    assert passed.others == 3


@pytest.mark.parametrize("head", ["apiVersion: v1\nkind: List\n", "kind: List\n"])
def test_items_of_lists_are_found_each_at_its_line(head: str) -> None:
    inner = "".join(f"  {line}\n" for line in OURS.splitlines())
    item = f"- {inner.strip()}\n"

    first, second = found(f"{head}items:\n{item}- apiVersion: v1\n  kind: Secret\n{item}")

    assert isinstance(first, Manifest)
    assert isinstance(second, Manifest)
    assert second.mark.line - first.mark.line == 5


def test_items_of_a_list_of_ours_need_not_say_what_they_are() -> None:
    (one,) = found(
        "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinitionList\n"
        "items:\n- metadata: {name: a}\n"
    )

    assert isinstance(one, Manifest)
    assert one.raw == {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": "a"},
    }


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (OURS.replace("v1alpha1", "v1"), 1, "apiVersion is 'secrets-manager.tuenti.io/v1'; it must be "),
        (OURS.replace("apiVersion: secrets-manager.tuenti.io/v1alpha1\n", ""), 1, "apiVersion is missing; "),
        (
            OURS.replace("SecretDefinition", "SecretDefinitions"),
            2,
            "kind is 'SecretDefinitions'; it must be ",
        ),
        (OURS.replace("kind: SecretDefinition\n", ""), 1, "kind is missing; it must be SecretDefinition"),
    ],
)
def test_an_object_that_is_nearly_one_of_ours_is_told(text: str, line: int, why: str) -> None:
    (trouble,) = found(text)

    assert isinstance(trouble, Trouble)
    assert trouble.why.startswith(why)
    assert trouble.mark is not None
    assert trouble.mark.line == line


def test_a_kind_of_this_name_in_another_group_is_not_ours() -> None:
    assert found(OURS.replace("secrets-manager.tuenti.io/", "example.test/")) == []


def test_what_cannot_be_read_is_told_with_its_file() -> None:
    unread, bad = manifests([Unread("x", "is gone"), Text("y", "a: [")], Passed())

    assert unread == Trouble("x", "is gone", unread=True)
    assert isinstance(bad, Trouble)
    assert not bad.unread
    assert bad.file == "y"


def test_lists_in_lists_are_looked_into_until_they_are_too_deep() -> None:
    text = "kind: List\nitems: [" + "{kind: List, items: [" * 95 + "]}" * 95 + "]\n"
    (trouble,) = found("kind: List\nitems: [" + "{kind: List, items: [" * 120 + "]}" * 120 + "]\n")

    assert found(text) == []
    assert isinstance(trouble, Trouble)
