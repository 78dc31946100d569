"""The option table as a JSON schema: what may stand below `settings` in the values of the chart.

Pure: the same table always gives the same schema. Options that hold credentials are left out, since Helm
stores and shows values; so are those that the chart decides by itself. What a user chose may be null again,
since a later file of values has no other way to take it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from secrets_manager.daemon.config.named_options import PARENT, NamedPlugin, named_options, plugin_of_kind
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.policy_rules import Effect
from secrets_manager.settings import BACKENDS, AuthMethod, AzureCloud, Engine, LogEncoder, kinds
from secrets_manager.settings.login_checks import proxy_address
from secrets_manager.settings.option import Option
from secrets_manager.settings.policy_rules import RULE_LISTS

__all__ = [
    "LEFT_OUT",
    "WORDS",
    "credential_names",
    "decided_names",
    "definitions",
    "is_left_out",
    "key_of",
    "options_of_named",
]

Schema = dict[str, Any]

# Options that cannot stand in the values, with the reason.
LEFT_OUT = {
    "once": "a pod that ends would be started again for ever",
    "kubeconfig": "the rights that the chart makes are those of the pod's account",
    "metrics-addr": "the probes and the Service ask port 8080",
    "watch-namespaces": "the value `namespaces` sets it, and the rights with it",
}
# Options that the chart makes rights, probes and rollouts from; the environment would undo that.
_DECIDED = {"config", "version", *LEFT_OUT, "enable-leader-election"}
_DECIDED_TABLE = "election"
# The words of options that take no others, by the key in the table.
WORDS = {
    "engine": get_args(Engine),
    "auth-method": get_args(AuthMethod),
    "cloud": get_args(AzureCloud),
}
# As settings/checks.py has it, without the bound of its length, which the daemon knows.
BACKEND_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"

_NUMBER = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_TEXTS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
_OF_KIND: dict[kinds.ValueKind, Schema] = {
    kinds.TEXT: {"type": "string"},
    kinds.SWITCH: {"type": "boolean"},
    kinds.COUNT: {"type": "integer"},
    kinds.WHOLE_SECONDS: {"type": "integer", "minimum": 0},
    kinds.DURATION: {"type": "string", "pattern": rf"^({_NUMBER}(ns|us|µs|μs|ms|s|m|h))+$"},
    kinds.LIST: _TEXTS,
    kinds.LOOSE_LIST: _TEXTS,
    kinds.PATTERNS: {**_TEXTS, "minItems": 1},
    kinds.ADDRESS: {"type": "string"},
    kinds.LEVEL: {"type": ["string", "integer"]},
    kinds.STACKTRACE_LEVEL: {"enum": list(kinds.STACKTRACE_LEVELS)},
    kinds.ENCODER: {"enum": list(get_args(LogEncoder))},
    kinds.TABLES: {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/policyRule"}},
}


def definitions() -> dict[str, Schema]:
    """The definitions that `settings` consists of, by name."""
    top = _table("", (option for option in OPTIONS if option.in_file and not is_left_out(option)))
    top["properties"][PARENT] = {
        "description": "Backends with a name, each with its kind and the keys of that kind's table.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "patternProperties": {BACKEND_NAME: {"$ref": "#/definitions/namedBackend"}},
    }
    return {
        "settings": top,
        "policyRule": _rule(),
        "namedBackend": _named_backend(),
        **{_definition_of(kind): _named(kind) for kind in BACKENDS},
    }


def is_left_out(option: Option) -> bool:
    """Whether the option has no place in the values."""
    return option.name in LEFT_OUT or _is_credential(option)


def key_of(option: Option) -> str:
    """An option's key in its table."""
    return option.name.rpartition(".")[2]


def options_of_named(kind: str) -> tuple[Option, ...]:
    """The options of a backend of that kind with the name NAME."""
    return named_options(NamedPlugin(name="NAME", plugin=plugin_of_kind(kind)))


def credential_names() -> str:
    """A pattern of the names in the environment that hold a credential, for Go."""
    ours = [option for option in OPTIONS if _is_credential(option)]
    names = {name for option in ours for name in (option.environment, option.overriding) if name}
    named = [option for kind in BACKENDS for option in options_of_named(kind) if _is_credential(option)]
    foreign = {name for kind in BACKENDS for name in plugin_of_kind(kind).foreign_credentials}
    keys = {key_of(option).replace("-", "_").upper() for option in named}
    of_named = f"SECRETS_MANAGER_{PARENT.upper()}__[A-Z0-9_]+__({'|'.join(sorted(keys))})"
    return f"^({'|'.join(sorted(names | foreign))}|{of_named})$"


def decided_names() -> str:
    """A pattern of the names in the environment that the chart decides by itself, for Go."""
    ours = [option for option in OPTIONS if option.name in _DECIDED or option.table == _DECIDED_TABLE]
    return f"^({'|'.join(sorted(option.environment for option in ours))})$"


def _is_credential(option: Option) -> bool:
    """Whether it is a secret in any case: the chart refuses the address of a proxy that has a password."""
    return option.secret and option.check is not proxy_address


def _table(table: str, options: Iterable[Option]) -> Schema:
    """The schema of a table, and of those below it; ``options`` are in it or below."""
    properties: dict[str, Schema] = {}
    below: dict[str, list[Option]] = {}
    for option in options:
        if option.table == table:
            properties[key_of(option)] = _value(option)
        else:
            below.setdefault(option.table.removeprefix(table).lstrip(".").partition(".")[0], []).append(
                option
            )
    for name, inner in below.items():
        properties[name] = _table(f"{table}.{name}".lstrip("."), inner)
    return {"type": _table_type(table), "additionalProperties": False, "properties": properties}


def _table_type(table: str) -> str | list[str]:
    return ["object", "null"] if table else "object"


def _value(option: Option) -> Schema:
    kind = kinds.TEXT if option.kind is kinds.OPTIONAL_TEXT else option.kind
    words = WORDS.get(key_of(option))
    return {"description": option.help, **_or_null({"enum": list(words)} if words else _OF_KIND[kind])}


def _or_null(schema: Schema) -> Schema:
    """The schema with null as another value."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def _rule() -> Schema:
    lists = {name: {**_TEXTS, "minItems": 1} for name in RULE_LISTS}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**lists, "effect": {"enum": [effect.value for effect in Effect]}},
        "required": [*(name for name in RULE_LISTS if name != "backends"), "effect"],
    }


def _named(kind: str) -> Schema:
    options = options_of_named(kind)
    schema = _table(options[0].table, (option for option in options if not is_left_out(option)))
    schema["properties"]["kind"] = {"const": kind}
    return schema


def _named_backend() -> Schema:
    """A backend with a name: the keys of its kind, or any keys if a plug-in has the kind."""
    return {
        "type": ["object", "null"],
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}},
        "allOf": [
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": {"$ref": f"#/definitions/{_definition_of(kind)}"},
            }
            for kind in BACKENDS
        ],
    }


def _definition_of(kind: str) -> str:
    return f"namedBackend-{kind}"
