"""Runs all checks side by side, each within its time: one that is sick, or hangs, hides no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from secrets_manager.commands.doctor.findings import Finding, fail
from secrets_manager.commands.doctor.of_backends import look_at_backend
from secrets_manager.commands.doctor.of_cluster import look_at_cluster, look_at_crd
from secrets_manager.commands.doctor.of_definitions import look_at_definitions, look_for_leftovers
from secrets_manager.commands.doctor.of_election import look_at_election
from secrets_manager.commands.doctor.of_settings import look_at_settings
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.commands.doctor.rights import look_at_rights
from secrets_manager.commands.faults import told_all
from secrets_manager.domain.errors import ConfigError, Forbidden, SecretsManagerError

Check = Callable[[Patient], Iterator[Finding]]
_IN_THE_POD = "run it in the daemon's pod: kubectl exec"


@dataclass(eq=False)
class _Run:
    """One check, and what it found so far."""

    name: str
    check: Check
    found: list[Finding] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def work(self, patient: Patient) -> None:
        """Run it; whatever it raises becomes a finding."""
        try:
            for finding in self.check(patient):
                self.found.append(finding)
        except SecretsManagerError as error:
            found = f"cannot be looked at: {told_all(error)}"
            self.found.append(fail(self.name, found, _advice(self.name, error)))
        except Exception as unexpected:  # noqa: BLE001 - its text may hold anything
            kind = type(unexpected).__name__
            self.found.append(fail(self.name, f"cannot be looked at: unexpected {kind}", "report it"))
        finally:
            self.over.set()


def _advice(check: str, error: SecretsManagerError) -> str:
    if isinstance(error, Forbidden):
        return f"ask for that right, or {_IN_THE_POD}"
    if isinstance(error, ConfigError):
        return f"do that, or {_IN_THE_POD}"
    if check == "cluster":
        return "mend that first: most of the other checks need it"
    return "see the other findings first"


def checks(patient: Patient) -> list[tuple[str, Check]]:
    """All checks, in the order of the answer."""
    backends = () if patient.settings_fault else patient.settings.backends
    return [
        ("settings", look_at_settings),
        ("cluster", look_at_cluster),
        ("crd", look_at_crd),
        ("rights", look_at_rights),
        ("lease", look_at_election),
        *((f"backend {each.name}", look_at_backend(each)) for each in backends),
        ("definitions", look_at_definitions),
        ("leftovers", look_for_leftovers),
    ]


def examine(patient: Patient, chosen: Sequence[tuple[str, Check]], seconds: float) -> list[Finding]:
    """What was found, within so many seconds for all together."""
    runs = [_Run(name, check) for name, check in chosen]
    for run in runs:
        threading.Thread(target=run.work, args=(patient,), name=f"doctor {run.name}", daemon=True).start()
    ends_at = time.monotonic() + seconds
    findings: list[Finding] = []
    for run in runs:
        if run.over.wait(max(0.0, ends_at - time.monotonic())):
            findings += run.found
        else:
            findings += [*run.found, _unfinished(run, seconds)]
    return findings


def _unfinished(run: _Run, seconds: float) -> Finding:
    return fail(
        run.name, f"did not answer within {seconds:g}s", "see what hangs, or give it more time with --timeout"
    )
