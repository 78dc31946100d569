"""The settings: whether they can be read, and what they warn of."""

from __future__ import annotations

from collections.abc import Iterator

from secrets_manager.commands.doctor.findings import Finding, fail, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.daemon.config.setting_checks import backend_notices, scope_notices

_CHECK = "settings"


def look_at_settings(patient: Patient) -> Iterator[Finding]:
    """What there is to say about them."""
    if patient.settings_fault:
        for line in patient.settings_fault.splitlines():
            yield fail(_CHECK, line, "mend it; until then backends are not looked at")
        return
    settings = patient.settings
    backends = ", ".join(f"{each.name} ({each.kind})" for each in settings.backends)
    scope = ", ".join(str(each) for each in patient.scope if each is not None) or "all namespaces"
    yield ok(_CHECK, f"backends {backends}; works in {scope}")
    for notice in (*settings.notices, *backend_notices(settings), *scope_notices(settings)):
        text, _, advice = notice.rpartition("; ")
        yield warn(_CHECK, text or advice, advice if text else "")
