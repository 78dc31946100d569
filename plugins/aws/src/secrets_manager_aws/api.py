"""The three actions of the API that the plug-in uses, each as one call with what it answers as values.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
This module must not know what readings are for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.kit.call_time import time_left
from secrets_manager.domain.errors import BackendUnavailable
from secrets_manager.runtime.terms import Terms
from secrets_manager_aws import faults
from secrets_manager_aws.faults import Refused
from secrets_manager_aws.names import Wanted, version_in
from secrets_manager_aws.session import AwsSession
from secrets_manager_aws.signing import AccessKey
from secrets_manager_aws.transport import SignedCalls

# The most that the API takes and gives.
BATCH = 20
_PAGE = 100
_ANOTHERS = "the reply is about something else than was asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A secret: the id of its version, and the answer with its text."""

    version: str
    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A secret in a list: the id of the version that each stage is at."""

    stages: Mapping[str, str]


class SecretsManagerApi:
    """Makes the calls with the session's credentials; safe from many threads."""

    def __init__(self, calls: SignedCalls, session: AwsSession) -> None:
        self._calls = calls
        self._session = session

    def get(self, wanted: Wanted, terms: Terms) -> Stored:
        """One secret; raises Refused, a BackendFault, or NoAnswerYet."""
        asked = {"SecretId": wanted.secret_id}
        if wanted.version_id:
            asked["VersionId"] = wanted.version_id
        elif wanted.stage:
            asked["VersionStage"] = wanted.stage
        content = self._call("GetSecretValue", asked, terms)
        version = version_in(content.get("VersionId"))
        if not version or not _is_about(wanted, version, content):
            raise BackendUnavailable(_ANOTHERS)
        return Stored(version=version, content=content)

    def current_versions(self, secret_ids: Sequence[str], terms: Terms) -> dict[str, str | faults.Refusal]:
        """The id of the current version, or the refusal, for each of at most twenty names or ARNs.

        Their values come along and are dropped. Raises as ``get`` does.
        """
        found: dict[str, str | faults.Refusal] = {}
        asked: dict[str, Any] = {"SecretIdList": list(secret_ids)}
        # An answer that is too large goes on in another; each has one secret at least.
        for _ in secret_ids:
            content = self._call("BatchGetSecretValue", asked, terms)
            found |= _versions(content)
            token = content.get("NextToken")
            if not isinstance(token, str) or not token:
                break
            asked["NextToken"] = token
        return {name: found[name] for name in secret_ids if name in found}

    def pages(self, terms: Callable[[], Terms]) -> Iterator[dict[str, Listed]]:
        """All secrets of the account by name and by ARN, page by page, each on new terms.

        Those that are marked for deletion are left out. Raises as ``get`` does.
        """
        asked: dict[str, Any] = {"MaxResults": _PAGE}
        while True:
            content = self._call("ListSecrets", asked, terms())
            yield _listed(content)
            token = content.get("NextToken")
            if not isinstance(token, str) or not token:
                return
            asked["NextToken"] = token

    def _call(self, action: str, asked: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
        """One call; credentials that are not accepted are replaced, and the call made once more."""
        try:
            return self._once(action, asked, terms)
        except Refused as refused:
            if not refused.refusal.is_about_identity:
                raise
        try:
            return self._once(action, asked, terms)
        except Refused as refused:
            if not refused.refusal.is_about_identity:
                raise
            raise faults.identity_refused(refused.refusal) from None

    def _once(self, action: str, asked: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
        generation, key = self._session.key(time_left(terms.deadline, faults.SERVICE))
        try:
            return self._calls.call(action, asked, key, terms)
        except Refused as refused:
            if refused.refusal.is_about_identity:
                self._session.reject(generation, faults.identity_refused(refused.refusal))
            raise


def try_out(calls: SignedCalls, key: AccessKey, terms: Terms) -> None:
    """Return when the service accepts the credentials, whatever they allow; raises a BackendFault.

    A list of one secret is asked for: without the right to list, the answer shows the same.
    """
    try:
        calls.call("ListSecrets", {"MaxResults": 1}, key, terms)
    except Refused as refused:
        fault = faults.of_backend(refused.refusal)
        if fault is not None:
            raise fault from None


def _is_about(wanted: Wanted, version: str, content: Mapping[str, Any]) -> bool:
    """Whether an answer is about the secret and the version that were asked for.

    The answer about another secret is whole and well-formed.
    """
    named = content.get("ARN" if wanted.is_arn else "Name") == wanted.secret_id
    return named and wanted.version_id in {"", version}


def _versions(content: Mapping[str, Any]) -> dict[str, str | faults.Refusal]:
    """By names and ARNs, the versions in an answer to a batch, and the refusals."""
    found: dict[str, str | faults.Refusal] = {}
    for each in _maps(content, "SecretValues"):
        version = version_in(each.get("VersionId"))
        found |= {str(each.get(name)): version for name in ("Name", "ARN") if version}
    for each in _maps(content, "Errors"):
        refusal = faults.refusal(400, each.get("ErrorCode"), each.get("Message"))
        found[str(each.get("SecretId"))] = refusal
    return found


def _listed(content: Mapping[str, Any]) -> dict[str, Listed]:
    found: dict[str, Listed] = {}
    for each in _maps(content, "SecretList"):
        held = each.get("SecretVersionsToStages")
        versions = held if isinstance(held, dict) else {}
        stages = {
            stage: version
            for version, names in versions.items()
            if isinstance(names, list)
            for stage in names
            if isinstance(stage, str)
        }
        found |= {str(each.get(name)): Listed(stages=stages) for name in ("Name", "ARN")}
    return found


def _maps(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The maps in a list of an answer; raises BackendUnavailable for anything else."""
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise faults.not_ours()
    return found
