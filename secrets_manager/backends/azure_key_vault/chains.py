"""Which certificate of a bundle is the server's, and which others lead from it to its authority. Pure.

The issuer of a certificate is found by names, key identifiers and signatures, never by the order in which
certificates were stored: a bundle in another order gives the same chain. This module must not know how a
bundle is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# A check costs about a tenth of a millisecond, and a hostile bundle needs one for each pair.
_MOST_SIGNATURES = 2000


class TooMuchToVerify(ValueError):
    """So many certificates have the same name that finding their issuers would take too long."""


def chain_of(certificates: Sequence[x509.Certificate], public_key: bytes | None) -> list[x509.Certificate]:
    """The leaf and, in order, the certificates from it to its authority; others are left out.

    The leaf is the certificate of ``public_key`` (see `public_bytes`), or without such a certificate the one
    that issued none of the others. ``certificates`` must not be empty. Raises TooMuchToVerify.
    """
    bundle = _Bundle([*{one.fingerprint(SHA256()): one for one in certificates}.values()])
    numbers = range(len(bundle.certificates))
    candidates = [n for n in numbers if public_key and _has_key(bundle.certificates[n], public_key)]
    if not candidates:
        used = {issuer for number in numbers for issuer in bundle.issuers(number)}
        candidates = [number for number in numbers if number not in used] or list(numbers)
    chains = [bundle.path(number) for number in candidates]
    best = max(chains, key=bundle.standing)
    return [bundle.certificates[number] for number in best]


def public_bytes(key: object) -> bytes:
    """A public key as bytes, equal for equal keys."""
    found: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every kind of public key has it
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return found


@dataclass(eq=False)
class _Bundle:
    """Certificates, each once, identified by their numbers."""

    certificates: list[x509.Certificate]
    _issuers: dict[int, list[int]] = field(default_factory=dict)
    _signatures: int = 0

    def issuers(self, number: int) -> list[int]:
        """The possible issuers of a certificate, the best first; a self-signed one has no other issuer."""
        if number not in self._issuers:
            own = self._issued(number, number)
            found = [] if own else [n for n in range(len(self.certificates)) if self._issued(n, number)]
            self._issuers[number] = sorted(found, key=lambda n: self._rank(n, number), reverse=True)
        return self._issuers[number]

    def path(self, leaf: int) -> list[int]:
        """The shortest path from ``leaf`` to a self-signed certificate, or otherwise to one without issuer.

        Certificates that issued each other in a circle, without a way out, are each taken once.
        """
        found = self._shortest(leaf, lambda number: self._issued(number, number))
        return found or self._shortest(leaf, lambda number: not self.issuers(number)) or self._walk(leaf)

    def standing(self, path: Sequence[int]) -> tuple[bool, int, object]:
        """The order among several leaves: one that is no authority, has a long path and is new wins."""
        leaf = self.certificates[path[0]]
        return not _may_issue(leaf), len(path), (leaf.not_valid_before_utc, leaf.fingerprint(SHA256()))

    def _shortest(self, leaf: int, is_end: Callable[[int], bool]) -> list[int]:
        paths, reached = [[leaf]], {leaf}
        for path in paths:
            if is_end(path[-1]):
                return path
            for issuer in self.issuers(path[-1]):
                if issuer not in reached:
                    reached.add(issuer)
                    paths.append([*path, issuer])
        return []

    def _walk(self, leaf: int) -> list[int]:
        path = [leaf]
        while (above := next((n for n in self.issuers(path[-1]) if n not in path), None)) is not None:
            path.append(above)
        return path

    def _rank(self, above: int, below: int) -> tuple[bool, object, bytes]:
        issuer, issued = self.certificates[above], self.certificates[below]
        named = _names_key(issued, issuer) is True
        return named, issuer.not_valid_after_utc, issuer.fingerprint(SHA256())

    def _issued(self, above: int, below: int) -> bool:
        issuer, issued = self.certificates[above], self.certificates[below]
        if not _bears_name(issued, issuer):
            return False
        self._signatures += 1
        if self._signatures > _MOST_SIGNATURES:
            raise TooMuchToVerify("too many certificates of the same name")
        try:
            issued.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            return False
        except UnsupportedAlgorithm:
            # The library does not know this kind of signature: only the identifiers can decide.
            return _names_key(issued, issuer) is True
        return True


def _bears_name(issued: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        return issued.issuer == issuer.subject
    except ValueError:
        # A name that cannot be read matches no other.
        return False


def _names_key(issued: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the authority key identifier names the issuer's key; None where an identifier is missing."""
    try:
        wanted = issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return None
    return None if wanted is None else wanted == found


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _has_key(certificate: x509.Certificate, wanted: bytes) -> bool:
    try:
        return public_bytes(certificate.public_key()) == wanted
    except (ValueError, UnsupportedAlgorithm):
        return False
