"""Keeps Kubernetes Secrets in step with a secret store; the version lives here and nowhere else."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "3.0.0"
