"""AWS Secrets Manager as a plug-in. The modules of the backend are loaded when it is built."""

from __future__ import annotations

from secrets_manager.backends.base import Backend
from secrets_manager.backends.plugin import Plugin, Provided
from secrets_manager_aws.settings import AwsSettings, contradictions


def build(settings: AwsSettings, provided: Provided) -> Backend:
    """The backend; raises ConfigError for certificates or a proxy that cannot be used."""
    from secrets_manager_aws.backend import AwsSecretsManagerBackend  # noqa: PLC0415 - loaded when built

    return AwsSecretsManagerBackend(
        settings,
        timeout=provided.timeout,
        connections=provided.connections,
        telemetry=provided.telemetry,
        watchdog=provided.watchdog,
        name=provided.name,
    )


PLUGIN = Plugin(
    kind="aws-sm",
    contract=1,
    settings=AwsSettings,
    build=build,
    contradictions=contradictions,
    calls_per_second=lambda aws: aws.max_requests_per_second,
    # Fall-backs of the settings, which would stay. Other backends may have options for the same names.
    foreign_credentials=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
