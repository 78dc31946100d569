"""The plug-in keeps the contract of backends, on a server of moto."""

from __future__ import annotations

from secrets_manager.testing import BackendContract


class TestAwsSecretsManager(BackendContract):
    """The fixture ``bench`` is in conftest.py."""
