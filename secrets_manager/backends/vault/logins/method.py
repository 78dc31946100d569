"""What a way to log in consists of: its settings and files, and the login that is made of them.

A login is a value, so that the methods send nothing to Vault and the sender knows none of them. What a method
asks others before, it asks through its errand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.backends.vault.logins.errand import Errand
from secrets_manager.settings import VaultSettings
from secrets_manager.settings.option import Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """A login to send.

    Attributes:
        mount: where the auth method is mounted, without ``auth/``.
        body: what is sent, hidden; None for what is left out.
        user: the name that stands in the address, "" for a method that has none there.
        wrapped: the field of the body whose content has to be unwrapped first, "" for none; its content is
            a wrapping token.
        check: what to look at when the login is refused, "" for nothing in particular.

    """

    mount: str
    body: Mapping[str, str | None] = field(repr=False)
    user: str = ""
    wrapped: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenToken:
    """A token that somebody else got and keeps in a file; there is nothing to send."""

    token: str = field(repr=False)
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginMethod:
    """One word of ``vault.auth-method``.

    Attributes:
        missing: the settings that the method needs and that are not given.
        files: the files that a login reads; "" for one that is not given.
        login: the login with the credentials as they are in their files now, or as a cloud gives them now;
            raises AuthFailed when there are none, and a BackendFault when nobody answers.
        refused_pause: the least seconds before refused credentials are shown again.
        by_tls: whether the client certificate is the credential.
        followed: whether the file itself holds the token, so that another content means another token.

    """

    missing: Callable[[VaultSettings], Iterator[Contradiction]]
    files: Callable[[VaultSettings], tuple[str, ...]]
    login: Callable[[VaultSettings, Errand], LoginRequest | GivenToken]
    refused_pause: float = 0.0
    by_tls: bool = False
    followed: bool = False


def is_token(text: str) -> bool:
    """Whether the text can be a token: it is sent in a header, and an agent that wraps one writes JSON."""
    return text.isascii() and text.isprintable() and " " not in text and not text.startswith("{")


def either(value: str, file: str, setting: str) -> str:
    """The credential in ``file`` if one is named, otherwise ``value``; raises AuthFailed."""
    return read_credential(file, setting) if file else value
