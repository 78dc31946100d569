"""Certificates of impostors are never accepted for the server."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import secrets_manager
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from tests.testbed.pki import KeyPair

NAMED = {"ca_file": "x.ca", "ca_folder": "x.folder", "certificate": "x.cert", "key": "x.key"}
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
HOST, ADDRESS = "server.test", "127.0.0.1"
CA = x509.BasicConstraints(ca=True, path_length=None)
LEAF = x509.BasicConstraints(ca=False, path_length=None)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def names(*given: str) -> x509.SubjectAlternativeName:
    """DNS names, whatever they look like."""
    return x509.SubjectAlternativeName([x509.DNSName(one) for one in given])


GOOD = names(HOST, "vault.svc")


@dataclass(kw_only=True)
class Signed:
    """A certificate and its key; it signs itself where no issuer is given."""

    subject: str
    extensions: tuple[x509.ExtensionType, ...]
    issuer: Signed | None = None
    begins: dt.datetime = NOW - DAY
    ends: dt.datetime = NOW + DAY
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def pem(self) -> bytes:
        """The certificate alone."""
        issuer = self.issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.subject))
            .issuer_name(_name(issuer.subject))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.begins)
            .not_valid_after(self.ends)
        )
        for extension in self.extensions:
            builder = builder.add_extension(extension, critical=not isinstance(extension, type(GOOD)))
        return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def chain(self) -> bytes:
        """It and all between it and the root."""
        above = self.issuer.chain() if self.issuer and self.issuer.issuer else b""
        return self.pem() + above


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


ROOT = Signed(subject="root", extensions=(CA,))


def leaf(*extensions: x509.ExtensionType, **fields: object) -> Signed:
    return Signed(**{"subject": HOST, "extensions": extensions, "issuer": ROOT, **fields})  # type: ignore[arg-type]


def above(*extensions: x509.ExtensionType, issuer: Signed | None = ROOT) -> Signed:
    return Signed(subject="between", extensions=extensions, issuer=issuer)


def usage(*, signs: bool) -> x509.KeyUsage:
    fields = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=signs, crl_sign=False, **fields)


def agrees(trusted: bytes, shown: Signed, host: str, folder: Path) -> bool:
    """Whether a client that trusts this believes a server that shows that."""
    (folder / "ca.crt").write_bytes(trusted)
    pair = KeyPair(certificate=folder / "leaf.crt", key=folder / "leaf.key")
    pair.certificate.write_bytes(shown.chain())
    pair.key.write_bytes(
        shown.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    client = tls_context(TlsFiles(ca_file=str(folder / "ca.crt"), named=NAMED))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.load_cert_chain(pair.certificate, pair.key)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(theirs, ours, server_hostname=host),
        server.wrap_bio(ours, theirs, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


def test_a_certificate_in_order_is_believed(tmp_path: Path) -> None:
    between = above(CA, usage(signs=True))
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])

    assert agrees(ROOT.pem(), leaf(GOOD), HOST, tmp_path)
    assert agrees(ROOT.pem(), leaf(GOOD, LEAF, issuer=between), HOST, tmp_path)
    assert agrees(ROOT.pem(), leaf(names("*.svc.test")), "vault.svc.test", tmp_path)
    assert agrees(ROOT.pem(), leaf(addresses), ADDRESS, tmp_path)


TRUSTED_LEAF = Signed(subject=HOST, extensions=(GOOD, LEAF))
TRUSTED_PLAIN = Signed(subject=HOST, extensions=(GOOD,))
SHORT = Signed(subject="root", extensions=(x509.BasicConstraints(ca=True, path_length=0),))
NARROW = Signed(subject="root", extensions=(CA, x509.NameConstraints([x509.DNSName("elsewhere.test")], None)))
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the point

# What is trusted, what is shown, for which host.
IMPOSTORS: dict[str, tuple[Signed, Signed, str]] = {
    "no name but the common one": (ROOT, leaf(), HOST),
    "an address in the common name": (ROOT, leaf(subject=ADDRESS), ADDRESS),
    "another name": (ROOT, leaf(names("other.test")), HOST),
    "a name with ours behind it": (ROOT, leaf(names("x.server.test")), HOST),
    "a name with ours before it": (ROOT, leaf(names("server.test.evil.test")), HOST),
    "a star in a part": (ROOT, leaf(names("ser*.svc.test")), "server.svc.test"),
    "a star at the end": (ROOT, leaf(names("server.svc.*")), "server.svc.test"),
    "a star for two parts": (ROOT, leaf(names("*.svc.test")), "a.vault.svc.test"),
    "a star for none": (ROOT, leaf(names("*.svc.test")), "svc.test"),
    "a star for all": (ROOT, leaf(names("*")), "localhost"),
    "a star in the middle": (ROOT, leaf(names("a.*.svc.test")), "a.b.svc.test"),
    "an address as a name": (ROOT, leaf(names(ADDRESS)), ADDRESS),
    "a star in an address": (ROOT, leaf(names("*.0.0.1")), ADDRESS),
    "it has ended": (ROOT, leaf(GOOD, begins=NOW - 2 * DAY, ends=NOW - DAY), HOST),
    "it has not begun": (ROOT, leaf(GOOD, begins=NOW + DAY, ends=NOW + 2 * DAY), HOST),
    "it is for clients": (ROOT, leaf(GOOD, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])), HOST),
    "it signs itself": (ROOT, Signed(subject=HOST, extensions=(GOOD,)), HOST),
    "another authority of the same name": (
        ROOT,
        leaf(GOOD, issuer=Signed(subject="root", extensions=(CA,))),
        HOST,
    ),
    "a server's certificate signs it": (ROOT, leaf(GOOD, issuer=above(GOOD, LEAF)), HOST),
    "one that says nothing signs it": (ROOT, leaf(GOOD, issuer=above(GOOD)), HOST),
    "an authority that may not sign": (ROOT, leaf(GOOD, issuer=above(CA, usage(signs=False))), HOST),
    "a trusted server signs another": (TRUSTED_LEAF, leaf(GOOD, issuer=TRUSTED_LEAF), HOST),
    "a trusted one that says nothing signs another": (TRUSTED_PLAIN, leaf(GOOD, issuer=TRUSTED_PLAIN), HOST),
    "a trusted server for another name": (TRUSTED_LEAF, TRUSTED_LEAF, "other.test"),
    "an authority has ended": (
        ROOT,
        leaf(
            GOOD,
            issuer=Signed(subject="old", extensions=(CA,), issuer=ROOT, begins=NOW - 3 * DAY, ends=NOW - DAY),
        ),
        HOST,
    ),
    "one authority too many": (SHORT, leaf(GOOD, issuer=above(CA, issuer=SHORT)), HOST),
    "an authority for other names": (NARROW, leaf(GOOD, issuer=NARROW), HOST),
    "a weak key": (ROOT, leaf(GOOD, key=WEAK), HOST),
    "an authority with a weak key": (
        ROOT,
        leaf(GOOD, issuer=Signed(subject="weak", extensions=(CA,), issuer=ROOT, key=WEAK)),
        HOST,
    ),
}


@pytest.mark.parametrize("how", IMPOSTORS)
def test_no_impostor_is_believed(how: str, tmp_path: Path) -> None:
    trusted, shown, host = IMPOSTORS[how]

    assert not agrees(trusted.pem(), shown, host, tmp_path)


def test_nothing_connects_with_a_context_that_is_made_elsewhere() -> None:
    package = Path(secrets_manager.__file__).parent
    made = re.compile(
        r"SSLContext\(|create_default_context|_create_\w*context|CERT_NONE|cert_reqs|verify=False"
    )
    makers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if made.search(path.read_text(encoding="utf-8"))
    }

    assert makers == {"runtime/http/trust.py"}
