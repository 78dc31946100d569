"""One template under the key ``k``: what it says, or what is said of it."""

from __future__ import annotations

import pytest

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.templates import compile_templates

CANARY = "c4n4ry"


def said(text: str, /, **values: object) -> str:
    """What ``text`` is with ``values``."""
    return compile_templates({"k": text}).render(values)["k"].decode()


def failure(text: str, /, **values: object) -> str:
    """Why ``text``, which is valid, cannot be rendered with ``values``."""
    compiled = compile_templates({"k": text})
    with pytest.raises(TemplateFailed) as caught:
        compiled.render(values)
    return caught.value.message


def refusal(text: str) -> str:
    """Why ``text`` is no template."""
    with pytest.raises(InvalidTemplate) as caught:
        compile_templates({"k": text})
    return caught.value.message
