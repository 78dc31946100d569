"""The environment as layers of configuration: our own names, and the well-known names of Vault, Azure and
others.

The environment is an argument, a mapping of texts; this module never asks the operating system for it.
Values are taken as they stand: no casts, no `@` words, so that a role id like `0123`, `1e5` or `true` stays
what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from secrets_manager.daemon.config.layers import Fault, Given, Layer, layer_of, read_value, suggestion
from secrets_manager.daemon.config.named_options import PARENT
from secrets_manager.daemon.config.options import Options
from secrets_manager.settings.option import ENVIRONMENT_PREFIX

# Kubernetes announces every Service of a namespace to its pods: one called `secrets-manager-metrics` appears
# as SECRETS_MANAGER_METRICS_SERVICE_HOST and a family of names beside it. They are not meant for us.
SERVICE_HOST = "_SERVICE_HOST"
SERVICE_LINK = re.compile(
    r"_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)",
    re.ASCII,
)

# What the variables of a backend with a name begin with. No name has two dashes in a row, so the first two
# underscores in a row end it.
OF_BACKEND = re.compile(
    rf"{ENVIRONMENT_PREFIX}{PARENT.upper()}__(?P<name>[A-Z0-9_]*?)__(?=.)", re.ASCII | re.DOTALL
)

NamedValues = Iterator[tuple[str, Given | Fault]]


def own_layer(environ: Mapping[str, str], options: Options) -> Layer:
    """The values of the `SECRETS_MANAGER_*` names; an unknown name is a fault."""
    return layer_of(read_own_names(environ, options))


def read_own_names(environ: Mapping[str, str], options: Options) -> NamedValues:
    """Read each of our names, in order; a name in small letters is unknown, too."""
    for name in sorted(name for name in environ if name.upper().startswith(ENVIRONMENT_PREFIX)):
        if option := options.by_environment.get(name):
            yield option.name, read_value(option, environ[name], f"environment {name}")
        elif not is_service_link(name, environ):
            text = f"unknown name{nearest(name, options)}"
            yield name, Fault(origin=f"environment {name}", text=text)


def is_service_link(name: str, environ: Mapping[str, str]) -> bool:
    """Whether Kubernetes set this name to announce a Service: that Service's host is set too."""
    services = (other.removesuffix(SERVICE_HOST) for other in environ if other.endswith(SERVICE_HOST))
    return any(
        name.startswith(service) and SERVICE_LINK.fullmatch(name.removeprefix(service))
        for service in services
    )


def nearest(unknown: str, options: Options) -> str:
    """A hint at the known name that was meant, if one is near."""
    name = unknown.upper()
    # In the table of a backend, one of its own.
    table = OF_BACKEND.match(name)
    prefix = table[0] if table else ENVIRONMENT_PREFIX
    tails = [known.removeprefix(prefix) for known in options.by_environment if known.startswith(prefix)]
    return suggestion(name.removeprefix(prefix), tails, prefix=prefix)


def overriding_layer(environ: Mapping[str, str], options: Options) -> Layer:
    """The values of the well-known names that win over flags; an empty one counts as absent."""
    return layer_of(
        (option.name, read_value(option, environ[option.overriding], f"environment {option.overriding}"))
        for option in options
        if environ.get(option.overriding)
    )


def fallback_layer(environ: Mapping[str, str], options: Options) -> Layer:
    """The values of the well-known names that are only fall-backs; an empty one counts as absent."""
    return layer_of(read_fallbacks(environ, options))


def read_fallbacks(environ: Mapping[str, str], options: Options) -> NamedValues:
    """Read the first name that is set of each option."""
    for option in options:
        name = next((name for name in option.fallbacks if environ.get(name)), None)
        if name is not None:
            yield option.name, read_value(option, environ[name], f"environment {name}")
