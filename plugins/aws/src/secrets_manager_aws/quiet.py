"""Keeps botocore's loggers silent: at debug level they write headers, bodies and session tokens.

Its warnings carry the text of answers too. The plug-in reports each of those failures itself.
"""

from __future__ import annotations

import logging

_LIBRARY = "botocore"


def silence_botocore() -> None:
    """Let no line of botocore through, at any level of the root logger."""
    logger = logging.getLogger(_LIBRARY)
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
