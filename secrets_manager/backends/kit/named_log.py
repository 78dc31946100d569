"""A logger whose lines name the backend: a daemon may have several of one kind."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class NamedLog(_Adapter):
    """Adds the field ``backend`` to each line, besides the ``extra`` of the call."""

    def __init__(self, logger: logging.Logger, backend: str) -> None:
        super().__init__(logger, {"backend": backend})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """The message as it is, and the fields of the call with the name of the backend."""
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **(self.extra or {})}
        return msg, kwargs
