"""The settings of a Vault or OpenBao: of the table `[vault]`, and of each with a name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from secrets_manager.settings import checks
from secrets_manager.settings import login_checks as login
from secrets_manager.settings.cloud_logins import AwsLogin, AzureLogin, GcpLogin
from secrets_manager.settings.kinds import WHOLE_SECONDS
from secrets_manager.settings.option import group, option, own_table
from secrets_manager.settings.proxies import ProxySettings

AuthMethod = Literal[
    "approle", "kubernetes", "token", "jwt", "userpass", "ldap", "cert", "aws", "azure", "gcp"
]
Engine = Literal["kv1", "kv2"]

SERVICE_ACCOUNT_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path

_period = partial(option, check=checks.period)
_path = partial(option, "", check=checks.plain)
_sent = partial(option, "", check=login.plain)
_credential = partial(option, "", check=login.credential, secret=True, exit_code=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """How to reach Vault or OpenBao, and how to log in."""

    url: str = option(
        "https://127.0.0.1:8200",
        login.vault_address,
        overriding="VAULT_ADDR",
        help="Address of Vault or OpenBao.",
    )
    engine: Engine = option(
        "kv2",
        checks.one_of("kv1", "kv2", empty="kv2"),
        exit_code=1,
        help="Version of the key-value engine: kv1 or kv2.",
    )
    auth_method: AuthMethod = option(
        "approle",
        checks.one_of(*get_args(AuthMethod)),
        help="How to log in: approle, kubernetes, token, jwt, userpass, ldap, cert, aws, azure or gcp.",
    )
    # Hidden like a secret, but without the secret id only a name: users of the original give it as a flag.
    role_id: str = _credential(overriding="VAULT_ROLE_ID", warned=False, help="AppRole role id.")
    secret_id: str = _credential(
        overriding="VAULT_SECRET_ID", help="AppRole secret id; better given as a file or in the environment."
    )
    role_id_file: str = _path(help="File with the role id, read at each login; wins over {table}.role-id.")
    secret_id_file: str = _path(
        help="File with the secret id, read at each login; wins over {table}.secret-id."
    )
    secret_id_wrapped: bool = option(
        False, help="Whether {table}.secret-id-file holds a wrapping token, which is unwrapped once."
    )
    approle_path: str = option("approle", login.mount, help="Mount of the AppRole auth method.")
    kubernetes_role: str = _sent(help="Role of the Kubernetes auth method.")
    kubernetes_token_file: str = option(
        SERVICE_ACCOUNT_TOKEN_FILE,
        checks.not_empty,
        help="File with the service account's token, read at each login.",
    )
    kubernetes_path: str = option("kubernetes", login.mount, help="Mount of the Kubernetes auth method.")
    token_file: str = _path(
        help="File with a token that an agent or injector keeps; another content is used."
    )
    jwt_file: str = option(
        SERVICE_ACCOUNT_TOKEN_FILE,
        checks.not_empty,
        help="File with the JWT to log in with, read at each login.",
    )
    jwt_role: str = _sent(help="Role of the JWT auth method; empty for its default role.")
    jwt_path: str = option("jwt", login.mount, help="Mount of the JWT auth method.")
    username: str = option("", login.user_name, help="Name of the user for userpass or ldap.")
    password: str = _credential(
        help="Password of {table}.username; better given as a file or in the environment."
    )
    password_file: str = _path(help="File with the password, read at each login; wins over {table}.password.")
    userpass_path: str = option("userpass", login.mount, help="Mount of the userpass auth method.")
    ldap_path: str = option("ldap", login.mount, help="Mount of the LDAP auth method.")
    cert_role: str = _sent(help="Role of the TLS certificate auth method; empty for any that fits.")
    cert_path: str = option("cert", login.mount, help="Mount of the TLS certificate auth method.")
    aws: AwsLogin = group(AwsLogin)
    azure: AzureLogin = group(AzureLogin)
    gcp: GcpLogin = group(GcpLogin)
    max_token_ttl: float = option(
        300.0,
        checks.not_negative,
        kind=WHOLE_SECONDS,
        help="Seconds of remaining life below which the token is renewed.",
    )
    token_polling_period: float = _period(15.0, help="Time between two checks of the token.")
    renew_ttl_increment: float = option(
        600.0,
        checks.not_negative,
        kind=WHOLE_SECONDS,
        help="Seconds of life asked for when the token is renewed.",
    )
    namespace: str = _sent(overriding="VAULT_NAMESPACE", help="Namespace of Vault Enterprise or OpenBao.")
    ca_cert: str = _path(overriding="VAULT_CACERT", help="File of the certificates to trust, in PEM.")
    ca_path: str = _path(
        overriding="VAULT_CAPATH", help="Folder whose files are all trusted; {table}.ca-cert wins."
    )
    client_cert: str = _path(overriding="VAULT_CLIENT_CERT", help="File of the client certificate, in PEM.")
    client_key: str = _path(
        overriding="VAULT_CLIENT_KEY", help="File of the client certificate's key, in PEM."
    )
    tls_server_name: str = option(
        "",
        login.server_name,
        overriding="VAULT_TLS_SERVER_NAME",
        help="Name expected in the server's certificate, if not the URL's host.",
    )
    skip_verify: bool = option(
        False, overriding="VAULT_SKIP_VERIFY", help="Accept any certificate: for experiments only."
    )
    redirect_hosts: tuple[str, ...] = option(
        (), checks.hosts, help="Hosts, besides that of {table}.url, to which redirects are followed."
    )
    max_requests_per_second: int = option(
        1000,
        checks.request_rate,
        help="Limit of calls to Vault per second, logins included; polls come last.",
    )
    proxy: ProxySettings = group(ProxySettings)
    table: str = own_table("vault")
