"""How long a call took and how it ended, reported in every case."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from secrets_manager.backends.base import BackendTelemetry, Clock
from secrets_manager.domain.errors import SecretsManagerError


class Timed:
    """Reports the call in its block: ``with Timed(telemetry, "vault", "read"): ...``.

    Attributes:
        seconds: how long the call took, once the block is left.
        ended: the reason of the error that ended it, or "Answered".
        instead: the error to report in place of one that is not a SecretsManagerError.

    """

    __slots__ = ("_about", "_clock", "_started", "_telemetry", "ended", "instead", "seconds")

    def __init__(
        self, telemetry: BackendTelemetry, backend: str, operation: str, clock: Clock = time.monotonic
    ) -> None:
        self._telemetry = telemetry
        self._about = backend, operation
        self._clock = clock
        self._started = self.seconds = 0.0
        self.ended = "Answered"
        self.instead: SecretsManagerError | None = None

    def __enter__(self) -> Self:
        self._started = self._clock()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, raised: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # The error itself is not kept: its traceback would refer back to this object.
        error = raised if isinstance(raised, SecretsManagerError) else self.instead
        self.seconds = self._clock() - self._started
        if error is not None:
            self.ended = error.reason
        self._telemetry.backend_call(*self._about, self.seconds, error)

    def log_fields(self) -> dict[str, str | float]:
        """The fields of a log line about the call."""
        backend, operation = self._about
        seconds = round(self.seconds, 6)
        return {"backend": backend, "operation": operation, "seconds": seconds, "reason": self.ended}
