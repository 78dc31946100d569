"""Every function that the operators' templates have: how it is written in ours, or why it cannot be."""

# ruff: noqa: SIM905 - words are read more easily than words in quotes

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call
from secrets_manager.migrate.go_template.data import DATA, must_from_json
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.texts import TEXTS
from secrets_manager.migrate.go_template.truth import TRUTH
from secrets_manager.migrate.go_template.values import Value, piped

Translation = Callable[[Call], Value]

_EACH_TIME = "gives something else each time, so the Secret would be written without end"
_OUTSIDE = "reaches outside of the template, which a definition may not"
_NO_ORDER = "gives them in no fixed order"
_KEYS = (
    "takes certificates and keys apart, which no filter does here;"
    " keep the part that is needed as a key of its own in the backend"
)
_NO_FILTER = "has no filter of ours that does the same"
_CHANGES = "changes a map, and maps are not changed here"
_UNKNOWN = "is no function that is known here"

_REASONS = {
    _EACH_TIME: (
        "ago bcrypt buildCustomCert date date_in_zone dateInZone derivePassword encryptAES"
        " fullPemToPkcs12 fullPemToPkcs12Pass genCA genCAWithKey genPrivateKey genSelfSignedCert"
        " genSelfSignedCertWithKey genSignedCert genSignedCertWithKey htmlDate htmlDateInZone htpasswd"
        " now pemToPkcs12 pemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass randAlpha"
        " randAlphaNum randAscii randBytes randInt randNumeric shuffle unixEpoch uuidv4"
    ),
    _OUTSIDE: "env expandenv getHostByName getSecretKey getSecretKeys",
    _NO_ORDER: "keys values",
    _KEYS: (
        "decryptAES filterCertChain filterPEM jwkPrivateKeyPem jwkPublicKeyPem pemCertificate"
        " pemPrivateKey pkcs12cert pkcs12certPass pkcs12key pkcs12keyPass rsaDecrypt"
    ),
    _CHANGES: "merge mergeOverwrite mustMerge mustMergeOverwrite set unset",
    _NO_FILTER: (
        "abbrev abbrevboth add1f addf adler32sum all any append atoi b32dec b32enc base biggest call"
        " camelcase ceil chunk clean compact concat date_modify dateModify deepCopy deepEqual dig dir"
        " div divf duration durationRound ext fail float64 floor fromYaml html initials int int64"
        " isAbs js kebabcase kindIs kindOf max maxf min minf mod mul mulf must_date_modify mustAppend"
        " mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustHas mustInitial mustLast"
        " mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll"
        " mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToDate mustUniq"
        " mustWithout nospace omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend push"
        " regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral"
        " regexSplit repeat round semver semverCompare seq sha1sum sha512sum slice snakecase splitn"
        " subf substr swapcase title toDate toDecimal toStrings typeIs typeIsLike typeOf uniq"
        " untilStep untitle urlJoin urlParse without wrap wrapWith"
    ),
}
REFUSED = {name: reason for reason, names in _REASONS.items() for name in names.split()}
# Those of Go itself, which are there whatever else is.
_BUILT_IN = frozenset("and eq ge gt le len lt ne not or print printf println urlquery".split())


def _to_bytes(call: Call) -> Value:
    call.takes(1)
    return replace(call.text(0), kind=Kind.BYTES)


def _octets(call: Call) -> Value:
    call.takes(1)
    if call.values[0].kind is not Kind.BYTES:
        raise call.refuse(f"gets {call.values[0].kind.value} where it takes bytes")
    return call.noted(call.values[0])


def _bytes_to_text(call: Call) -> Value:
    return replace(_octets(call), kind=Kind.TEXT)


def _bytes_to_base64(call: Call) -> Value:
    return piped(_octets(call), "b64encode", Kind.BYTES)


def _base64_to_bytes(call: Call) -> Value:
    call.note(notes.SPACES_IN_BASE64)
    return piped(_octets(call), "b64decode", Kind.BYTES)


def _bytes_to_json(call: Call) -> Value:
    call.takes(1)
    if call.values[0].kind is Kind.BYTES:
        return piped(piped(_octets(call), "b64encode"), "quote")
    return DATA["mustToJson"](call)


def _bytes_from_json(call: Call) -> Value:
    return must_from_json(replace(call, values=(_bytes_to_text(call),)))


_SPRIG: dict[str, Translation] = {**TEXTS, **DATA, **TRUTH}
_BYTES: dict[str, Translation] = {
    **{name: _SPRIG[name] for name in _BUILT_IN},
    "base64decode": _base64_to_bytes,
    "base64encode": _bytes_to_base64,
    "fromJSON": _bytes_from_json,
    "lower": TEXTS["lower"],
    "toBytes": _to_bytes,
    "toJSON": _bytes_to_json,
    "toString": _bytes_to_text,
    "upper": TEXTS["upper"],
}
# By what a dialect calls its set of functions.
TABLES = {"sprig": _SPRIG, "bytes": _BYTES}


def called(call: Call, functions: str) -> Value:
    """What a call is in ours. Raises Refused."""
    translation = TABLES[functions].get(call.name)
    if translation is None:
        raise call.refuse(REFUSED.get(call.name, _UNKNOWN))
    return translation(call)
