"""The Secret that a definition wants, with the data it has to hold. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from secrets_manager.cluster.write.bodies import owner_of
from secrets_manager.domain import marks
from secrets_manager.domain.definition import ADOPT, RECREATE, Definition, Ref, SecretSpec
from secrets_manager.domain.secret import DesiredSecret, Digester


def names_of_marks(wanting: Definition, spec: SecretSpec) -> frozenset[str]:
    """The names of the labels and annotations that the definition may have put on its Secret."""
    each = (wanting.labels, wanting.annotations, spec.wished.labels, spec.wished.annotations)
    return frozenset(name for names in each for name in names)


def desired_secret(
    wanting: Definition, data: Mapping[str, bytes], senior: Definition | None, digester: Digester
) -> DesiredSecret:
    """The Secret that ``wanting`` wants; ``senior`` is the eldest known definition that wants it."""
    if not isinstance(wanting.spec, SecretSpec):
        raise wanting.spec
    wished = wanting.spec.wished
    keeps = senior is not None and senior.seniority < wanting.seniority
    return DesiredSecret(
        ref=Ref(wanting.ref.namespace, wanting.spec.secret_name),
        type=wanting.spec.secret_type,
        data=data,
        digests=digester.each(data),
        owner=owner_of(wanting),
        labels={**marks.select_copied(wanting.labels), **wished.labels},
        annotations={**marks.select_copied(wanting.annotations), **wished.annotations},
        wished=wished,
        senior=senior.ref if senior is not None and keeps else None,
        adopt=wanting.opts_in(ADOPT),
        recreate=wanting.opts_in(RECREATE),
        retained=wanting.retains,
        restarts=wanting.spec.restart is not None,
    )
