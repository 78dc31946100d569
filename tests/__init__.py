"""The tests; a package so that `tests.testbed` can be imported and run."""

from __future__ import annotations
