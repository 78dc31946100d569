"""Credential files as editors, shells and volumes leave them: read, or named without being shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.kit.credential_files import Fingerprint, read_credential, read_keys
from secrets_manager.domain.errors import AuthFailed, ConfigError
from secrets_manager.runtime.regular_file import LARGEST_BUNDLE, LARGEST_FILE
from secrets_manager.settings.credential_text import NoCredential, credential_in, decode_text

CANARY = "canary-4711"
SETTING = "vault.secret-id-file"

TAKEN = {
    "alone": CANARY.encode(),
    "with a line end": f"{CANARY}\n".encode(),
    "with a line end of Windows": f"{CANARY}\r\n".encode(),
    "with a line end of old": f"{CANARY}\r".encode(),
    "with empty lines around": f"\n\n {CANARY}\t \n\n".encode(),
    "behind a byte order mark": f"\ufeff{CANARY}\r\n".encode(),
    "behind two byte order marks": f"\ufeff\ufeff{CANARY}".encode(),
    "behind a mark and blanks": f"\ufeff  \ufeff{CANARY}".encode(),
    "before a mark": f"{CANARY}\ufeff\n".encode(),
    "in no-break spaces": f"\u00a0{CANARY}\u00a0".encode(),
    "UTF-16, least byte first": b"\xff\xfe" + f"{CANARY}\r\n".encode("utf-16-le"),
    "UTF-16, first byte first": b"\xfe\xff" + CANARY.encode("utf-16-be"),
    "UTF-32, least byte first": b"\xff\xfe\x00\x00" + CANARY.encode("utf-32-le"),
    "UTF-32, first byte first": b"\x00\x00\xfe\xff" + CANARY.encode("utf-32-be"),
}
REFUSED = {
    "nothing": (b"", "is empty"),
    "line ends alone": (b"\r\n\n", "is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf\n", "is empty"),
    "two lines": (f"{CANARY}\nmore".encode(), "holds more than one line"),
    "two lines of Windows": (f"{CANARY}\r\nmore\r\n".encode(), "holds more than one line"),
    "a line separator": (f"{CANARY}\u2028more".encode(), "holds more than one line"),
    "a bell": (f"can\a{CANARY}".encode(), "holds a control character (U+0007)"),
    "a tab inside": (f"can\t{CANARY}".encode(), "holds a control character (U+0009)"),
    "a NUL at the end": (
        f"{CANARY}\x00".encode(),
        "holds NUL bytes: is it UTF-16 without a byte order mark? save it as UTF-8",
    ),
    "UTF-16 without its mark": (
        CANARY.encode("utf-16-le"),
        "holds NUL bytes: is it UTF-16 without a byte order mark? save it as UTF-8",
    ),
    "half of UTF-16": (
        b"\xff\xfe" + CANARY.encode("utf-16-le")[:-1],
        "has a byte order mark of UTF-16 but is not UTF-16 text",
    ),
    "a NUL in UTF-16": (b"\xff\xfe" + "a\0b".encode("utf-16-le"), "holds a control character (U+0000)"),
    "a zero-width space before it": (
        f"\u200b{CANARY}\n".encode(),
        "begins or ends with an invisible character (U+200B): remove it",
    ),
    "a word joiner after it": (
        f"{CANARY}\u2060\r\n".encode(),
        "begins or ends with an invisible character (U+2060): remove it",
    ),
    "latin-1": (f"{CANARY}\u00e9".encode("latin-1"), "is not UTF-8 text"),
    "a mark of UTF-8 before latin-1": (
        b"\xef\xbb\xbf\xe9canary",
        "has a byte order mark of UTF-8 but is not UTF-8 text",
    ),
    "too much": (CANARY.encode() * 100_000, "is larger than 1 MiB"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret-id"


@pytest.mark.parametrize("content", TAKEN.values(), ids=TAKEN)
def test_text_that_editors_and_shells_add_is_not_part_of_a_credential(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert read_credential(str(file), SETTING) == CANARY


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_without_a_credential_is_named_and_not_shown(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(AuthFailed) as caught:
        read_credential(str(file), SETTING)

    assert caught.value.message == f"{SETTING}: file {str(file)!r} {why}"
    assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_letters_of_every_script_and_blanks_inside_are_part_of_a_credential(file: Path) -> None:
    file.write_text("røle id \u20ac \U0001f511\n", encoding="utf-8")

    assert read_credential(str(file), SETTING) == "røle id \u20ac \U0001f511"


def test_a_file_that_is_not_there_or_is_no_file_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    told = {}
    for path in (tmp_path / "absent", tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(AuthFailed) as caught:
            read_credential(str(path), SETTING)
        told[path] = caught.value.message.rpartition("' ")[2]

    assert list(told.values()) == [
        "cannot be read: No such file or directory",
        *["is not a regular file"] * 3,
    ]


def test_the_largest_file_is_read_whole(file: Path) -> None:
    file.write_bytes(b"a" * LARGEST_FILE)

    assert len(read_credential(str(file), SETTING)) == LARGEST_FILE


@given(st.binary(max_size=60))
def test_any_bytes_give_text_on_one_line_or_are_refused(content: bytes) -> None:
    try:
        found = credential_in(decode_text(content))
    except NoCredential:
        return

    assert found == found.strip()
    assert len(found.splitlines()) <= 1
    assert found.encode().decode() == found


@given(st.text(st.characters()))
def test_any_text_can_be_sent_in_a_header_or_is_refused(text: str) -> None:
    try:
        found = credential_in(text)
    except NoCredential:
        return

    assert found.encode().decode() == found
    assert credential_in(f"\ufeff\r\n{found} \n") == found


# ── certificates and keys ────────────────────────────────────────────────────────────────────────────

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "content",
    [PEM.encode(), PEM.encode("utf-8-sig"), b"\xff\xfe" + PEM.encode("utf-16-le")],
    ids=["as it is", "with a mark", "UTF-16"],
)
def test_pem_is_handed_over_without_its_mark(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert read_keys(str(file), SETTING) == PEM.encode()


def test_a_pfx_is_handed_over_as_it_is(file: Path) -> None:
    content = bytes([0x30, 0x82, 0, 10, 13, 0xFF, 0xFE])
    file.write_bytes(content)

    assert read_keys(str(file), SETTING) == content


def test_keys_that_are_not_there_are_named(file: Path) -> None:
    with pytest.raises(AuthFailed, match="cannot be read: No such file"):
        read_keys(str(file), SETTING)


# ── whether they changed ─────────────────────────────────────────────────────────────────────────────


def test_the_fingerprint_changes_with_the_content_and_with_nothing_else(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    word = Fingerprint([str(first), "", str(second)])
    seen = [word()]
    first.write_text("ab")
    seen.append(word())
    second.write_text("c")
    seen.append(word())
    os.utime(first, (1, 1))
    assert word() == seen[-1]

    # The same bytes, divided otherwise.
    first.write_text("a")
    second.write_text("bc")
    seen.append(word())
    # As a mounted Secret is replaced: another file in its place.
    (tmp_path / "new").write_text("xy")
    (tmp_path / "new").rename(first)
    seen.append(word())
    first.unlink()
    seen.append(word())

    assert len(set(seen)) == len(seen)


def test_the_fingerprint_takes_in_files_that_come_to_a_folder(tmp_path: Path) -> None:
    word = Fingerprint([], lambda: sorted(tmp_path.iterdir()))
    seen = [word()]
    (tmp_path / "b.pem").write_text("b")
    seen.append(word())
    (tmp_path / "a.pem").write_text("a")
    seen.append(word())
    # All public authorities, say: larger than any credential may be.
    for letter in (b"a", b"b"):
        (tmp_path / "a.pem").write_bytes(letter * LARGEST_BUNDLE)
        seen.append(word())

    assert len(set(seen)) == len(seen)
    assert word() == seen[-1]


def test_a_fingerprint_says_nothing_to_another_process(file: Path) -> None:
    file.write_text(CANARY)

    assert Fingerprint([str(file)])() != Fingerprint([str(file)])()


def test_without_files_nothing_ever_changes() -> None:
    word = Fingerprint(["", ""])

    assert word() == word()


def test_other_files_that_cannot_be_found_now_are_part_of_a_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "secret-id"
    file.write_text(CANARY)
    exhausted = True

    def others() -> list[Path]:
        if exhausted:
            raise ConfigError("vault.ca-path: folder 'x' cannot be read: Too many open files")
        return []

    fingerprint = Fingerprint([str(file)], others)
    without = fingerprint()
    assert fingerprint() == without
    file.write_text("another")
    assert fingerprint() != without
    file.write_text(CANARY)
    exhausted = False

    assert fingerprint() != without
