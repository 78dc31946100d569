"""What one AzureKeyVaultSecret gives to its Secret, as parts of a definition. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from secrets_manager.migrate.azure_key_vault_secret import vaults
from secrets_manager.migrate.originals import Json, Key, Original, dig
from secrets_manager.migrate.remarks import Remark
from secrets_manager.migrate.stores import Stores
from secrets_manager.migrate.telling import noted_at, refused_at

__all__ = ["NAME", "OPAQUE", "Parts", "Rendered", "of", "secret_of", "type_of"]

OPAQUE = "Opaque"
# Stands for the name of the input in the templates of a part.
NAME = "<input>"
_TLS = "kubernetes.io/tls"
_BASIC_AUTH = "kubernetes.io/basic-auth"
_OBJECT = ("spec", "vault", "object")
_OUTPUT = ("spec", "output", "secret")
_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_VERSION = re.compile(r"[A-Za-z0-9]{1,127}")
_KEYS_OF_TYPES = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/ssh-auth": "ssh-privatekey",
}
_FILTERS = {
    "trim": "trim",
    "toLower": "lower",
    "toUpper": "upper",
    "base64encode": "b64encode",
    "base64decode": "b64decode",
}
_YAML = "application/x-yaml"
_JSON = "application/x-json"
_PKCS8 = "gives a tls.key in PKCS #8, where akv2k8s writes PKCS #1, and the server's certificate first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Keys that templates make out of one value: ``name`` is what its input would best be called.

    In ``templates`` it is ``NAME``.
    """

    name: str
    origin: Json
    templates: dict[str, str]


@dataclass(slots=True)
class Parts:
    """Parts of a spec, without the backend, which is that of the key vault ``vault``."""

    original: Original
    vault: Key
    backend: str
    keys: dict[str, Json] = field(default_factory=dict)
    whole: Json | None = None
    rendered: Rendered | None = None
    checks: dict[str, str] = field(default_factory=dict)
    path: str = ""
    remarks: list[Remark] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The keys of the Secret that are known."""
        return {*self.keys, *(self.rendered.templates if self.rendered else ())}

    def note(self, path: tuple[str, ...], says: str) -> None:
        """Say what differs."""
        self.remarks.append(noted_at(self.original, path, says))


def secret_of(original: Original) -> str:
    """The name of the Secret, "" where the object makes none."""
    return _text(original, *_OUTPUT, "name")


def type_of(original: Original) -> str:
    """The type of the Secret."""
    return _text(original, *_OUTPUT, "type") or OPAQUE


def of(original: Original, stores: Stores) -> Parts:
    """The parts of an object. Raises Refused."""
    vault = vaults.key_of(original)
    if vault is None:
        raise refused_at(original, ("spec", "vault", "name"), "is no name of a key vault")
    if not secret_of(original):
        raise refused_at(
            original,
            (*_OUTPUT, "name"),
            "is missing, so no Secret is made: the injector puts the value into containers; make a Secret, "
            "and read it by env with secretKeyRef",
        )
    name, version = (_text(original, *_OBJECT, each) for each in ("name", "version"))
    if not _NAME.fullmatch(name):
        raise refused_at(original, (*_OBJECT, "name"), "is no name of an object of a key vault")
    if version and not _VERSION.fullmatch(version):
        raise refused_at(original, (*_OBJECT, "version"), "is no version of an object of a key vault")
    made = Parts(original, vault, stores.find(vault, "spec.vault.name")[1])
    convert = _CONVERTERS.get(_text(original, *_OBJECT, "type"))
    if convert is None:
        raise refused_at(original, (*_OBJECT, "type"), f"is none of {', '.join(_CONVERTERS)}")
    convert(made, name)
    if convert is not _secret and dig(original.spec, "output", "transform"):
        says = "is without effect there too: it changes objects of type secret"
        made.note(("spec", "output", "transform"), says)
    return made


def _secret(made: Parts, name: str) -> None:
    type_ = type_of(made.original)
    filters = _transforms(made.original)
    if type_ == _TLS:
        if filters:
            raise refused_at(
                made.original,
                ("spec", "output", "transform"),
                "changes a PFX before it is taken apart; store the PFX itself, as a certificate",
            )
        says = (
            "takes a PFX apart, which the key vault has to say of it: the content type application/x-pkcs12"
        )
        made.note((*_OBJECT, "type"), says)
        _pair(made, name)
    elif type_ == _BASIC_AUTH:
        _login(made, name, filters)
    else:
        key = _KEYS_OF_TYPES.get(type_) or _data_key(made.original)
        _value(made, name, key, filters)


def _value(made: Parts, name: str, key: str, filters: tuple[str, ...]) -> None:
    origin = _origin(made, name, "")
    if filters in {(), ("b64decode",)}:
        made.keys[key] = origin | ({"encoding": "base64"} if filters else {})
        return
    if "b64decode" in filters:
        made.note(
            ("spec", "output", "transform"), "decodes base64 in a template, which makes texts and no bytes"
        )
    pipe = "".join(f" | {each}" for each in filters)
    made.rendered = Rendered(name=name, origin=origin, templates={key: f"{{{{ {NAME}{pipe} }}}}"})


def _login(made: Parts, name: str, filters: tuple[str, ...]) -> None:
    """User and password, which a colon separates; the check is for a value that has none."""
    value = " | ".join((NAME, *filters, 'split(":")'))
    templates = {
        "username": f"{{{{ ({value})[0] }}}}",
        "password": f'{{{{ ({value})[1:] | join(":") }}}}',
    }
    made.rendered = Rendered(name=name, origin=_origin(made, name, ""), templates=templates)
    made.checks["password"] = "nonEmpty"  # noqa: S105 - a check


def _pair(made: Parts, name: str) -> None:
    for key in ("tls.crt", "tls.key"):
        made.keys[key] = _origin(made, f"certificates/{name}", key)
    made.note((*_OUTPUT, "type"), _PKCS8)


def _certificate(made: Parts, name: str) -> None:
    if type_of(made.original) == _TLS:
        _pair(made, name)
        return
    if _text(made.original, *_OUTPUT, "type") == OPAQUE:
        raise refused_at(
            made.original,
            (*_OUTPUT, "type"),
            "is Opaque, which writes the PFX or PEM as it is stored; read the path secrets/NAME by hand, "
            "with the encoding base64 for a PFX",
        )
    key = _data_key(made.original)
    made.keys[key] = _origin(made, f"certificates/{name}", "tls.crt")
    says = "gives the certificate with its issuers, and needs the right to read the secret behind it"
    made.note((*_OBJECT, "type"), says)


def _key(made: Parts, name: str) -> None:
    key = _data_key(made.original)
    # The value of akv2k8s is the modulus of the key, a member of its JWK.
    made.keys[key] = _origin(made, f"keys/{name}", "#/public.jwk/n")


def _members(made: Parts, name: str) -> None:
    content = _text(made.original, *_OBJECT, "contentType")
    if content == _YAML:
        says = "is YAML; store it as JSON, which is YAML too, and write application/x-json"
        raise refused_at(made.original, (*_OBJECT, "contentType"), says)
    if content != _JSON:
        raise refused_at(made.original, (*_OBJECT, "contentType"), "is missing, or is not application/x-json")
    origin = _origin(made, name, "")
    del origin["key"]
    made.whole = origin


_CONVERTERS = {
    "secret": _secret,
    "certificate": _certificate,
    "key": _key,
    "multi-key-value-secret": _members,
}


def _transforms(original: Original) -> tuple[str, ...]:
    found = dig(original.spec, "output", "transform") or []
    for number, each in enumerate(found):
        if each not in _FILTERS:
            path = ("spec", "output", "transform", number)
            raise refused_at(original, path, f"is none of {', '.join(_FILTERS)}")
    return tuple(_FILTERS[each] for each in found)


def _data_key(original: Original) -> str:
    key = _text(original, *_OUTPUT, "dataKey")
    if not key:
        raise refused_at(original, (*_OUTPUT, "dataKey"), "is missing, so akv2k8s writes nothing")
    return key


def _origin(made: Parts, path: str, key: str) -> Json:
    made.path = path
    version = _text(made.original, *_OBJECT, "version")
    return {"path": path, "key": key} | ({"version": version} if version else {})


def _text(original: Original, *at: str) -> str:
    found = dig(original.body, *at)
    return found if isinstance(found, str) else ""
