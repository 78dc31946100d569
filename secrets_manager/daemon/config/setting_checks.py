"""Checks of settings against each other, once each of them is valid by itself.

Each check gets the complete settings and reports contradictions by the options' names. The checks of files
open them for reading and keep nothing. This module must not know where a value came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from secrets_manager.backends.factory import plugin_of
from secrets_manager.backends.kit.file_checks import file_fault
from secrets_manager.daemon.config.named_options import PARENT as NAMED_TABLES
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.policy_globs import Glob
from secrets_manager.domain.policy_rules import Effect, Rule
from secrets_manager.runtime.regular_file import path_of
from secrets_manager.settings import Settings, VaultSettings
from secrets_manager.settings.checks import runs_over
from secrets_manager.settings.option import VARIABLE, Contradiction, options_of
from secrets_manager.settings.policy_rules import MOST_FAULTS

JITTER = 1.2


def find_contradictions(settings: Settings, *, offline: bool = False) -> Iterator[Contradiction]:
    """Every contradiction, in the order of the options; `offline` leaves out what only calls need."""
    for check in CHECKS:
        if not (offline and check in OF_CALLS):
            yield from check(settings)


def backend(settings: Settings) -> Iterator[Contradiction]:
    """The contradictions that each backend finds in its own settings."""
    for each in settings.backends:
        plugin = plugin_of(each)
        is_default = each.name == DEFAULT_BACKEND
        kind = "backend" if is_default else f"{each.table}.kind"
        variables = {
            option.name: option.best_variable
            for option in options_of(plugin.settings, each.table, overriding=is_default)
        }
        for found in plugin.contradictions(each.own):
            placed = found.within(each.table, kind)
            variable = variables.get(placed.names[0], "")
            yield replace(placed, text=placed.text.replace(VARIABLE, variable))


def kubeconfig(settings: Settings) -> Iterator[Contradiction]:
    """At least one of the named kubeconfig files must be readable."""
    named = [part for part in (settings.kubernetes.kubeconfig or "").split(os.pathsep) if part]
    faults = [file_fault(path_of(part)) for part in named]
    if faults and all(faults):
        yield Contradiction(names=("kubeconfig",), text=faults[0])


def election_times(settings: Settings) -> Iterator[Contradiction]:
    """A leader must give up before another replica may take over, and have time for more than one try."""
    election = settings.election
    if election.lease_duration <= election.renew_deadline:
        text = "must be longer than election.renew-deadline"
        yield Contradiction(names=("election.lease-duration", "election.renew-deadline"), text=text)
    if election.renew_deadline <= JITTER * election.retry_period:
        text = f"must be longer than {JITTER} times election.retry-period"
        yield Contradiction(names=("election.renew-deadline", "election.retry-period"), text=text)


def policy_backends(settings: Settings) -> Iterator[Contradiction]:
    """Rules name backends that there are: a rule that denies for another one would protect nothing."""
    names = [each.name for each in settings.backends]
    faults = [
        f"rule {number}, backends, item {place}: matches no backend"
        for number, rule in enumerate(settings.policy.rules, 1)
        for place, pattern in enumerate(rule.backends, 1)
        if not any(Glob.of(pattern).matches(name) for name in names)
    ]
    if faults:
        there_are = f"there is one, called {names[0]}" if len(names) == 1 else f"there are {', '.join(names)}"
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        text = f"{'; '.join([*faults[:MOST_FAULTS], *more])}; {there_are}"
        # Where a table is at fault, its backend may be the one that is meant.
        yield Contradiction(names=("policy.rules", NAMED_TABLES), text=text)


CHECKS: tuple[Callable[[Settings], Iterator[Contradiction]], ...] = (
    kubeconfig,
    backend,
    election_times,
    policy_backends,
)
# They ask for credentials, and look at files.
OF_CALLS = (kubeconfig, backend)


def settings_notices(settings: Settings) -> Iterator[str]:
    """Warnings about settings that are valid."""
    for vault in (each.own for each in settings.backends if isinstance(each.own, VaultSettings)):
        if vault.skip_verify:
            yield (
                f"{vault.table}.skip-verify is set, so Vault's certificate is not verified: anyone on the "
                f"network path can read and change every secret; set {vault.table}.ca-cert instead"
            )
    watched, excluded = set(settings.controller.watch_namespaces), set(settings.controller.exclude_namespaces)
    if watched and watched <= excluded:
        yield "every watched namespace is excluded: there is nothing to do"


def backend_notices(settings: Settings) -> Iterator[str]:
    """Warnings of each backend, for the start."""
    for each in settings.backends:
        named = "" if each.name == DEFAULT_BACKEND else f"backend {each.name}: "
        yield from (f"{named}{notice}" for notice in plugin_of(each).notices(each.own))


def scope_notices(settings: Settings) -> Iterator[str]:
    """Warnings about the paths that namespaces may read, for the start."""
    patterns, rules = settings.policy.paths, settings.policy.rules
    if not patterns and not rules:
        yield (
            "no path policy is set: anyone who may write a SecretDefinition gets the values of every path "
            "that the daemon can read; set policy.paths or policy.rules"
        )
    if any(runs_over(pattern) for pattern in patterns):
        yield (
            "a pattern of policy.paths lets a namespace read the paths of others, since a * matches any "
            "text, slashes too: write all that comes before {namespace} without a *, and a slash after it"
        )
    yield from rule_notices(rules)


def rule_notices(rules: Sequence[Rule]) -> Iterator[str]:
    """Warnings about rules that are valid, and may not do what was meant."""
    for number, rule in enumerate(rules, 1):
        if rule.names_everything and number < len(rules):
            yield (
                f"rule {number} of policy.rules names every namespace, backend and path, so the rules "
                "after it decide nothing"
            )
        if rule.effect is Effect.ALLOW and any(runs_over(pattern) for pattern in rule.paths):
            yield (
                f"a pattern of rule {number} of policy.rules lets a namespace read the paths of others, "
                "since a * matches any text, slashes too: write all that comes before {namespace} without "
                "a *, and a slash after it"
            )
