"""The error tree: its docstring is its drawing, its class names are the reasons people see."""

from __future__ import annotations

import inspect
import re

import pytest

from secrets_manager.domain import errors
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendUnavailable,
    ClusterFault,
    ClusterUnavailable,
    ConfigError,
    DecodeError,
    InvalidSpec,
    KeyNotFound,
    NotAString,
    PermanentError,
    SecretsManagerError,
    TemporaryError,
)

CLASSES = {
    name: found
    for name, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, SecretsManagerError)
}
FAMILIES = {
    "SecretsManagerError", "TemporaryError", "PermanentError", "BackendFault", "ClusterFault",
    "DefinitionError", "SourceError", "KeyFault", "TargetError",
}  # fmt: skip


def drawn() -> dict[str, str]:
    """The drawing in the module's docstring: each class and the one it hangs on."""
    drawing = (errors.__doc__ or "").split("::\n", 1)[1].split("\nMessages name", 1)[0]
    parents = {"SecretsManagerError": "Exception"}
    above = [(-1, "SecretsManagerError")]
    for line in drawing.replace("    SecretsManagerError\n", "", 1).splitlines():
        branch = re.match(r"([ │├└]*)─ (\w+)", line)
        if branch is None:
            parents.update(dict.fromkeys(re.findall(r"\w+", line), above[-1][1]))
            continue
        above = [(at, name) for at, name in above if at < len(branch[1])]
        parents[branch[2]] = above[-1][1]
        above.append((len(branch[1]), branch[2]))
    return parents


def test_the_drawn_tree_shows_every_error_class_at_its_place() -> None:
    assert drawn() == {name: kind.__mro__[1].__name__ for name, kind in CLASSES.items()}


def test_each_error_belongs_to_exactly_one_of_the_two_families() -> None:
    for name in CLASSES.keys() - {"SecretsManagerError"}:
        assert issubclass(CLASSES[name], TemporaryError) != issubclass(CLASSES[name], PermanentError), name


def test_every_error_class_has_a_docstring() -> None:
    assert [name for name, kind in CLASSES.items() if not kind.__doc__] == []


def test_only_leaves_are_raised() -> None:
    parents = {base.__name__ for kind in CLASSES.values() for base in kind.__mro__[1:]}

    assert {name for name in CLASSES if name in parents} == FAMILIES


@pytest.mark.parametrize("kind", [InvalidSpec, BackendUnavailable, ClusterUnavailable, ConfigError])
def test_the_class_name_is_the_reason(kind: type[SecretsManagerError]) -> None:
    assert kind("said").reason == kind.__name__
    assert kind("said").message == "said"


def test_errors_are_equal_when_they_are_of_one_kind_and_say_the_same() -> None:
    assert InvalidSpec("a") == InvalidSpec("a")
    assert hash(InvalidSpec("a")) == hash(InvalidSpec("a"))
    assert InvalidSpec("a") != InvalidSpec("b")
    assert BackendUnavailable("a") != AuthFailed("a")
    assert InvalidSpec("a") != ValueError("a")


@pytest.mark.parametrize("kind", [BackendFault, ClusterFault])
def test_a_fault_carries_the_pause_that_was_asked_for(kind: type[BackendFault | ClusterFault]) -> None:
    assert kind("busy", retry_after=3.0).retry_after == 3.0
    assert kind("busy").retry_after is None


def test_a_config_error_carries_the_exit_code() -> None:
    assert ConfigError("wrong").exit_code == 2
    assert ConfigError("wrong", exit_code=1).exit_code == 1


@pytest.mark.parametrize(
    "error",
    [KeyNotFound("a/b", "user"), NotAString("a/b", "user", "number"), DecodeError("a/b", "user", "base64")],
)
def test_a_fault_of_a_key_names_path_and_key(error: errors.KeyFault) -> None:
    assert (error.path, error.key) == ("a/b", "user")
    assert "'a/b'" in error.message
    assert "'user'" in error.message


SENTENCES = {
    "the path policy does not allow namespace 'team' to read path 'a/b'": errors.PathNotAllowed(
        "team", "a/b"
    ),
    "Secrets of type 'x' are never written: two reasons": errors.TypeNotAllowed("x", "two reasons"),
    "path 'a/b' does not exist in the backend": errors.SourceNotFound("a/b"),
    "the backend returned an older version of path 'a/b' than before": errors.SourceOutdated("a/b"),
    "version 3 of path 'a/b' is deleted in the backend": errors.SourceDeleted("a/b", "3"),
    "version 3 of path 'a/b' is destroyed in the backend": errors.SourceDestroyed("a/b", "3"),
    "'a/b' is disabled in the backend": errors.SourceDisabled("a/b"),
    "'a' is past its date, and azure-kv.strict-expiry is on": errors.SourceExpired("'a' is past its date"),
    "path 'a/b' hands out leased (dynamic) secrets, which cannot be polled": (
        errors.DynamicSecretUnsupported("a/b")
    ),
    "path 'a/b' has no key 'user'": KeyNotFound("a/b", "user"),
    "key 'user' of path 'a/b' is a number, not a string": NotAString("a/b", "user", "number"),
    "key 'user' of path 'a/b' is not valid base64": DecodeError("a/b", "user", "base64"),
    "the reply for path 'a/b' is not a kv2 reply": errors.EngineMismatch("a/b", "kv2"),
    "the backend's policy does not allow the daemon to read path 'a/b'": errors.PermissionDenied("a/b"),
}


@pytest.mark.parametrize(("sentence", "error"), SENTENCES.items())
def test_an_error_made_of_names_writes_the_sentence_itself(sentence: str, error: SecretsManagerError) -> None:
    assert error.message == sentence


def test_a_bare_error_keeps_no_traceback_cause_or_context() -> None:
    with pytest.raises(InvalidSpec) as caught:
        _fail_with_a_cause()
    kept = caught.value.bare()

    assert kept == InvalidSpec("wrong")
    assert (kept.__traceback__, kept.__cause__, kept.__context__) == (None, None, None)


def _fail_with_a_cause() -> None:
    try:
        int("canary-4711")
    except ValueError as exc:
        raise InvalidSpec("wrong") from exc
