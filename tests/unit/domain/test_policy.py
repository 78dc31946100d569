"""Which namespace may read which path."""

from __future__ import annotations

import pytest

from secrets_manager.domain.errors import PathNotAllowed
from secrets_manager.domain.policy import PathPolicy
from tests.unit.backends.tables import rows

OWN = "secret/data/{namespace}/*"


@pytest.mark.parametrize(
    ("patterns", "path"),
    rows(
        {
            "an empty policy allows everything": ((), "anything/at/all"),
            "the namespace's own tree": ((OWN,), "secret/data/team/db"),
            "a star spans slashes": ((OWN,), "secret/data/team/db/main"),
            "a star may stand for nothing": ((OWN,), "secret/data/team/"),
            "a leading slash of the pattern": (("/secret/data/team/*",), "secret/data/team/db"),
            "one of several patterns": ((OWN, "secret/data/shared/*"), "secret/data/shared/ca"),
            "a pattern without a star": (("secret/data/ca",), "secret/data/ca"),
            "a line feed in the path": (("secret/*",), "secret/a\nb"),
        }
    ),
)
def test_a_path_that_a_pattern_matches_is_allowed(patterns: tuple[str, ...], path: str) -> None:
    PathPolicy(patterns).check("team", path)


@pytest.mark.parametrize(
    ("patterns", "path"),
    rows(
        {
            "another namespace's tree": ((OWN,), "secret/data/other/db"),
            "a namespace of which ours is the beginning": ((OWN,), "secret/data/team-b/db"),
            "more at the end than the pattern says": (("secret/data/ca",), "secret/data/ca2"),
            "more at the beginning": (("data/ca",), "secret/data/ca"),
            "a dot of the pattern is a dot": (("secret/data/a.b",), "secret/data/axb"),
            "a bracket of the pattern is a bracket": (("secret/[a-z]",), "secret/b"),
            "one letter for the beginning and the end": (("a*a",), "a"),
            "one letter for two parts between stars": (("*ab*b*",), "ab"),
            "one letter for a part between stars and the end": (("*ab*b",), "ab"),
        }
    ),
)
def test_any_other_path_is_refused(patterns: tuple[str, ...], path: str) -> None:
    with pytest.raises(PathNotAllowed) as caught:
        PathPolicy(patterns).check("team", path)

    assert repr(path) in caught.value.message
    assert "'team'" in caught.value.message
