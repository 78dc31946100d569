"""Which secret, and which version of it, a path names. Pure.

This module must not know how a secret is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath, InvalidVersion

CURRENT = "AWSCURRENT"
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html#SecretsManager-CreateSecret-request-Name
_NAME = re.compile(r"[0-9A-Za-z/_+=.@-]{1,512}", re.ASCII)
_ARN = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]{1,32}):(?P<account>[0-9]{12})"
    r":secret:(?P<name>[0-9A-Za-z/_+=.@-]{1,512})-[0-9A-Za-z]{6}",
    re.ASCII,
)
# The API takes 32 to 64 characters for an id, which is a UUID unless a client made up another one.
_ID = re.compile(r"[0-9A-Za-z_-]{32,64}", re.ASCII)
_STAGE = re.compile(r"[A-Za-z][0-9A-Za-z_.+=@-]{0,30}", re.ASCII)
# Segments that would mean another place if a path were one of files.
_NO_SEGMENT = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A secret as the API names it: its name or ARN, and the id or the stage of a version of it.

    Without either it is the current version.
    """

    secret_id: str
    version_id: str = ""
    stage: str = ""

    @property
    def is_arn(self) -> bool:
        """Whether the secret is named by its ARN."""
        return self.secret_id.startswith("arn:")


def locate(path: str, version: str, region: str, *, takes_arns: bool) -> Source:
    """The source that ``path`` of a definition names: a name, or the whole ARN of a secret in ``region``.

    An ARN is a second name of a secret, which no pattern for its first name matches: the path policy would
    let through by one what it denies by the other. So ARNs are taken only where the settings say so.
    Raises InvalidPath, and InvalidVersion for a version that is neither an id nor a stage. The stage
    AWSCURRENT is the same as no version.
    """
    plain = path.removeprefix("/")
    if plain.startswith("arn:") and not takes_arns:
        raise InvalidPath(
            f"path {path!r} is an ARN, and the settings of this backend do not take ARNs (allow-arns)"
        )
    if plain.startswith("arn:"):
        _check_arn(plain, region)
    elif not _NAME.fullmatch(plain):
        raise InvalidPath(
            f"path {path!r} must be the name of a secret, of letters, digits and / _ + = . @ -, or its ARN"
        )
    elif plain.startswith("/"):
        raise InvalidPath(f"path {path!r}: a secret whose name begins with a slash is named by its ARN")
    _check_segments(path, plain)
    return Source(plain, _version(path, version))


def wanted_of(source: Source) -> Wanted:
    """The secret behind a source that ``locate`` made."""
    if _ID.fullmatch(source.version):
        return Wanted(source.path, version_id=source.version)
    return Wanted(source.path, stage=source.version)


def account_of(source: Source) -> str:
    """The account in the ARN that the source is named by, "" for a name."""
    found = _ARN.fullmatch(source.path)
    return found["account"] if found else ""


def version_in(text: object) -> str:
    """``text`` if it looks like the id of a version, otherwise "": ids are shown in the status."""
    return text if isinstance(text, str) and _ID.fullmatch(text) else ""


def _check_arn(arn: str, region: str) -> None:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise InvalidPath(
            f"path {arn!r} is not the whole ARN of a secret, which ends in a dash and six characters"
        )
    if found["region"] != region:
        raise InvalidPath(f"path {arn!r} is in another region than {region!r}, which this backend reads")


def _check_segments(path: str, plain: str) -> None:
    # The slash at the beginning of a name is no segment of its own within an ARN.
    name = plain.rpartition(":")[2] if plain.startswith("arn:") else plain
    if not _NO_SEGMENT.isdisjoint(name.removeprefix("/").split("/")):
        raise InvalidPath(f"path {path!r} has an empty, '.' or '..' segment")


def _version(path: str, version: str) -> str:
    if version in {"", CURRENT}:
        return ""
    if not _ID.fullmatch(version) and not _STAGE.fullmatch(version):
        raise InvalidVersion(
            path, version, "a version is a stage such as AWSPREVIOUS, or an id of 32 to 64 characters"
        )
    return version
