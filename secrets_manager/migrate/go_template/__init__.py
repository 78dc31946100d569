"""Templates in Go's language, as other operators have them, turned into templates of ours; pure.

What comes out makes the same bytes of the same values. Where that is not so in every case, a note says in
which; where it cannot be, the template is refused with its place and the reason. This holds for values that
are texts: bytes that are none go through Go's templates, and can only be encoded by ours.
"""

from __future__ import annotations

from secrets_manager.migrate.go_template.dialects import (
    EXTERNAL_SECRETS,
    EXTERNAL_SECRETS_V1,
    VAULT_SECRET,
    VAULT_SECRETS_OPERATOR,
    Dialect,
    Spelled,
)
from secrets_manager.migrate.go_template.faults import NotTranslatable
from secrets_manager.migrate.go_template.translate import Translated, translate

__all__ = [
    "EXTERNAL_SECRETS",
    "EXTERNAL_SECRETS_V1",
    "VAULT_SECRET",
    "VAULT_SECRETS_OPERATOR",
    "Dialect",
    "NotTranslatable",
    "Spelled",
    "Translated",
    "translate",
]
