"""What we show to log in, read anew at each login so that a rotated file is used at once.

It must not know how a login is made, only what goes into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from secrets_manager.domain.errors import AuthFailed
from secrets_manager.settings import VaultSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRoleCredentials:
    """The two halves of an AppRole login; ``secret_id`` is "" for a role that binds none."""

    mount: str
    role_id: str = field(repr=False)
    secret_id: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCredentials:
    """The service account's token and the role it asks for."""

    mount: str
    role: str
    jwt: str = field(repr=False)


def read_credentials(settings: VaultSettings) -> AppRoleCredentials | KubernetesCredentials:
    """The credentials as they are now; raises AuthFailed when a file has none."""
    if settings.auth_method == "kubernetes":
        return KubernetesCredentials(
            mount=settings.kubernetes_path,
            role=settings.kubernetes_role,
            jwt=_content(settings.kubernetes_token_file, "vault.kubernetes-token-file"),
        )
    return AppRoleCredentials(
        mount=settings.approle_path,
        role_id=_either(settings.role_id, settings.role_id_file, "vault.role-id-file"),
        secret_id=_either(settings.secret_id, settings.secret_id_file, "vault.secret-id-file"),
    )


def _either(value: str, file: str, setting: str) -> str:
    return _content(file, setting) if file else value


def _content(file: str, setting: str) -> str:
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        # The decoding error would show what is in the file.
        raise AuthFailed(f"{setting}: file {file!r} cannot be read") from None
    if not content:
        raise AuthFailed(f"{setting}: file {file!r} is empty")
    return content
