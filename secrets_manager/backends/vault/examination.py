"""What a person should know of the token in use, and of its rights; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secrets_manager.backends.base import Remark
from secrets_manager.backends.vault.token_replies import TokenFacts
from secrets_manager.domain.wording import in_quotes
from secrets_manager.settings import VaultSettings

CAPABILITIES = "/v1/sys/capabilities-self"
NO_LOOKUP = Remark(
    "warn",
    "token",
    "its policies do not let it look itself up, so nobody knows how long it lives",
    'add the policy "default" to the role, or the right to read auth/token/lookup-self',
)
_READING = frozenset({"read", "root"})
# Paths that are named in one remark.
_MOST_NAMED = 5


def of_token(facts: TokenFacts, vault: VaultSettings, *, followed: bool) -> Iterator[Remark]:
    """Remarks on the life of a token; ``followed`` says that somebody else keeps it in a file."""
    if not facts.expires:
        yield Remark(
            "warn",
            "token",
            "it never expires, as a root token: whoever steals it has it for ever",
            "give the daemon a role of its own",
        )
        return
    left = f"it lives {_seconds(facts.ttl)} more"
    if facts.limited:
        yield Remark(
            "fail",
            "token",
            "it may be used a number of times only",
            "set token_num_uses of the role to 0",
        )
    if facts.ttl <= vault.token_polling_period:
        yield Remark(
            "fail",
            "token",
            f"{left}, and is looked at every {_seconds(vault.token_polling_period)}: it dies in between",
            f"give the role a longer token_ttl, or lower {vault.table}.token-polling-period",
        )
    elif facts.renewable:
        yield Remark("ok", "token", f"{left}, and is renewed for {_seconds(facts.full)} at the most")
    elif followed:
        yield Remark(
            "warn",
            "token",
            f"{left}, and cannot be renewed",
            f"see to it that whoever keeps {vault.table}.token-file replaces it in time",
        )
    else:
        yield Remark("ok", "token", f"{left}, cannot be renewed, and is replaced by a new login in time")


def of_refused_question(status: int) -> Remark:
    """The remark on a token that may not ask about its own rights."""
    return Remark(
        "warn",
        "paths",
        f"Vault does not say what the token may read ({status})",
        'add the policy "default" to the role, or the right to update sys/capabilities-self',
    )


def of_paths(paths: Sequence[str], reply: Mapping[str, Any]) -> Iterator[Remark]:
    """Remarks on the paths about which a question was answered."""
    data = reply.get("data")
    answers = data if isinstance(data, Mapping) else reply
    denied = [path for path in paths if not _may_read(answers.get(path))]
    if not denied:
        yield Remark("ok", "paths", f"the token may read {_paths(len(paths))} that definitions use")
        return
    named = ", ".join(map(in_quotes, denied[:_MOST_NAMED]))
    more = f" and {len(denied) - _MOST_NAMED} more" if len(denied) > _MOST_NAMED else ""
    yield Remark(
        "fail",
        "paths",
        f"the token may not read {len(denied)} of {_paths(len(paths))} that definitions use: {named}{more}",
        "add them to the policy of the role, or mend the definitions",
    )


def _may_read(answer: object) -> bool:
    capabilities = set(answer) if isinstance(answer, list) else set()
    return bool(capabilities & _READING) and "deny" not in capabilities


def _paths(number: int) -> str:
    return f"{number} path{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    for unit, word in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= 2 * unit:
            return f"{whole // unit}{word}"
    return f"{whole}s"
