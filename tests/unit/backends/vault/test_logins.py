"""The table of the ways to log in: each word has its method, and each method names what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from secrets_manager.backends.vault.logins import METHODS, LoginRequest
from secrets_manager.backends.vault.logins.errand import Errands
from secrets_manager.backends.vault.plugin import contradictions
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import AuthFailed
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AuthMethod, ProxySettings, VaultSettings

CANARY = "canary-51c2"
MISSING: dict[AuthMethod, list[str]] = {
    "approle": ["role-id", "secret-id"],
    "kubernetes": ["kubernetes-role"],
    "token": ["token-file"],
    "jwt": [],
    "userpass": ["username", "password"],
    "ldap": ["username", "password"],
    "cert": ["client-cert"],
    "aws": ["aws-web-identity-token-file"],
    "azure": ["azure-role"],
    "gcp": ["gcp-role"],
}
# What needs no cloud to answer.
FROM_FILES: list[AuthMethod] = ["approle", "kubernetes", "token", "jwt", "userpass", "ldap"]
NO_ERRAND = Errands(ProxySettings(), Watchdog(), seconds=1.0).begin()


def test_every_word_of_the_setting_has_a_method_and_the_usage_names_it() -> None:
    option = OPTIONS.by_name["vault.auth-method"]

    assert set(METHODS) == set(get_args(AuthMethod)) == set(MISSING)
    for word in METHODS:
        assert option.check(word) == word
        assert word in option.help


@pytest.mark.parametrize(("method", "names"), MISSING.items(), ids=MISSING)
def test_what_a_method_lacks_is_named_at_the_start(method: AuthMethod, names: list[str]) -> None:
    found = list(contradictions(VaultSettings(auth_method=method)))

    assert [each.names[0] for each in found] == names
    assert {each.exit_code for each in found} <= {1}
    assert all("auth-method" in each.names for each in found)


def test_a_wrapped_secret_id_needs_a_file() -> None:
    found = list(contradictions(VaultSettings(role_id="r", secret_id="s", secret_id_wrapped=True)))

    assert [(each.names[0], each.exit_code) for each in found] == [("secret-id-file", 1)]


def test_a_client_certificate_needs_tls(tmp_path: Path) -> None:
    files: dict[str, Any] = {"client_cert": str(tmp_path / "crt"), "client_key": str(tmp_path / "key")}
    found = list(
        METHODS["cert"].missing(VaultSettings(auth_method="cert", url="http://127.0.0.1:1", **files))
    )

    assert [each.names[0] for each in found] == ["url"]


@pytest.mark.parametrize("name", ["a/b", ".", "..", "a\nb", " "])
def test_a_user_name_that_cannot_stand_in_an_address_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must"):
        OPTIONS.by_name["vault.username"].check(name)


@pytest.mark.parametrize("method", [*FROM_FILES, "cert"])
def test_nothing_shows_the_credentials_of_a_login(method: AuthMethod, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(CANARY)
    fields = ("kubernetes_token_file", "token_file", "jwt_file", "password_file", "secret_id_file")
    files: dict[str, Any] = dict.fromkeys(fields, str(file))
    settings = VaultSettings(auth_method=method, role_id=CANARY, password=CANARY, **files)
    login = METHODS[method].login(settings, NO_ERRAND)

    assert CANARY not in f"{settings!r}{login!r}{login}"
    assert CANARY in (str(login.body) if isinstance(login, LoginRequest) else login.token) or method == "cert"


@pytest.mark.parametrize("method", FROM_FILES)
def test_the_files_of_a_method_are_those_that_a_login_reads(method: AuthMethod, tmp_path: Path) -> None:
    fields = (
        "kubernetes_token_file",
        "token_file",
        "jwt_file",
        "password_file",
        "role_id_file",
        "secret_id_file",
    )
    named: dict[str, Any] = {name: str(tmp_path / name) for name in fields}
    settings = VaultSettings(auth_method=method, **named)
    files = METHODS[method].files(settings)
    for name in fields:
        (tmp_path / name).write_text("text")
    for file in files:
        Path(file).unlink()
        with pytest.raises(AuthFailed, match=Path(file).name):
            METHODS[method].login(settings, NO_ERRAND)
        Path(file).write_text("text")
    for name in set(fields) - {Path(file).name for file in files}:
        (tmp_path / name).unlink()

    METHODS[method].login(settings, NO_ERRAND)
