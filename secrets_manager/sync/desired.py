"""From a definition and its readings to the Secret it wants; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secrets_manager.backends.base import Reading
from secrets_manager.cluster.bodies import owner_of
from secrets_manager.domain import marks
from secrets_manager.domain.checks import check_data
from secrets_manager.domain.decoding import decode
from secrets_manager.domain.definition import ADOPT, RECREATE, DataSource, Definition, Ref, SecretSpec
from secrets_manager.domain.errors import DecodeError
from secrets_manager.domain.secret import DesiredSecret, Digester


def desired_data(spec: SecretSpec, readings: Mapping[str, Reading]) -> dict[str, bytes]:
    """The data of the Secret, all keys or none; ``readings`` are by path as the definition writes it.

    Raises SourceError for the first key, in the order of names, that cannot be had, and TargetError when a
    Secret cannot hold what came out.
    """
    data = {key: _value(source, readings[source.path]) for key, source in sorted(spec.keys.items())}
    check_data(spec.secret_type, data)
    return data


def desired_secret(
    wanting: Definition, data: Mapping[str, bytes], claimants: Sequence[Definition], digester: Digester
) -> DesiredSecret:
    """The Secret that ``wanting`` wants; ``claimants`` are all who want it, the eldest first."""
    if not isinstance(wanting.spec, SecretSpec):
        raise wanting.spec
    others = [other for other in claimants if other.uid != wanting.uid and not other.deleting]
    senior = next((other for other in others if other.seniority < wanting.seniority), None)
    return DesiredSecret(
        ref=Ref(wanting.ref.namespace, wanting.spec.secret_name),
        type=wanting.spec.secret_type,
        data=data,
        digests=digester.each(data),
        owner=owner_of(wanting),
        labels=marks.copied(wanting.labels),
        annotations=marks.copied(wanting.annotations),
        senior=senior.ref if senior else None,
        adopt=wanting.opts_in(ADOPT),
        recreate=wanting.opts_in(RECREATE),
    )


def _value(source: DataSource, reading: Reading) -> bytes:
    text = reading.pick(source.key)
    try:
        return decode(text, source.encoding)
    except ValueError:
        raise DecodeError(source.path, source.key, source.encoding.value) from None
