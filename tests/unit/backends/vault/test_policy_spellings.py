"""What rules are asked about is what Vault is asked for, whatever a path is made to look like."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.vault.kv import locate, url_path
from secrets_manager.domain.errors import InvalidPath
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.policy_rules import Effect, Rule

DENIED = ("secret/data/admin", "secret/data/admin/*")
POLICY = PathPolicy(
    rules=(
        Rule(namespaces=("*",), paths=DENIED, effect=Effect.DENY),
        Rule(namespaces=("*",), paths=("*",), effect=Effect.ALLOW),
    )
)
# Letters that look alike, escapes of letters and slashes, and what some servers leave out or fold.
SEGMENTS = st.sampled_from(
    [
        "secret", "data", "admin", "team", "%61dmin", "%2561dmin", "admin%2f", "admin%00", "\u0430dmin",
        "a\u0301dmin", "ADMIN", "admin ", " admin", "admin.", "admin;", "admin?", "admin#", "..", ".", "",
        "%2e%2e", "\\", "ad\u200bmin", "data%2fadmin", "\uff41dmin", "*",
    ]
)  # fmt: skip
PATHS = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)


@given(
    st.sampled_from(["", "/", "//"]), PATHS | PATHS.map("secret/data/{}".format), st.sampled_from(["", "/"])
)
def test_a_server_is_asked_for_the_very_path_that_the_rules_were_asked_about(
    before: str, path: str, after: str
) -> None:
    try:
        source = locate(f"{before}{path}{after}")
    except InvalidPath:
        return
    asked_for = unquote(url_path(source), errors="strict").removeprefix("/v1/")

    assert asked_for == source.path
    assert POLICY.decide("team", source.path).allowed == (
        asked_for != "secret/data/admin" and not asked_for.startswith("secret/data/admin/")
    )
