"""What the dot is in the templates of each operator, and which functions they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.migrate.go_template.kinds import Kind


class Spelled(NamedTuple):
    """An expression of ours: a name, or one that goes through filters if it is ``piped``.

    It is ``sure`` where the definition cannot be made without it.
    """

    text: str
    piped: bool = False
    sure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One operator's use of Go's templates.

    ``values`` is the field of the dot that has the values that were read, or "" where the dot has them;
    ``kind`` is what each is. ``texts`` are other fields by their dotted names, such as ``Labels.app``, whose
    texts are known from the object. ``missing_fails`` says that a key that is not there is an error.
    ``functions`` names the set of functions: "sprig" or "bytes". ``spelled`` gives what a name of the values
    is in ours, where that is not the name of the definition itself.
    """

    values: str = ""
    kind: Kind = Kind.TEXT
    texts: Mapping[str, str] = field(default_factory=dict, hash=False)
    delims: tuple[str, str] = ("{{", "}}")
    missing_fails: bool = True
    functions: str = "sprig"
    spelled: Callable[[str], Spelled] | None = None


# engineVersion v2, which is also the default of v1beta1. The delimiters are flags of the operator.
EXTERNAL_SECRETS = Dialect()
# engineVersion v1: values are bytes, there are few functions, and what is not there is nothing.
EXTERNAL_SECRETS_V1 = Dialect(kind=Kind.BYTES, missing_fails=False, functions="bytes")
# HashiCorp's: values are whatever Vault has.
VAULT_SECRETS_OPERATOR = Dialect(values="Secrets", kind=Kind.ANY, missing_fails=False)
# ricoberger's VaultSecret.
VAULT_SECRET = Dialect(values="Secrets", delims=("{%", "%}"), missing_fails=False)
