"""The command line of ``doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NoReturn

import click

from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.commands.ages import utc_now
from secrets_manager.commands.cluster import Asked, api_of, cluster_options
from secrets_manager.commands.doctor.examining import checks, examine
from secrets_manager.commands.doctor.findings import Level
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.commands.doctor.showing import as_data, as_text
from secrets_manager.commands.engine.engine import quiet_logs
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.kinds import Seconds, Surroundings, WithFlags
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.settings_of import settings_of
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

_DEFAULT_NAMESPACE = "secrets-manager"


@click.command("doctor", cls=WithFlags, short_help="Look for what stands in the way of the daemon.")
@cluster_options()
@click.option("--as", "as_user", default="", metavar="USER", help="Ask for the rights of this user.")
@click.option("--timeout", type=Seconds(), default="30s", show_default=True, help="For all checks together.")
@form_option()
@click.pass_obj
def command(surroundings: Surroundings, /, *, asked: Asked, as_user: str, timeout: float, form: Form) -> int:
    """Look for what stands in the way of the daemon, and say what to do.

    It reads the settings as the daemon does, and looks at the cluster, the rights, the CRD, the Lease, the
    backends, the definitions and what they left. It changes nothing, and shows no value. In the daemon's pod
    it has the daemon's own eyes: kubectl exec deploy/secrets-manager -- /secrets-manager doctor.

    It needs no right, and says what you may not look at; --as takes the right to impersonate USER. The exit
    code is 1 if anything fails.
    """
    quiet_logs()
    with _patient(surroundings, asked, as_user) as patient:
        findings = examine(patient, checks(patient), timeout)
    tell(form, as_data(findings), partial(as_text, findings))
    return Exit.NO if any(finding.level is Level.FAIL for finding in findings) else Exit.OK


@contextmanager
def _patient(surroundings: Surroundings, asked: Asked, as_user: str) -> Iterator[Patient]:
    settings, fault = _settings(surroundings)
    with ExitStack() as stack:
        api, namespace = _api(stack, asked, surroundings)
        reviewer = _api(stack, asked, surroundings, as_user)[0] if as_user else api
        yield Patient(
            settings=settings,
            settings_fault=fault,
            api=api,
            reviewer=reviewer,
            as_user=as_user,
            namespace=asked.namespace or namespace or _DEFAULT_NAMESPACE,
            now=utc_now,
        )


def _api(
    stack: ExitStack, asked: Asked, surroundings: Surroundings, as_user: str = ""
) -> tuple[HttpKubernetesApi, str]:
    try:
        return stack.enter_context(api_of(asked, surroundings, as_user))
    except ConfigError as error:
        nowhere: Any = _NoApi(error)
        return nowhere, ""


class _NoApi:
    """In the place of an API server to which nobody knows the way: backends are looked at all the same."""

    def __init__(self, fault: ConfigError) -> None:
        self._fault = fault.bare()

    def __getattr__(self, _name: str) -> NoReturn:
        raise self._fault.bare()


def _settings(surroundings: Surroundings) -> tuple[Settings, str]:
    """The settings, or the defaults and what is wrong with those that were given."""
    try:
        return settings_of(surroundings), ""
    except ConfigError as error:
        return Settings(), error.message
