"""Templates of a definition: texts in the language of Jinja, rendered by MiniJinja within bounds; pure.

They know neither definitions nor backends: texts and values in, bytes or an error of ours out. Nothing that
MiniJinja says leaves this package, since its words may quote a value.
"""

from __future__ import annotations

from secrets_manager.templates.compiled import CompiledTemplates, compile_templates

__all__ = ["CompiledTemplates", "compile_templates"]
