"""An author asks for the daemon's own token on a real server, while that token is replaced."""

from __future__ import annotations

import itertools

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath, PermissionDenied
from secrets_manager.runtime.terms import Terms
from tests.builders import Clock, attempt
from tests.integration.vault_support import vault_backend
from tests.testbed.openbao import OpenBao
from tests.testbed.openbao_setup import AppRole

OWN = "auth/token/lookup-self"
SPELLINGS = [OWN, f"/{OWN}", "auth%2Ftoken%2Flookup-self", "auth/token%2flookup-self"]


@pytest.fixture
def role(openbao: OpenBao, kv_prefix: str) -> AppRole:
    """A role that may read everything in the root namespace, and in one below it where there can be one."""
    if openbao.program.has_namespaces:
        openbao.create_namespace(kv_prefix)
    openbao.enable_engine(f"{kv_prefix}-v1", "kv", {"version": "1"})
    return openbao.approle(kv_prefix, [openbao.read_policy(kv_prefix, "*")], token_ttl="60s")


@pytest.mark.parametrize("engine", ["kv1", "kv2"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_path_to_the_daemons_own_token_is_never_requested(
    openbao: OpenBao, role: AppRole, kv_prefix: str, engine: str, spelling: str
) -> None:
    backend = vault_backend(openbao.url, role, engine=engine)
    paths = [spelling, f"{kv_prefix}/{spelling.lstrip('/')}"]

    assert [type(attempt(lambda path=path: backend.locate(path))) for path in paths] == [InvalidPath] * 2  # type: ignore[misc]


def test_the_daemons_own_token_reaches_no_secret_while_it_ends_again_and_again(
    openbao: OpenBao, role: AppRole, kv_prefix: str
) -> None:
    # A minute passes before each token ends: one that ends at once is replaced with a pause.
    clock = Clock()
    backend = vault_backend(openbao.url, role, engine="kv1", clock=clock)
    # This goes past the check of the path: only the reply can show that it is the token.
    below = [f"{kv_prefix}/{OWN}"] if openbao.program.has_namespaces else []
    sources = [Source(path) for path in (OWN, *below)]
    accessors: set[str] = set()
    for ended, source in itertools.product(range(6), sources):
        error = attempt(lambda source=source: backend.read(source, Terms.within(5.0)))  # type: ignore[misc]
        assert isinstance(error, PermissionDenied), (ended, source)
        token = backend._session._current
        assert token is not None
        accessors.add(openbao.lookup(token.value)["accessor"])
        openbao.revoke(token.value)
        clock.now += 60

    assert len(accessors) == 6 * len(sources)


def test_a_copy_of_the_daemons_token_that_somebody_stored_is_never_written(
    openbao: OpenBao, role: AppRole, kv_prefix: str
) -> None:
    backend = vault_backend(openbao.url, role, engine="kv1")
    backend.maintain()
    token = backend._session._current
    assert token is not None
    for name, value in {
        "plain": token.value,
        "within": f"token={token.value};",
        "deep": {"a": [{"b": token.value}]},
        "large": [token.value, "x" * 50_000],
    }.items():
        openbao.write_kv1(name, {"a": "1", "value": value}, mount=f"{kv_prefix}-v1")
        path = f"{kv_prefix}-v1/{name}"

        with pytest.raises(PermissionDenied) as caught:
            backend.read(backend.locate(path), Terms.within(5.0))
        assert caught.value == PermissionDenied(path)
