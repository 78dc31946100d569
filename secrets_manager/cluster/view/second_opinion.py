"""Whether the API server answers other lists when one kind of object cannot be listed.

Errors do not show that: an API server that is away, one that is slow, and one that cannot decrypt a Secret
may all end a list with a time-out or a 500.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import cast

from secrets_manager.cluster.base import KubernetesApi, Page
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.domain.errors import SecretsManagerError


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """Asks for the first page of what another informer lists."""

    api: KubernetesApi
    other: Informer

    def __call__(self) -> bool:
        """Whether that can be listed just now; one call at the most."""
        if self.other.cannot_list:
            return False
        # The rest of the list is not wanted, and a page that is open keeps others from memory.
        with contextlib.closing(cast("Generator[Page]", self.api.pages(self.other.scope))) as pages:
            try:
                next(pages, None)
            except SecretsManagerError:
                return False
        return True
