"""AWS Secrets Manager as a Backend: reads sources with the session's credentials and maps every fault.

The parts come together here; each of them can be tested alone. This module must not know what readings are
for.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Collection

from secrets_manager.backends.base import BackendTelemetry, Clock, Reading, Source, Survey
from secrets_manager.backends.kit.credential_files import Fingerprint
from secrets_manager.backends.kit.login_watch import watch_login
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.domain.errors import SecretsManagerError, SourceDeleted, SourceNotFound
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager_aws import faults, names
from secrets_manager_aws.api import SecretsManagerApi, try_out
from secrets_manager_aws.credentials import CredentialChain
from secrets_manager_aws.faults import Refused
from secrets_manager_aws.freshness import Absence, Freshness
from secrets_manager_aws.quiet import silence_botocore
from secrets_manager_aws.readings import secret_reading
from secrets_manager_aws.session import AwsSession, LoginSteps
from secrets_manager_aws.settings import AwsSettings
from secrets_manager_aws.signing import AccessKey
from secrets_manager_aws.surveyor import AwsSurveyor, SurveyLimits
from secrets_manager_aws.transport import SignedCalls

# A login asks a token service, perhaps for a second role, and then tries out what it got.
_LOGIN_CALLS = 3
_JITTER = random.SystemRandom().random
_LOG = logging.getLogger(__name__)


class AwsSecretsManagerBackend:
    """See `secrets_manager.backends.base.Backend` and `Surveyor`. Logs in when first needed."""

    name = "aws-sm"

    def __init__(  # noqa: PLR0913 - the clock is for tests
        self,
        settings: AwsSettings,
        *,
        timeout: float,
        connections: int,
        telemetry: BackendTelemetry,
        watchdog: Watchdog,
        clock: Clock = time.monotonic,
        name: str = "default",
    ) -> None:
        """``timeout`` is the total time of one call of a login or a survey, in seconds. Makes no call.

        ``name`` is its name in the settings. Raises ConfigError.
        """
        silence_botocore()
        self._region = settings.region
        self._takes_arns = settings.allow_arns
        self._telemetry = telemetry
        self._clock = clock
        self._calls = SignedCalls(settings, watchdog, connections=connections, clock=clock, name=name)
        chain = CredentialChain(settings, timeout=timeout)

        def accepted(key: AccessKey) -> None:
            try_out(self._calls, key, Terms.within(timeout))

        steps = LoginSteps(
            find=chain.log_in,
            try_out=accepted,
            shown=Fingerprint(chain.files()),
            watch=watch_login(watchdog, timeout, clock),
            seconds=_LOGIN_CALLS * timeout,
        )
        self._session = AwsSession(steps, telemetry, clock=clock, jitter=_JITTER, name=name)
        self._api = SecretsManagerApi(self._calls, self._session)
        self._freshness = Freshness()
        self._surveyor = AwsSurveyor(
            self._api,
            self._freshness,
            limits=SurveyLimits(ways=settings.survey, timeout=timeout),
            clock=clock,
            log=NamedLog(_LOG, name),
        )

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` names; raises InvalidPath and InvalidVersion."""
        return names.locate(path, version, self._region, takes_arns=self._takes_arns)

    def domains(self, source: Source) -> tuple[str, ...]:
        """Secrets of another account, which have ARNs, are throttled and refused by themselves."""
        account = names.account_of(source)
        return (f"account {account}",) if account else ()

    def read(self, source: Source, terms: Terms) -> Reading:
        """Read ``source``; credentials that are missing or turn out dead are replaced on the way."""
        with Timed(self._telemetry, self.name, "read", self._clock):
            try:
                return self._read(source, terms)
            except SecretsManagerError as error:
                if isinstance(error, (SourceNotFound, SourceDeleted)):
                    self._freshness.record(source, Absence.GONE)
                else:
                    self._freshness.forget(source)
                raise

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """One list, or batches, instead of a read for each source, where that is allowed and cheaper."""
        self._freshness.keep_only(sources)
        with Timed(self._telemetry, self.name, "list", self._clock):
            return self._surveyor.survey(sources)

    def maintain(self) -> None:
        """Load new trusted certificates, then log in or replace credentials that end soon."""
        self._calls.refresh()
        self._session.maintain()

    def retry_login(self) -> bool:
        """Log in again if the last login was refused and its files changed since; whether that worked."""
        return self._session.retry_refused()

    def login_number(self) -> int:
        """The number of the credentials in use."""
        return self._session.generation

    def ready(self) -> bool:
        """Whether a login ever worked, and no later login was refused."""
        return self._session.ready()

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, source: Source, terms: Terms) -> Reading:
        try:
            stored = self._api.get(names.wanted_of(source), terms)
        except Refused as refused:
            raise faults.of_source(refused.refusal, source) from None
        reading = secret_reading(source, stored.version, stored.content)
        self._freshness.record(source, stored.version)
        return reading
