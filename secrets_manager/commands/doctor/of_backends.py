"""A backend: the way to it, the login, the life of the token, and its rights on the paths that are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from secrets_manager.backends.azure_key_vault import clouds
from secrets_manager.backends.azure_key_vault import transport as azure_transport
from secrets_manager.backends.base import Backend, Examinee, Source
from secrets_manager.backends.factory import build_backend
from secrets_manager.backends.vault import transport as vault_transport
from secrets_manager.commands.doctor.findings import Finding, Level, counted, fail, named, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.commands.doctor.reaching import Address, reach
from secrets_manager.commands.one_time_logins import one_time_login
from secrets_manager.daemon.assembly import provide
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    PermissionDenied,
    SecretsManagerError,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings, BackendSettings, VaultSettings

# Of a backend that cannot be asked about rights so many paths are read.
_MOST_READ = 20
_LOGIN = "mend the credentials, or the role: docs/vault-logins.md and docs/azure-key-vault.md"


def look_at_backend(settings: BackendSettings) -> Callable[[Patient], Iterator[Finding]]:
    """The check of one backend."""

    def look(patient: Patient) -> Iterator[Finding]:
        check = f"backend {settings.name}"
        if (address := address_of(settings)) is not None:
            yield from reach(check, address, settings.timeout, patient.now)
        if setting := one_time_login(settings):
            found = f"no login was made: by {setting} there is one alone, which the daemon needs"
            yield warn(check, found, "the daemon's log and /readyz?verbose say whether it is logged in")
            return
        with _built(patient, settings) as backend:
            yield from _login(check, backend)
            if backend.ready():
                yield from _rights(check, patient, settings, backend)

    return look


def address_of(settings: BackendSettings) -> Address | None:
    """Where the backend is; None for one of another package, which does not say."""
    own = settings.own
    if isinstance(own, VaultSettings):
        return Address(
            url=own.url,
            setting=f"{own.table}.url",
            files=vault_transport.tls_files(own),
            proxy=own.proxy,
            server_name=own.tls_server_name,
        )
    if isinstance(own, AzureKvSettings):
        return Address(
            url=clouds.endpoint_of(own).url,
            setting=f"{own.table}.name",
            files=azure_transport.tls_files(own),
            proxy=own.proxy,
        )
    return None


@contextmanager
def _built(patient: Patient, settings: BackendSettings) -> Iterator[Backend]:
    backend = build_backend(
        settings, provide(patient.settings, settings, Metrics(patient.settings), Watchdog())
    )
    try:
        yield backend
    finally:
        backend.close()


def _login(check: str, backend: Backend) -> Iterator[Finding]:
    try:
        backend.maintain()
    except AuthFailed as error:
        yield fail(check, f"the login is refused: {error.message}", _LOGIN)
    except BackendFault as error:
        yield fail(check, f"{error.reason}: {error.message}", "docs/troubleshooting.md has this reason")
    else:
        yield ok(check, "the login works")


def _rights(check: str, patient: Patient, settings: BackendSettings, backend: Backend) -> Iterator[Finding]:
    try:
        sources = patient.estate().sources.get(settings.name, set())
    except SecretsManagerError:
        # Another finding tells why they are not known.
        sources = set()
    if not isinstance(backend, Examinee):
        yield from _by_reading(check, settings, backend, sources)
        return
    for remark in backend.examine(sources, Terms.within(settings.timeout)):
        yield Finding(check, Level(remark.level), f"{remark.subject}: {remark.found}", remark.advice)


def _by_reading(
    check: str, settings: BackendSettings, backend: Backend, sources: set[Source]
) -> Iterator[Finding]:
    """Read some paths and drop what they hold: there is no other way to ask."""
    asked, denied = 0, []
    for source in islice(sorted(sources), _MOST_READ):
        asked += 1
        try:
            backend.read(source, Terms.within(settings.timeout))
        except PermissionDenied:
            denied.append(source.path)
        except BackendFault as error:
            yield fail(check, f"{error.reason}: {error.message}", "docs/troubleshooting.md has this reason")
            return
        except SecretsManagerError:
            # That a path is not there is no missing right; its definition says so.
            continue
    if denied:
        yield fail(
            check,
            f"paths: the login may not read {len(denied)} of {counted(asked, 'path')}: {named(denied)}",
            "grant it the right to get them, or mend the definitions",
        )
    elif asked:
        yield ok(check, f"paths: the login may read {counted(asked, 'path')} that definitions use")
