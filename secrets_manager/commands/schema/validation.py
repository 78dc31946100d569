"""All that the API server would refuse of a SecretDefinition that kubectl sends it; pure."""

from __future__ import annotations

from typing import Any

import orjson

from secrets_manager.commands.schema import rules, structural
from secrets_manager.commands.schema.crd import schema
from secrets_manager.commands.schema.faults import SchemaFault
from secrets_manager.commands.schema.object_meta import metadata_faults

# etcd's own limit of a request, less what is stored beside the object.
MOST_BYTES = 1_500_000
_STATUS = "status"


def schema_faults(raw: dict[str, Any]) -> list[SchemaFault]:
    """The faults, in the order in which a reader meets them; none where the API server takes it."""
    wanted = schema()
    found = [each for each in structural.unknown_fields(wanted, raw) if each.path[0] != "metadata"]
    # The status is not taken from what a user sends.
    sent = {name: value for name, value in raw.items() if name != _STATUS}
    found += metadata_faults(sent.pop("metadata", None))
    sent = structural.without_nulls(wanted, sent)
    wrong = list(structural.faults(wanted, sent))
    found += wrong or rules.broken(wanted, sent)
    if not found and (size := len(orjson.dumps(sent))) > MOST_BYTES:
        found.append(SchemaFault((), f"has {size} bytes, more than {MOST_BYTES} that a cluster stores"))
    return found
