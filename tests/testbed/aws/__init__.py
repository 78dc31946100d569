"""AWS as moto plays it."""

from __future__ import annotations
