"""Proof that the holder of a Lease gave it up, and that no other process emptied it; pure, except for drawing
a secret.

Every process that may write the Lease can empty it, and the leader notices only at its next renewal. So the
holder writes a pledge into it, the hash of a secret that never leaves its process, and the secret itself when
it gives the Lease up. A secret that fits the pledge is a receipt: no other process could have written it.

Holder and number of the term are part of the hash. So neither is valid for the next term, even if the next
holder is of a version that keeps annotations which it does not know.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from secrets_manager.cluster.lead.lease import LeaseRecord

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """The secret of one process for its one time of leading; hidden in the repr."""

    identity: str
    secret: str = field(default_factory=lambda: secrets.token_hex(_SECRET_BYTES), repr=False)

    def of(self, transitions: int) -> str:
        """What to write into the Lease while it is held, for the term of that number."""
        return _hash(self.secret, self.identity, transitions)

    def receipt(self) -> str:
        """What to write into the Lease when it is given up."""
        return f"{self.secret} {self.identity}"


def giver(record: LeaseRecord) -> str:
    """The identity that gave up the Lease with a receipt that fits the pledge beside it; "" for none."""
    return "" if record.holder else _issuer(record.receipt, record)


def gave_up_to(held: LeaseRecord, after: LeaseRecord) -> bool:
    """Whether the holder gave the Lease up, as the receipt in ``after`` shows."""
    return bool(held.holder) and _issuer(after.taken_by, held) == held.holder


def _issuer(receipt: str, record: LeaseRecord) -> str:
    """The identity whose receipt fits the pledge of ``record``; "" if it does not fit."""
    secret, _, identity = receipt.partition(" ")
    if not identity or not record.pledge:
        return ""
    expected = _hash(secret, identity, record.transitions)
    return identity if hmac.compare_digest(expected.encode(), record.pledge.encode()) else ""


def _hash(secret: str, identity: str, transitions: int) -> str:
    return hashlib.sha256(f"{transitions} {secret} {identity}".encode()).hexdigest()
