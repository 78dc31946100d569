"""What only the tests without servers need."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_authorities_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes ten milliseconds of each client that is made, and none of them signed anything here.

    Whoever is about them names a file of its own.
    """
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
