"""Labels and annotations that a definition wishes for on its Secret by name: ``spec.metadata``.

A wish that is written down for the Secret is not a mark that only came along with the definition, so those of
other tools are let through here (see ``foreign_marks`` for those that are copied). Refused are our own marks,
those by which the control plane knows tokens of service accounts, and those by which Helm and Terraform find
their state in every namespace, whatever its type and name: an author of definitions could make them act on a
state of their own making. What the API server would refuse is refused before it is asked. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.wording import in_quotes, truncate

# Entries of each kind: nobody writes as many, and each costs time at every reconcile.
MAX_ENTRIES = 256
# apimachinery pkg/api/validation: TotalAnnotationSizeLimitB; names count too.
MAX_ANNOTATIONS = 256 * 1024
# Bytes of our own annotations beside the names in the record, which takes three more for each.
OUR_SHARE = 512
_EACH_RECORDED = 3
# apimachinery pkg/util/validation: qualifiedNameMaxLength, LabelValueMaxLength, DNS1123SubdomainMaxLength.
_MAX_PART = 63
_MAX_DOMAIN = 253

_OUR_DOMAIN = "secrets-manager.tuenti.io/"
OURS = frozenset({"app.kubernetes.io/managed-by", "managedBy", "lastUpdatedAt"})
REFUSED_PREFIXES = (_OUR_DOMAIN, "kubernetes.io/service-account.")
# Labels by which a tool finds its state; with a value, that one only.
_STATE = {"owner": ("helm", "tiller"), "tfstate": (), "tfstatesecretsuffix": (), "tfstateworkspace": ()}

# apimachinery pkg/util/validation: IsQualifiedName, IsValidLabelValue, IsDNS1123Subdomain.
_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_SHOWN = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedMarks:
    """What ``spec.metadata`` names; raises InvalidSpec for what no Secret can carry, or none may."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, entries in (("labels", self.labels), ("annotations", self.annotations)):
            where = f"spec.metadata.{kind}"
            if len(entries) > MAX_ENTRIES:
                raise InvalidSpec(f"{where} has {len(entries)} entries, more than {MAX_ENTRIES}")
            for name, value in entries.items():
                _check_name(where, name, of_label=kind == "labels")
                _check_permitted(where, name, value)
        for name, value in self.labels.items():
            _check_label_value(name, value)
        if (size := self._size()) > MAX_ANNOTATIONS:
            raise InvalidSpec(
                f"spec.metadata has annotations of {size} bytes, with our own on the Secret, more than "
                f"{MAX_ANNOTATIONS}"
            )

    def _size(self) -> int:
        """Bytes of the annotations of a Secret that has these and our own, which record the names."""
        recorded = sum(_bytes(name) + _EACH_RECORDED for name in (*self.labels, *self.annotations))
        return sum(map(_bytes, (*self.annotations, *self.annotations.values()))) + recorded + OUR_SHARE


def is_ours(name: str) -> bool:
    """Whether it is a mark of ours or of the control plane, which no wish and no record reaches."""
    return name in OURS or name.lower().startswith(REFUSED_PREFIXES)


def _check_permitted(where: str, name: str, value: str) -> None:
    at = f"{where}[{_shown(name)}]"
    if is_ours(name):
        raise InvalidSpec(f"{at} is refused: it would say whose the Secret is, or whose token it holds")
    values = _STATE.get(name.lower())
    if values is not None and (not values or value.lower() in values):
        raise InvalidSpec(f"{at} is refused: Helm or Terraform would take the Secret for its own state")


def _check_name(where: str, name: str, *, of_label: bool) -> None:
    # The API server reads names of annotations in lower case, and those of labels as they are.
    domain, slash, part = (name if of_label else name.lower()).rpartition("/")
    fits = len(part) <= _MAX_PART and _PART.fullmatch(part)
    if slash:
        fits = fits and len(domain) <= _MAX_DOMAIN and _DOMAIN.fullmatch(domain)
    if not fits:
        raise InvalidSpec(
            f"{where} has the name {in_quotes(_shown(name))}: use at most {_MAX_PART} letters, digits, '-', "
            "'_' and '.', begin and end with a letter or digit, and put only a domain and a slash before it"
        )


def _check_label_value(name: str, value: str) -> None:
    if value and (len(value) > _MAX_PART or not _PART.fullmatch(value)):
        raise InvalidSpec(
            f"spec.metadata.labels[{_shown(name)}] has a value that no label may have: use at most "
            f"{_MAX_PART} letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
        )


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _shown(name: str) -> str:
    return truncate(name, _LONGEST_SHOWN)
