"""Templates of definitions, parsed once for each spec. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from secrets_manager.domain.definition import ALL_NAMES, Ref, SecretSpec
from secrets_manager.domain.errors import InvalidTemplate
from secrets_manager.domain.wording import in_quotes
from secrets_manager.templates import CompiledTemplates, compile_templates


@dataclass(eq=False)
class TemplateCache:
    """The templates of all definitions. Safe from many threads; each definition is one thread's at a time."""

    _known: dict[Ref, tuple[SecretSpec, CompiledTemplates | InvalidTemplate]] = field(default_factory=dict)

    def of(self, ref: Ref, spec: SecretSpec) -> CompiledTemplates | None:
        """The templates of a definition with this spec, None if it has none; raises InvalidTemplate."""
        if not spec.templates:
            self.forget(ref)
            return None
        known = self._known.get(ref)
        if known is None or known[0] != spec:
            known = self._known[ref] = spec, _compiled(spec)
        # An error is kept as well: each change of an annotation is a reconcile.
        if isinstance(known[1], InvalidTemplate):
            raise known[1]
        return known[1]

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        self._known.pop(ref, None)


def _compiled(spec: SecretSpec) -> CompiledTemplates | InvalidTemplate:
    try:
        compiled = compile_templates(spec.templates)
        _require_names(spec, compiled)
    except InvalidTemplate as error:
        return error.bare()
    return compiled


def _require_names(spec: SecretSpec, compiled: CompiledTemplates) -> None:
    """Refuse names that nothing provides; those of whole paths are known only once these were read."""
    if spec.data_from:
        return
    provided = {ALL_NAMES, *spec.inputs, *spec.keys}
    for data_key, names in sorted(compiled.names.items()):
        if strange := min(names - provided, default=None):
            raise InvalidTemplate(
                data_key,
                f"uses {in_quotes(strange)}, which is a name of neither spec.inputs nor spec.keysMap",
            )
