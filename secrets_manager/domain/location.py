"""What a definition reads: a path, the version of it, and the backend that holds it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.domain.backend_name import DEFAULT_BACKEND, is_backend_name
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.wording import in_quotes

# No backend has longer ones. A path appears in messages and metrics.
MAX_PATH = 4096
MAX_VERSION = 64
# Each that a definition names has to be looked at by itself, with rules of the policy of its own.
MAX_BACKENDS = 64

# Of a name that is too long, and a little more than the longest that is not.
_SHOWN = 64


class Location(NamedTuple):
    """A path as the definition writes it, one version of it, or "" for the newest, and its backend."""

    path: str
    version: str = ""
    backend: str = DEFAULT_BACKEND


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A path of a backend that a definition asks for; where that is ``optional`` it need not be there."""

    path: str
    version: str = ""
    backend: str = DEFAULT_BACKEND
    optional: bool = False

    @property
    def location(self) -> Location:
        """The path, the version of it, and its backend."""
        return Location(self.path, self.version, self.backend)

    @property
    def may_be_absent(self) -> bool:
        """Whether the Secret can be made where the backend has nothing there."""
        return self.optional


def check_location(where: str, location: Location) -> None:
    """Raise InvalidSpec for what can be no location; ``where`` it stands in the spec is in the message."""
    check_length(f"{where}.path", location.path, MAX_PATH)
    check_length(f"{where}.version", location.version, MAX_VERSION)
    check_backend(where, location.backend)


def check_backend(where: str, name: str) -> None:
    """Raise InvalidSpec for a name that no backend can have."""
    if not is_backend_name(name):
        raise InvalidSpec(
            f"{where}.backend {in_quotes(name[:_SHOWN])} is no name of a backend: use lower case letters, "
            "digits and inner '-', at most 63"
        )


def check_length(where: str, text: str, most: int) -> None:
    """Raise InvalidSpec for a text of more than so many characters."""
    if len(text) > most:
        raise InvalidSpec(f"{where} has {len(text)} characters, more than {most}")
