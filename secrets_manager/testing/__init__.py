"""The contract of backends as a suite of tests, also for backends of other packages.

Only this part of the package imports pytest, which a project with tests has. The daemon never imports it.
"""

from __future__ import annotations

import pytest

# Before the suite is loaded, so that a failed assertion shows its values.
pytest.register_assert_rewrite("secrets_manager.testing.backend_contract")

from secrets_manager.testing.backend_bench import (  # noqa: E402 - as said above
    READ_SECONDS,
    BackendBench,
    SilentBackend,
)
from secrets_manager.testing.backend_contract import (  # noqa: E402 - as said above
    BackendContract,
    VersionedContract,
)

__all__ = ["READ_SECONDS", "BackendBench", "BackendContract", "SilentBackend", "VersionedContract"]
