"""The cluster that a command is about: chosen as kubectl chooses it, and asked with the user's own rights."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from secrets_manager.cluster.base import PersonsApi, Resource, Scope
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.commands.kinds import Seconds, Surroundings
from secrets_manager.domain.errors import ConfigError
from secrets_manager.domain.wording import in_quotes
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings.checks import DNS_LABEL

DEFAULT_NAMESPACE = "default"
_LONGEST_NAMESPACE = 63
_WHERE_TO_LOOK = "choose a cluster with --kubeconfig, KUBECONFIG and --context"
NAMESPACES = Resource("api/v1", "namespaces", namespaced=False)
_Callback = TypeVar("_Callback", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say about the cluster; None for what they do not say."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    everywhere: bool = False
    timeout: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster and the namespace that is meant where none is named."""

    api: PersonsApi
    namespace: str
    everywhere: bool = False

    def scope(self, resource: Resource) -> Scope:
        """All objects of a kind that were asked for."""
        return Scope(resource=resource, namespace=None if self.everywhere else self.namespace)


class _Untold:
    """A ClusterTelemetry that nobody reads."""

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        """Nothing is measured."""


def cluster_options(*, everywhere: bool = False) -> Callable[[_Callback], _Callback]:
    """The options that choose a cluster and a namespace, as the parameter ``asked`` of type `Asked`.

    With ``everywhere`` there is ``-A`` for all namespaces, too.
    """

    def decorate(callback: _Callback) -> _Callback:
        @functools.wraps(callback)
        def called(*args: Any, **options: Any) -> Any:
            asked = Asked(
                kubeconfig=options.pop("kubeconfig"),
                context=options.pop("context"),
                namespace=options.pop("namespace"),
                everywhere=options.pop("everywhere", False),
                timeout=options.pop("request_timeout"),
            )
            if asked.everywhere and asked.namespace is not None:
                raise click.UsageError("-n names one namespace and -A means all of them; give one of the two")
            return callback(*args, asked=asked, **options)

        for option in reversed(_options(everywhere=everywhere)):
            called = option(called)
        return called  # type: ignore[return-value] # an option returns what it is given

    return decorate


def _options(*, everywhere: bool) -> list[Callable[[Any], Any]]:
    found = [
        click.option(
            "-n",
            "--namespace",
            callback=namespace_of,
            shell_complete=_complete_namespaces,
            metavar="NAMESPACE",
            help="Namespace; by default that of the kubeconfig's context.",
        ),
    ]
    if everywhere:
        found.append(
            click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces.")
        )
    return [
        *found,
        click.option(
            "--context", metavar="NAME", help="Context of the kubeconfig; by default its current one."
        ),
        click.option(
            "--kubeconfig",
            metavar="FILE",
            help="Kubeconfig; by default KUBECONFIG, the pod's service account or ~/.kube/config.",
        ),
        click.option(
            "--request-timeout",
            type=Seconds(),
            default="15s",
            show_default=True,
            help="For each call to the API server.",
        ),
    ]


def _complete_namespaces(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    from secrets_manager.commands.completing import complete_namespaces  # noqa: PLC0415 - it needs this module

    return complete_namespaces(context, option, incomplete)


def namespace_of(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The name of a namespace, as click reads it."""
    if value is not None and not DNS_LABEL.fullmatch(value):
        raise click.BadParameter("no namespace can have that name")
    return value


@contextlib.contextmanager
def cluster_of(asked: Asked, surroundings: Surroundings) -> Iterator[Cluster]:
    """The cluster; no call is made yet.

    Raises ConfigError where no kubeconfig can be used, or where its namespace is none and is needed.
    """
    with api_of(asked, surroundings) as (api, namespace):
        named = asked.namespace or namespace or DEFAULT_NAMESPACE
        if not asked.everywhere and not DNS_LABEL.fullmatch(named):
            raise ConfigError(
                f"no namespace can have the name {in_quotes(named[:_LONGEST_NAMESPACE])}, which the "
                "kubeconfig gives; mend it, or choose another with -n"
            )
        yield Cluster(
            api=api,
            namespace=named,
            everywhere=asked.everywhere,
        )


@contextlib.contextmanager
def api_of(
    asked: Asked, surroundings: Surroundings, as_user: str = ""
) -> Iterator[tuple[HttpKubernetesApi, str]]:
    """The API server, and the namespace that the kubeconfig or the pod names, "" for none.

    Calls are made for ``as_user`` if one is given. Raises ConfigError where no kubeconfig can be used.
    """
    kubeconfig = asked.kubeconfig or surroundings.environ.get("KUBECONFIG") or None
    try:
        credentials = Credentials(
            kubeconfig, environ=surroundings.environ, context=asked.context, as_user=as_user
        )
    except ConfigError as error:
        raise ConfigError(f"{error.message}; {_WHERE_TO_LOOK}") from None
    api = HttpKubernetesApi(credentials, Watchdog(), _Untold(), timeout=asked.timeout)
    try:
        yield api, credentials.namespace
    finally:
        api.close()
