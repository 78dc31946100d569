"""The address of AWS Secrets Manager in a region. Pure.

https://docs.aws.amazon.com/general/latest/gr/asm.html
"""

from __future__ import annotations

from secrets_manager_aws.settings import AwsSettings

# By what the name of the region begins with; the others are amazonaws.com.
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


def endpoint_of(settings: AwsSettings) -> str:
    """The address that every call goes to, with a slash at its end."""
    if settings.endpoint:
        return f"{settings.endpoint}/"
    found = (suffix for start, suffix in _SUFFIXES.items() if settings.region.startswith(start))
    return f"https://secretsmanager.{settings.region}.{next(found, 'amazonaws.com')}/"
