"""What tests of settings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.daemon.config.told import Told


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "settings.toml")
