"""``secrets-manager policy test``: which rule of the path policy decides about a path, and why.

It reads the settings as the daemon does. It makes no call, writes no log and leaves the environment alone.
"""

from __future__ import annotations

import click
from rich.text import Text

from secrets_manager.commands.exit_codes import Exit
from secrets_manager.commands.kinds import Surroundings, WithFlags
from secrets_manager.commands.output import Form, form_option, tell
from secrets_manager.commands.settings_of import settings_of
from secrets_manager.commands.verdicts import Judge, Verdict
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.wording import in_quotes, printable
from secrets_manager.settings.checks import DNS_LABEL


@click.group("policy")
def policy() -> None:
    """Ask what the path policy of the settings says."""


def _namespace(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    if not DNS_LABEL.fullmatch(value):
        raise click.BadParameter("no namespace can have that name")
    return value


def _backend(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> str:
    if len(values) > 1:
        raise click.BadParameter("it can be given once; ask about each backend by itself")
    return values[0] if values else DEFAULT_BACKEND


@policy.command("test", cls=WithFlags, short_help="Say which rule decides about a path, and why.")
@click.argument("namespace", callback=_namespace)
@click.argument("path")
@click.option(
    "--backend",
    "-backend",
    multiple=True,
    callback=_backend,
    metavar="NAME",
    help="Ask about this backend; needed where every backend has a name.",
)
@form_option()
@click.pass_obj
def test(surroundings: Surroundings, /, *, namespace: str, path: str, backend: str, form: Form) -> int:
    """Say which rule decides whether definitions of NAMESPACE may read PATH, and why.

    Settings are read as the daemon reads them; flags of the daemon stand behind --. No call is made, and no
    credentials are needed. The exit code is 0 if the path is allowed, 1 if it is denied, and 2 if the
    settings or the arguments have a fault.
    """
    verdict = Judge(settings_of(surroundings, offline=True)).verdict(namespace, backend, path)
    data = {
        "namespace": namespace,
        "backend": backend,
        "path": verdict.path,
        "allowed": verdict.allowed,
        "why": verdict.why,
    }
    tell(form, data, lambda: Text(_sentences(namespace, backend, verdict)))
    return Exit.OK if verdict.allowed else Exit.NO


def _sentences(namespace: str, backend: str, verdict: Verdict) -> str:
    said = f"{'allowed' if verdict.allowed else 'denied'} {verdict.why}"
    if verdict.path is None:
        return said
    named = f"namespace {namespace}, backend {backend}, path {in_quotes(verdict.path)}"
    return f"{printable(named)}\n{said}"
