"""Every way to write a path, on a real server whose token reads everything: only the policy separates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secrets_manager.backends.vault.backend import VaultBackend
from secrets_manager.domain.errors import InvalidPath, PathNotAllowed, SecretsManagerError
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_rules import Effect, Rule
from secrets_manager.settings import Engine
from tests.builders import attempt
from tests.integration.vault_support import read, vault_backend
from tests.testbed.openbao import OpenBao

OURS, THEIRS = "team", "team-b"
CANARY = "theirs-4711"
ROOTS: dict[Engine, str] = {"kv2": "secret/data", "kv1": "kv1"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of two namespaces below ``root``, and a reader with a token for everything."""

    root: str
    backend: VaultBackend
    policy: PathPolicy

    def ask(self, path: str) -> str:
        """The value that a definition of our namespace gets by this path; raises a SecretsManagerError."""
        self.policy.check(OURS, self.backend.locate(path).path)
        return read(self.backend, path)

    def with_all_but_theirs(self) -> Tree:
        """The same, where rules allow the whole tree and deny what belongs to the other namespace."""
        theirs = (f"{self.root}/{THEIRS}", f"{self.root}/{THEIRS}/*", f"{self.root}/app")
        deny = Rule(namespaces=(OURS,), paths=theirs, effect=Effect.DENY)
        allow = Rule(namespaces=(OURS,), paths=(f"{self.root}/*",), effect=Effect.ALLOW)
        return replace(self, policy=PathPolicy(rules=(deny, allow)))


@pytest.fixture(scope="module")
def trees(openbao: OpenBao) -> Callable[[Engine], Tree]:
    prefix = "spellings"
    role = openbao.approle(prefix, [openbao.read_policy(prefix, "*")])
    for name, value in {f"{OURS}/app": "ours", f"{THEIRS}/app": CANARY, "app": CANARY}.items():
        openbao.write_kv2(f"{prefix}/{name}", {"a": value})
        openbao.write_kv1(f"{prefix}/{name}", {"a": value})
    made = {
        engine: Tree(
            f"{root}/{prefix}",
            vault_backend(openbao.url, role, engine=engine),
            PathPolicy((f"{root}/{prefix}/{{namespace}}/*",)),
        )
        for engine, root in ROOTS.items()
    }
    return made.__getitem__


# Everything that a program between us and the store could take for a slash, a dot, an end or a way up.
UPS = (
    "..",
    "%2e%2e",
    "%252e%252e",
    "\uff0e\uff0e",
    "\u2024\u2024",
    "..;",
    "..;x=1",
    "%c0%ae%c0%ae",
    "..%00",
    ". .",
    "..\u200b",
    "...",
)
# The policy lets these through, and only the server knows their meaning.
HARMLESS_UPS = (
    "...",
    "\uff0e\uff0e",
    "\u2024\u2024",
    "%c0%ae%c0%ae",
    "..;",
    ". .",
    "..\u200b",
    "~",
    "%",
    "*",
    "-b",
)
SLASHES = (
    "/",
    "//",
    "%2f",
    "%252f",
    "%c0%af",
    "\\",
    "%5c",
    "\uff0f",
    "\u2215",
    "/./",
    "/%20/",
    "/;/",
    "/?/",
    "/#/",
    "\t",
)
ENDS = ("", "/", "//", "?version=1", "#", "%00", ";", " ", "%20", ".", "/.", "%0a", "?list=true", "\u0301")
CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.title, lambda text: text.replace("t", "%74"))


def ways(root: str) -> st.SearchStrategy[str]:
    """Paths that lead into the tree of the other namespace, by one reading or another."""

    def written(case: Callable[[str], str], slash: str, up: str, times: int, end: str, begin: str) -> str:
        climbing = (slash + up) * times + slash
        return f"{begin}{root}/{OURS}{climbing}{case(THEIRS)}/app{end}"

    climbing = st.builds(
        written,
        st.sampled_from(CASES),
        st.sampled_from(SLASHES),
        st.sampled_from((*UPS, *HARMLESS_UPS)),
        st.integers(0, 3),
        st.sampled_from(ENDS),
        st.sampled_from(("", "", "", "", "/", "//", "./", "root/", "%2f", "v1/", "/v1/")),
    )
    direct = st.builds(
        lambda case, slash, end: f"{case(root)}{slash}{case(THEIRS)}{slash}app{end}",
        st.sampled_from(CASES),
        st.sampled_from(SLASHES),
        st.sampled_from(ENDS),
    )
    named = st.builds(
        lambda up, slash, end: f"{root}/{OURS}{up}{slash}app{end}",
        st.sampled_from(("-b", "%2db", "-b/..", "\u2010b", "", *UPS)),
        st.sampled_from(SLASHES),
        st.sampled_from(ENDS),
    )
    return climbing | direct | named


@pytest.mark.parametrize("engine", ROOTS)
def test_no_spelling_gives_a_namespace_the_value_of_another(
    trees: Callable[[Engine], Tree], engine: Engine
) -> None:
    find_no_way(trees(engine))


@pytest.mark.parametrize("engine", ROOTS)
def test_no_spelling_gives_a_namespace_the_value_that_a_rule_denies(
    trees: Callable[[Engine], Tree], engine: Engine
) -> None:
    find_no_way(trees(engine).with_all_but_theirs())


def find_no_way(tree: Tree) -> None:
    """Look for a path by which our namespace gets a value that is not its own."""
    assert read(tree.backend, f"{tree.root}/{THEIRS}/app") == CANARY
    assert tree.ask(f"{tree.root}/{OURS}/app") == "ours"
    refused = served = 0

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ways(tree.root))
    def attack(path: str) -> None:
        nonlocal refused, served
        try:
            assert tree.ask(path) == "ours", path
            served += 1
        except (InvalidPath, PathNotAllowed):
            refused += 1
        except SecretsManagerError:
            served += 1

    attack()
    # Both kinds were tried: refused paths and paths that the server has to answer.
    assert min(refused, served) >= 10


@pytest.mark.parametrize("engine", ROOTS)
def test_the_policy_refuses_a_path_with_a_vault_namespace_before_it(
    trees: Callable[[Engine], Tree], engine: Engine
) -> None:
    tree = trees(engine)
    for path in (
        f"root/{tree.root}/{OURS}/app",
        f"ns1/{tree.root}/{OURS}/app",
        f"{OURS}/{tree.root}/{THEIRS}/app",
    ):
        assert isinstance(attempt(lambda path=path: tree.ask(path)), PathNotAllowed)  # type: ignore[misc]
