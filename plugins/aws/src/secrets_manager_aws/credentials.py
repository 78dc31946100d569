"""Finds credentials as botocore does: static, of a web identity, of a profile, of the pod or the machine.

Each login begins with nothing kept, so that a rotated file or another role is used at once. No error of
botocore leaves this module: their texts may repeat an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import botocore.session
from botocore import exceptions as botocore_errors
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)

from secrets_manager.backends.kit.credential_files import read_credential
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    Reach,
)
from secrets_manager.runtime.http.proxies import proxy_for
from secrets_manager_aws import faults
from secrets_manager_aws.settings import AwsSettings
from secrets_manager_aws.signing import AccessKey

_CONNECT_SECONDS = 3.0
_METHOD = "assume-role-with-web-identity"
_NOT_REACHED = "the place that gives out AWS credentials cannot be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Credentials of one login.

    ``ends_within`` says whether they end in less than so many seconds; ``how`` is botocore's word for where
    they are from.
    """

    key: AccessKey
    how: str
    ends_within: Callable[[float], bool] = field(repr=False)


class CredentialChain:
    """Logs in with the settings' own credentials, otherwise along botocore's chain."""

    def __init__(self, settings: AwsSettings, *, timeout: float) -> None:
        """``timeout`` is the time of one call of a login, in seconds. Does no I/O."""
        self._settings = settings
        self._config = Config(
            connect_timeout=min(timeout, _CONNECT_SECONDS),
            read_timeout=timeout,
            retries={"total_max_attempts": 1},
            proxies=_proxies(settings),
        )

    def files(self) -> tuple[str, ...]:
        """The files that a login reads, as far as the settings name them."""
        return (self._settings.web_identity_token_file, self._settings.credentials_file)

    def log_in(self) -> Login:
        """Credentials that were just found; raises a BackendFault."""
        try:
            return self._log_in()
        except BackendFault:
            raise
        except Exception as error:  # noqa: BLE001 - a chain of many providers, each with errors of its own
            raise _fault(error) from None

    def _log_in(self) -> Login:
        held = self._found()
        if held is None:
            raise AuthFailed("no AWS credentials were found: give the pod an identity, or set access-key-id")
        frozen = held.get_frozen_credentials()
        if not frozen.access_key or not frozen.secret_key:
            raise AuthFailed("the AWS credentials that were found are not complete")
        return Login(
            key=AccessKey(frozen.access_key, frozen.secret_key, frozen.token or ""),
            how=str(held.method),
            ends_within=getattr(held, "refresh_needed", _never),
        )

    def _found(self) -> Any:
        own = self._settings
        if own.access_key_id:
            return Credentials(
                own.access_key_id, own.secret_access_key, own.session_token or None, method="settings"
            )
        session = self._session()
        if own.role_arn and not own.profile:
            return self._of_web_identity(session)
        return session.get_credentials()

    def _session(self) -> Any:
        own = self._settings
        session = botocore.session.Session(profile=own.profile or None)
        session.set_config_variable("region", own.region)
        # One short try: outside of a machine of AWS nobody answers.
        session.set_config_variable("metadata_service_timeout", 1)
        session.set_config_variable("metadata_service_num_attempts", 1)
        if own.credentials_file:
            session.set_config_variable("credentials_file", own.credentials_file)
        if own.ca_cert:
            session.set_config_variable("ca_bundle", own.ca_cert)
        session.set_default_client_config(self._config)
        return session

    def _of_web_identity(self, session: Any) -> Any:
        own = self._settings
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            partial(session.create_client, region_name=own.region),
            lambda: read_credential(own.web_identity_token_file, "web-identity-token-file"),
            own.role_arn,
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, _METHOD)


def _never(_seconds: float) -> bool:
    return False


def _proxies(settings: AwsSettings) -> dict[str, str]:
    """The proxy on the way to the token service; an empty map keeps botocore from asking the environment."""
    proxy = proxy_for(f"https://sts.{settings.region}.amazonaws.com", settings.proxy)
    return {"https": proxy} if proxy else {}


def _fault(error: Exception) -> BackendFault:
    if isinstance(error, botocore_errors.ClientError):
        return _refused(error)
    if isinstance(error, botocore_errors.SSLError):
        return BackendTLS("no trusted connection to the place that gives out AWS credentials")
    if isinstance(error, (botocore_errors.ConnectTimeoutError, botocore_errors.ReadTimeoutError)):
        return BackendTimeout(f"{_NOT_REACHED} in time", reach=Reach.ALL)
    if isinstance(error, botocore_errors.HTTPClientError):
        return BackendUnavailable(_NOT_REACHED, reach=Reach.ALL)
    # Its text may repeat an answer, or what is in a file.
    return AuthFailed(f"the AWS credentials cannot be loaded ({type(error).__name__})")


def _refused(error: botocore_errors.ClientError) -> BackendFault:
    """What the token service said; of its answer only the code is repeated."""
    said = error.response
    status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    refused = faults.refusal(status, said.get("Error", {}).get("Code"), "")
    fault = faults.of_backend(refused)
    if isinstance(fault, BackendThrottled):
        return BackendThrottled("AWS asked to slow down logins", reach=Reach.ALL)
    if isinstance(fault, BackendUnavailable):
        return BackendUnavailable(f"AWS cannot log in anybody now ({status})", reach=Reach.ALL)
    return AuthFailed(f"AWS refused the login ({refused.code})")
