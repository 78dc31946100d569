"""Trust and identity from files that are rotated, on real handshakes."""

from __future__ import annotations

import codecs
import datetime as dt
import errno
import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from secrets_manager.backends.kit.file_checks import certificates_fault
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.http.trust import FileBacked, TlsFiles, stamp_of, tls_context
from secrets_manager.runtime.regular_file import LARGEST_BUNDLE
from tests.testbed.pki import Authority, KeyPair

NAMED = {"ca_file": "x.ca", "ca_folder": "x.folder", "certificate": "x.cert", "key": "x.key"}


def files(**fields: str | Path) -> TlsFiles:
    return TlsFiles(named=NAMED, **{name: str(value) for name, value in fields.items()})  # type: ignore[arg-type]


def agrees(client: ssl.SSLContext, pair: KeyPair, host: str = "server.test") -> bool:
    """Whether a handshake in memory succeeds."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(theirs, ours, server_hostname=host),
        server.wrap_bio(ours, theirs, server_side=True),
    ]
    for _ in range(4):
        for side in tuple(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


def test_clients_that_trust_the_system_and_show_nothing_share_one_context() -> None:
    shared = tls_context(files())

    assert tls_context(files()) is shared
    assert shared.verify_mode is ssl.CERT_REQUIRED
    assert shared.check_hostname


@pytest.mark.parametrize("field", ["ca_file", "ca_folder", "certificate", "verify"])
def test_any_other_trust_is_a_context_of_its_own(field: str, authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("client.test")
    (tmp_path / "ca.pem").write_bytes(authority.ca_file.read_bytes())
    fields: dict[str, object] = {
        "ca_file": {"ca_file": str(authority.ca_file)},
        "ca_folder": {"ca_folder": str(tmp_path)},
        "certificate": {"certificate": str(pair.certificate), "key": str(pair.key)},
        "verify": {"verify": False},
    }
    asked = TlsFiles(named=NAMED, **fields[field])  # type: ignore[arg-type]

    own = tls_context(asked)
    assert own is not tls_context(files())
    assert own is not tls_context(asked)


def test_a_new_file_of_the_system_is_trusted_by_what_is_made_after_it(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, pair = tmp_path / "system.pem", authority.issue("server.test")
    bundle.write_text("", encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    before = tls_context(files())
    bundle.write_bytes(authority.ca_file.read_bytes())
    after = tls_context(files())

    assert not agrees(before, pair)
    assert agrees(after, pair)


def test_an_authority_may_be_a_root_an_intermediate_or_the_server_itself(
    authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue("server.test")
    between, leaf = _below(tmp_path)

    assert agrees(tls_context(files(ca_file=authority.ca_file)), pair)
    assert agrees(tls_context(files(ca_file=pair.certificate)), pair)
    assert agrees(tls_context(files(ca_file=between)), leaf)
    assert not agrees(tls_context(files(ca_file=authority.ca_file)), leaf)
    assert not agrees(tls_context(files(ca_file=authority.ca_file)), pair, "other.test")


def _below(folder: Path) -> tuple[Path, KeyPair]:
    """An intermediate authority whose own issuer is not known, and a certificate that it issued."""
    now, keys = dt.datetime.now(dt.UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("root", "between", "leaf")
    ]

    def sign(subject: int, issuer: int, extension: x509.ExtensionType) -> bytes:
        return (
            x509.CertificateBuilder()
            .subject_name(names[subject])
            .issuer_name(names[issuer])
            .public_key(keys[subject].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(keys[issuer], hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    between = folder / "between.crt"
    between.write_bytes(sign(1, 0, x509.BasicConstraints(ca=True, path_length=None)))
    pair = KeyPair(certificate=folder / "leaf.crt", key=folder / "leaf.key")
    pair.certificate.write_bytes(sign(2, 1, x509.SubjectAlternativeName([x509.DNSName("server.test")])))
    pair.key.write_bytes(
        keys[2].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return between, pair


def test_a_folder_needs_no_hashed_names_and_comments_may_be_in_any_encoding(
    authority: Authority, tmp_path: Path
) -> None:
    folder = tmp_path / "trusted"
    (folder / "deeper").mkdir(parents=True)
    (folder / "readme").write_bytes(b"not a certificate")
    (folder / "deeper" / "x.txt").write_bytes(b"# Pr\xfcfstelle \x84\n" + authority.ca_file.read_bytes())

    assert agrees(tls_context(files(ca_folder=folder)), authority.issue("server.test"))


@pytest.mark.parametrize("ours_is", [0, 1])
def test_no_certificate_is_passed_over_for_a_byte_order_mark(
    authority: Authority, tmp_path: Path, ours_is: int
) -> None:
    """Files that an editor saved with a mark, and that were then joined, have several."""
    stranger = Authority(tmp_path / "stranger", "stranger").ca_file.read_bytes()
    parts = [stranger, stranger]
    parts[ours_is] = authority.ca_file.read_bytes()
    joined = tmp_path / "joined.pem"
    joined.write_bytes(b"".join(codecs.BOM_UTF8 + part for part in parts))

    assert agrees(tls_context(files(ca_file=joined)), authority.issue("server.test"))
    assert certificates_fault(joined) == ""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: b"",
        lambda good: good[: len(good) // 2],
        lambda good: good + good[: len(good) // 2],
        lambda good: good.replace(b"\n", b"\r"),
        lambda good: good.rstrip() + good,
        lambda good: good.decode().encode("utf-16"),
        lambda good: bytes(len(good)),
    ],
    ids=["empty", "half", "one and a half", "carriage returns alone", "glued together", "UTF-16", "zeros"],
)
def test_a_spoilt_file_of_authorities_is_refused_as_a_whole(
    authority: Authority, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    spoilt = tmp_path / "spoilt.pem"
    spoilt.write_bytes(spoil(authority.ca_file.read_bytes()))

    with pytest.raises(ConfigError, match=r"x\.ca: file .*spoilt"):
        tls_context(files(ca_file=spoilt))
    assert certificates_fault(spoilt)


def test_a_file_that_cannot_be_used_is_named_by_its_setting(authority: Authority, tmp_path: Path) -> None:
    rubbish, pair = tmp_path / "rubbish", authority.issue("a")
    rubbish.write_text("-----BEGIN CERTIFICATE-----\ncanary\n")
    (tmp_path / "empty").mkdir()

    for given, said in [
        (files(ca_file=tmp_path / "absent"), r"x\.ca: .*absent' cannot be read: No such file"),
        (files(ca_file=rubbish), r"x\.ca: .* damaged"),
        (files(ca_file=pair.key), r"x\.ca: .* no PEM certificate"),
        (files(ca_folder=tmp_path / "empty"), r"x\.folder: .* no PEM certificate"),
        (files(certificate=pair.certificate), r"x\.cert .* x\.key"),
        (files(certificate=pair.certificate, key=authority.issue("b").key), r"x\.cert .* x\.key"),
    ]:
        with pytest.raises(ConfigError, match=said) as caught:
            tls_context(given)
        assert "canary" not in caught.value.message


def write(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)


Change = Callable[[Path], None]


@pytest.mark.parametrize("kind", ["replaced", "rewritten", "removed", "linked"])
def test_a_stamp_shows_every_change(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ca.crt").write_text(name)
    (tmp_path / "..data").symlink_to("one")
    path = tmp_path / "..data" / "ca.crt"
    before = stamp_of([path])
    assert stamp_of([path]) == before
    if kind == "replaced":
        write(tmp_path / "one" / "ca.crt", b"two")
    elif kind == "rewritten":
        path.write_text("other")
    elif kind == "removed":
        path.unlink()
    else:
        (tmp_path / "..new").symlink_to("two")
        (tmp_path / "..new").rename(tmp_path / "..data")

    assert stamp_of([path]) != before


def test_a_value_built_from_files_is_built_again_when_usable_files_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    retired: list[str] = []
    told: list[ConfigError] = []
    path.write_text("one")

    def build() -> str:
        text = path.read_text()
        if text == "half":
            raise ConfigError("half written")
        return text

    built = FileBacked(lambda: [path], build, retired.append)
    first = built.current
    assert not built.refresh(told.append)
    write(path, b"half")
    assert [built.refresh(told.append) for _ in range(3)] == [False] * 3
    assert (built.current, retired, [error.message for error in told]) == ("one", [], ["half written"])
    write(path, b"two")
    # Another thread may have been faster: what counts is whether there is another than the one that failed.
    assert [built.newer_than(first, told.append) for _ in range(2)] == [True, True]
    assert not built.newer_than(built.current, told.append)
    assert (built.current, retired) == ("two", ["one"])


@pytest.mark.parametrize("field", ["ca_file", "certificate", "key"])
@pytest.mark.parametrize("thing", ["pipe", "device", "folder", "giant"])
def test_a_pipe_or_a_file_without_end_is_refused_at_once_and_named(
    field: str, thing: str, authority: Authority, tmp_path: Path
) -> None:
    path, pair = tmp_path / thing, authority.issue("a")
    if thing == "pipe":
        os.mkfifo(path)
    elif thing == "device":
        path = Path("/dev/zero")
    elif thing == "folder":
        path.mkdir()
    else:
        path.write_bytes(authority.ca_file.read_bytes() + b"#" * LARGEST_BUNDLE)
    pair_of_files = {"certificate": pair.certificate, "key": pair.key}
    given = files(**({"ca_file": path} if field == "ca_file" else {**pair_of_files, field: path}))

    with pytest.raises(
        ConfigError, match=f"{re.escape(NAMED[field])}: .*(is not a regular file|is larger than 4 MiB)"
    ):
        tls_context(given)
    with pytest.raises(ConfigError, match=re.escape(NAMED[field])):
        given.contents()


def test_an_authority_that_became_a_pipe_leaves_the_old_authority_in_use(
    authority: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.ca_file.read_bytes())
    given, told = files(ca_file=path), list[str]()
    held = FileBacked(given.paths, lambda: tls_context(given), lambda _: None)
    before = held.current
    path.unlink()
    os.mkfifo(path)

    assert not held.refresh(lambda error: told.append(error.message))
    assert held.current is before
    assert told == [f"x.ca: {str(path)!r} is not a regular file"]


def test_a_folder_that_cannot_be_listed_leaves_the_old_authorities_in_use(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    trusted = files(ca_folder=tmp_path)
    told: list[ConfigError] = []
    built = FileBacked(trusted.paths, lambda: tls_context(trusted), lambda _: None)
    first = built.current
    with monkeypatch.context() as exhausted:
        exhausted.setattr(Path, "rglob", _too_many_open_files)
        assert not any(built.newer_than(first, told.append) for _ in range(3))
        with pytest.raises(ConfigError, match=r"x\.folder"):
            tls_context(trusted)
    write(tmp_path / "ca.pem", Path(authority.ca_file).read_bytes())

    assert [error.message for error in told] == [
        f"x.folder: folder {str(tmp_path)!r} cannot be read: Too many open files"
    ]
    assert built.newer_than(first, told.append)


def _too_many_open_files(_folder: Path, _pattern: str) -> list[Path]:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
